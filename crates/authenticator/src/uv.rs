//! The user-verification key: sealed by the PIN, opened for one approval or for as long as the options say.

use std::sync::{Arc, Mutex};

use countersign_clock::{Millis, Random};
use countersign_jose::{
    JoseError, b64,
    password::{self, PinCost},
    seal::SealingKey,
};
use countersign_protocol::Secret;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    error::AuthenticatorError,
    host::{SecretStore, SecretStoreError},
    pin::{Pin, Tries},
    signer::{Signer, SoftwareSigner},
    sync::held,
};

/// A private key under a PIN, with what is needed to open it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SealedKey {
    salt: String,
    memory_kib: u32,
    passes: u32,
    sealed: String,
}

impl SealedKey {
    fn seal(
        key: &SoftwareSigner,
        pin: &Pin,
        context: &str,
        cost: PinCost,
        random: &dyn Random,
    ) -> Result<Self, JoseError> {
        let mut salt = [0; 16];
        random.fill(&mut salt);
        let under = password::key_from_pin(pin.expose(), &salt, cost)?;
        let sealed = SealingKey::new(*under).seal(context, key.to_pkcs8())?;
        Ok(Self {
            salt: b64::encode(salt),
            memory_kib: cost.memory_kib,
            passes: cost.passes,
            sealed: b64::encode(sealed),
        })
    }

    fn open(&self, pin: &Pin, context: &str) -> Result<SoftwareSigner, AuthenticatorError> {
        let cost = PinCost {
            memory_kib: self.memory_kib,
            passes: self.passes,
        };
        let under = password::key_from_pin(pin.expose(), &b64::decode(&self.salt)?, cost)?;
        let der = match SealingKey::new(*under).open(context, &b64::decode(&self.sealed)?) {
            Err(JoseError::Seal) => return Err(AuthenticatorError::WrongPin),
            opened => opened?,
        };
        Ok(SoftwareSigner::from_pkcs8(&der)?)
    }
}

/// The key after the person was verified.
#[derive(Clone)]
pub(crate) struct Unlocked {
    pub(crate) signer: Arc<dyn Signer>,
    /// When the PIN was typed, on the device's clock.
    pub(crate) at: Millis,
}

/// What stands between a person and the user-verification key.
pub(crate) struct UvGate {
    account: String,
    unlock_for: Millis,
    open: Mutex<Option<Unlocked>>,
    // One try at a time, so that parallel tries are counted.
    trying: tokio::sync::Mutex<()>,
}

impl UvGate {
    pub(crate) fn new(account: &str, unlock_seconds: u32) -> Self {
        Self {
            account: account.to_owned(),
            unlock_for: Millis::from(unlock_seconds) * 1_000,
            open: Mutex::new(None),
            trying: tokio::sync::Mutex::new(()),
        }
    }

    /// Seals `key` under `pin`.
    pub(crate) async fn seal(
        &self,
        key: SoftwareSigner,
        pin: Pin,
        cost: PinCost,
        random: Arc<dyn Random>,
    ) -> Result<SealedKey, AuthenticatorError> {
        let context = self.context();
        let seal = move || SealedKey::seal(&key, &pin, &context, cost, random.as_ref());
        Ok(tokio::task::spawn_blocking(seal)
            .await
            .map_err(std::io::Error::other)??)
    }

    /// Keeps a sealed key, in place of an older one.
    pub(crate) async fn keep(&self, store: &dyn SecretStore, sealed: &SealedKey) -> Result<(), AuthenticatorError> {
        *held(&self.open) = None;
        save(store, &self.key_name(), sealed).await?;
        store.delete(&self.tries_name()).await?;
        Ok(())
    }

    /// The open key, when the person was verified at most `max_age` milliseconds ago and that still counts.
    pub(crate) fn unlocked(&self, now: Millis, max_age: Millis) -> Option<Unlocked> {
        self.forget_stale(now);
        held(&self.open).clone().filter(|open| now - open.at <= max_age)
    }

    /// Opens the key with the PIN.
    ///
    /// # Errors
    /// `WrongPin`, `PinThrottled`, or what the key store says.
    pub(crate) async fn unlock(
        &self,
        store: &dyn SecretStore,
        pin: &str,
        now: Millis,
    ) -> Result<Unlocked, AuthenticatorError> {
        let _one_at_a_time = self.trying.lock().await;
        let kept: Tries = load(store, &self.tries_name()).await?.unwrap_or_default();
        let tries = kept.at(now);
        if let Some(until) = tries.wait_until(now) {
            if tries != kept {
                save(store, &self.tries_name(), &tries).await?;
            }
            return Err(AuthenticatorError::PinThrottled { until });
        }
        save(store, &self.tries_name(), &tries.counted(now)).await?;
        let pin = Pin::typed(pin)?;
        let sealed: SealedKey = load(store, &self.key_name())
            .await?
            .ok_or(AuthenticatorError::DeviceRemoved)?;
        let context = self.context();
        let open = move || sealed.open(&pin, &context);
        let signer = tokio::task::spawn_blocking(open)
            .await
            .map_err(std::io::Error::other)??;
        store.delete(&self.tries_name()).await?;
        let open = Unlocked {
            signer: Arc::new(signer),
            at: now,
        };
        if self.unlock_for > 0 {
            *held(&self.open) = Some(open.clone());
        }
        Ok(open)
    }

