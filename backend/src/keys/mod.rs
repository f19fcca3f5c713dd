//! The keys that sign: made here, sealed at rest, published before they are used and after they are retired.
//!
//! A key of each [`KeyPurpose`] moves from `next` over `active` to `retiring`. A key for ID tokens and one for request objects are never the same.

mod announcement;
mod secret_file;
mod snapshot;

use std::sync::{Arc, PoisonError, RwLock};

use countersign_clock::{Clock, Millis};
use countersign_jose::{Algorithm, JoseError, Jwk, SigningKey, seal::SealingKey};

use crate::{
    domain::{KeyPurpose, KeyState, StoredKey},
    meters::meters,
    storage::{Storage, StorageError},
};

pub use secret_file::{SecretFileError, key_encryption_key, write_private};
pub use snapshot::Snapshot;

/// All purposes, in the order in which keys are made.
pub const PURPOSES: [KeyPurpose; 3] = [
    KeyPurpose::IdTokenEs256,
    KeyPurpose::IdTokenRs256,
    KeyPurpose::RequestObject,
];

/// How long a retiring key stays published: longer than anything it signed is good for.
pub const RETIRING_MILLIS: Millis = 24 * 60 * 60 * 1000;

/// Why keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The store did not answer.
    #[error("signing keys could not be read or written")]
    Storage(#[from] StorageError),
    /// A key could not be made, opened or used.
    #[error("a signing key could not be made or opened: is the key-encryption key the one that sealed it?")]
    Jose(#[from] JoseError),
    /// A purpose has no key that signs.
    #[error("there is no active key for {0:?}")]
    NoActiveKey(KeyPurpose),
}

/// Makes, opens and rotates keys, and holds the opened ones.
pub struct KeyRing {
    storage: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    sealing: SealingKey,
    origin: String,
    opened: RwLock<Arc<Snapshot>>,
}

impl KeyRing {
    /// Opens all keys and makes the first one of each purpose. `origin` is the backend's, which announcements name.
    ///
    /// # Errors
    /// When the store does not answer or a key does not open.
    pub async fn open(
        storage: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
        sealing: SealingKey,
        origin: String,
    ) -> Result<Self, KeyError> {
        let ring = Self {
            storage,
            clock,
            sealing,
            origin,
            opened: RwLock::default(),
        };
        let stored = ring.storage.list_keys().await?;
        for purpose in PURPOSES {
            if !stored.iter().any(|key| key.purpose == purpose) {
                ring.make(purpose, None).await?;
            }
        }
        ring.refresh().await?;
        Ok(ring)
    }

    /// Whether `sealing` opens all `stored` keys.
    ///
    /// # Errors
    /// When one of them does not open.
    pub fn check(stored: &[StoredKey], sealing: &SealingKey) -> Result<(), KeyError> {
        Snapshot::open(stored, sealing, &Snapshot::default()).map(drop)
    }

    /// Reads the keys again, so that a rotation by another process is seen.
    ///
    /// # Errors
    /// As [`KeyRing::open`]; the keys in use stay.
    pub async fn refresh(&self) -> Result<(), KeyError> {
        let stored = self.storage.list_keys().await?;
        let next = Arc::new(Snapshot::open(&stored, &self.sealing, &self.snapshot())?);
        for key in stored.iter().filter(|key| key.state == KeyState::Active) {
            meters().key_signs_since(key.purpose.word(), key.state_since / 1000);
        }
        *self.opened.write().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(())
    }

    /// Seals what leaves this program and comes back, such as tokens that carry their own contents. Each use has a context of its own.
    #[must_use]
    pub fn sealing(&self) -> &SealingKey {
        &self.sealing
    }

    /// The keys as they stand now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.opened.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The key that signs for `purpose`.
    ///
    /// # Errors
    /// When there is none.
    pub fn signer(&self, purpose: KeyPurpose) -> Result<Arc<SigningKey>, KeyError> {
        self.snapshot().active(purpose).ok_or(KeyError::NoActiveKey(purpose))
    }

    /// One step of rotation: publishes a `next` key where there is none, else makes it `active`. Returns whether a key was promoted.
    ///
    /// # Errors
    /// When the store does not answer or a key cannot be made.
    pub async fn rotate(&self, purpose: KeyPurpose) -> Result<bool, KeyError> {
        self.refresh().await?;
        let promoted = self.storage.promote_key(purpose, self.clock.now()).await?;
        if !promoted {
            let announcer = self.signer(purpose)?;
            self.make(purpose, Some(&announcer)).await?;
        }
        self.storage
            .drop_retired_keys(self.clock.now() - RETIRING_MILLIS)
            .await?;
        self.refresh().await?;
        Ok(promoted)
    }

    async fn make(&self, purpose: KeyPurpose, announcer: Option<&SigningKey>) -> Result<(), KeyError> {
        let algorithm = algorithm(purpose);
        // RSA keys take a good part of a second: not on a thread that answers requests.
        let key = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm))
            .await
            .map_err(|panicked| StorageError::Unavailable(Box::new(panicked)))??;
        let kid = key.kid().to_owned();
        let now = self.clock.now();
        let announcement = match announcer {
            Some(announcer) if purpose == KeyPurpose::RequestObject => {
                let mut keys: Vec<Jwk> = self.snapshot().public(&[purpose]);
                keys.push(key.public_jwk());
                Some(announcement::sign(
                    announcer,
                    &self.origin,
                    &keys,
                    self.clock.now_seconds(),
                )?)
            }
            _ => None,
        };
        let stored = StoredKey {
            sealed: self.sealing.seal(&kid, key.to_pkcs8())?,
            public_jwk: serde_json::to_string(&key.public_jwk()).map_err(|_| JoseError::Key)?,
            kid,
            purpose,
            state: if announcer.is_some() {
                KeyState::Next
            } else {
                KeyState::Active
            },
            created_at: now,
            state_since: now,
            announcement,
        };
        self.storage.add_key(stored).await?;
        Ok(())
    }
}

fn algorithm(purpose: KeyPurpose) -> Algorithm {
    match purpose {
        KeyPurpose::IdTokenEs256 | KeyPurpose::RequestObject => Algorithm::Es256,
        KeyPurpose::IdTokenRs256 => Algorithm::Rs256,
    }
}