    /// Drops the open key when its time is over; the key wipes itself.
    pub(crate) fn forget_stale(&self, now: Millis) {
        let mut open = held(&self.open);
        let fresh = |at: Millis| (0..self.unlock_for).contains(&(now - at));
        if open.as_ref().is_some_and(|open| !fresh(open.at)) {
            *open = None;
        }
    }

    /// Whether a key lies open.
    pub(crate) fn is_open(&self) -> bool {
        held(&self.open).is_some()
    }

    /// Forgets everything, for good.
    pub(crate) async fn wipe(&self, store: &dyn SecretStore) -> Result<(), SecretStoreError> {
        *held(&self.open) = None;
        store.delete(&self.key_name()).await?;
        store.delete(&self.tries_name()).await
    }

    fn key_name(&self) -> String {
        format!("account.{}.uv", self.account)
    }

    fn tries_name(&self) -> String {
        format!("account.{}.tries", self.account)
    }

    fn context(&self) -> String {
        format!("countersign-uv-key {}", self.account)
    }
}

/// Finds a value kept as JSON.
pub(crate) async fn load<T: DeserializeOwned>(
    store: &dyn SecretStore,
    name: &str,
) -> Result<Option<T>, AuthenticatorError> {
    let Some(text) = store.get(name).await? else {
        return Ok(None);
    };
    Ok(Some(serde_json::from_str(text.expose())?))
}

/// Keeps a value as JSON.
pub(crate) async fn save<T: Serialize>(
    store: &dyn SecretStore,
    name: &str,
    value: &T,
) -> Result<(), AuthenticatorError> {
    store.set(name, &Secret::new(serde_json::to_string(value)?)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use countersign_clock::SeededRandom;

    use super::*;
    use crate::memory::MemorySecrets;

    const CHEAP: PinCost = PinCost {
        memory_kib: 64,
        passes: 1,
    };

    async fn sealed(unlock_seconds: u32) -> (Arc<MemorySecrets>, UvGate, String) {
        let store = Arc::new(MemorySecrets::default());
        let gate = UvGate::new("a", unlock_seconds);
        let key = SoftwareSigner::generate().unwrap();
        let kid = key.kid().to_owned();
        let pin = Pin::choose("135790").unwrap();
        let sealed = gate
            .seal(key, pin, CHEAP, Arc::new(SeededRandom::new(1)))
            .await
            .unwrap();
        gate.keep(store.as_ref(), &sealed).await.unwrap();
        (store, gate, kid)
    }

    #[tokio::test]
    async fn only_the_pin_opens_the_key_and_it_is_asked_every_time() {
        let (store, gate, kid) = sealed(0).await;
        assert!(
            matches!(
                gate.unlock(store.as_ref(), "135791", 0).await,
                Err(AuthenticatorError::WrongPin)
            ),
            "S-052"
        );
        assert_eq!(
            gate.unlock(store.as_ref(), "135790", 0).await.unwrap().signer.kid(),
            kid
        );
        assert!(
            gate.unlocked(0, 60_000).is_none(),
            "S-026: nothing stays open by default"
        );
        let kept = store.get("account.a.uv").await.unwrap().unwrap();
        let other = UvGate::new("b", 0);
        store.set("account.b.uv", &kept).await.unwrap();
        assert!(
            other.unlock(store.as_ref(), "135790", 0).await.is_err(),
            "a sealed key is of use to its account alone"
        );
    }

    #[tokio::test]
    async fn wrong_pins_are_counted_across_restarts_and_a_right_one_forgives_them() {
        let (store, gate, _) = sealed(0).await;
        for _ in 0..5 {
            assert!(gate.unlock(store.as_ref(), "246801", 0).await.is_err());
        }
        let restarted = UvGate::new("a", 0);
        let refused = restarted.unlock(store.as_ref(), "135790", 1_000).await.err().unwrap();
        assert!(
            matches!(refused, AuthenticatorError::PinThrottled { until: 30_000 }),
            "S-052: even the right PIN waits"
        );
        assert_eq!(refused.view().retry_at, Some(30_000), "the window can count down");
        assert!(restarted.unlock(store.as_ref(), "135790", 30_000).await.is_ok());
        assert!(
            matches!(
                restarted.unlock(store.as_ref(), "x", 30_000).await,
                Err(AuthenticatorError::WrongPin)
            ),
            "forgiven"
        );
    }

    #[tokio::test]
    async fn an_open_key_serves_only_as_long_as_options_and_policy_say() {
        let (store, gate, _) = sealed(60).await;
        gate.unlock(store.as_ref(), "135790", 1_000).await.unwrap();
        assert!(gate.unlocked(31_000, 30_000).is_some());
        assert!(gate.unlocked(31_001, 30_000).is_none(), "the policy's age wins");
        assert!(gate.unlocked(61_000, 600_000).is_none(), "the options' time is over");
        assert!(!gate.is_open(), "and the key is gone from memory");
    }
}
