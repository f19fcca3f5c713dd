//! The keys that sign: made here, sealed at rest, published before they are used and after they are retired.
//!
//! A key of each [`KeyPurpose`] moves from `next` over `active` to `retiring`. A key for ID tokens and one for request objects are never the same.
//! Several nodes share the keys: each reads them again and again, and none signs when it could not do so for a while.

mod announcement;
mod secret_file;
mod snapshot;

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicI64, Ordering},
};

use countersign_clock::{Clock, Millis};
use countersign_jose::{JoseError, Jwk, SigningKey, seal::SealingKey};

use crate::{
    domain::{KeyPurpose, KeyState, StoredKey},
    meters::meters,
    storage::{Storage, StorageError},
};

pub use secret_file::{SecretFileError, key_encryption_key, write_private};
pub use snapshot::Snapshot;

/// How long a retiring key stays published at least: longer than anything it signed is good for, but as a hint.
pub const RETIRING_MILLIS: Millis = 24 * 60 * 60 * 1000;

/// How old the keys of a node may be when it signs. Longer than a few failed reads, shorter than a key is announced.
const MAX_AGE_MILLIS: Millis = 5 * 60 * 1000;

/// What a step of rotation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// There was no next key; now there is one, published, which may sign from a time on.
    Published {
        /// Unix milliseconds.
        signs_from: Millis,
    },
    /// Nothing: the next key is not known to everybody yet.
    TooEarly {
        /// Unix milliseconds.
        signs_from: Millis,
    },
    /// The next key signs now.
    Promoted,
}

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
    /// The keys of this node are too old to sign with: another node may have rotated them.
    #[error("signing keys were last read {seconds} s ago, which is too long to sign with them")]
    Outdated {
        /// How long ago.
        seconds: i64,
    },
}

/// Makes, opens and rotates keys, and holds the opened ones.
pub struct KeyRing {
    storage: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    sealing: SealingKey,
    origin: String,
    opened: RwLock<Arc<Snapshot>>,
    retiring: Millis,
    /// When the store was last asked, with success; Unix milliseconds.
    read_at: AtomicI64,
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
            retiring: RETIRING_MILLIS,
            read_at: AtomicI64::new(Millis::MIN),
        };
        let stored = ring.storage.list_keys().await?;
        for purpose in KeyPurpose::FIRST {
            if !stored.iter().any(|key| key.purpose == purpose) {
                ring.make(purpose, None).await?;
            }
        }
        ring.refresh().await?;
        Ok(ring)
    }

    /// Keeps retiring keys for at least so many milliseconds: somebody still presents what they signed.
    #[must_use]
    pub fn retiring_for(mut self, at_least: Millis) -> Self {
        self.retiring = self.retiring.max(at_least);
        self
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
        let asked_at = self.clock.now();
        let stored = self.storage.list_keys().await?;
        let next = Arc::new(Snapshot::open(&stored, &self.sealing, &self.snapshot())?);
        for key in stored.iter().filter(|key| key.state == KeyState::Active) {
            meters().key_signs_since(key.purpose.word(), key.state_since / 1000);
        }
        *self.opened.write().unwrap_or_else(PoisonError::into_inner) = next;
        self.read_at.store(asked_at, Ordering::Relaxed);
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
    /// When there is none, or the keys could not be read for five minutes.
    pub fn signer(&self, purpose: KeyPurpose) -> Result<Arc<SigningKey>, KeyError> {
        let age = self.clock.now().saturating_sub(self.read_at.load(Ordering::Relaxed));
        if age > MAX_AGE_MILLIS {
            return Err(KeyError::Outdated { seconds: age / 1000 });
        }
        self.snapshot().active(purpose).ok_or(KeyError::NoActiveKey(purpose))
    }

    /// The key that signs for `purpose`, made now where the purpose never had one. Other nodes publish it when they read the keys again.
    ///
    /// # Errors
    /// As [`KeyRing::signer`], or when the key cannot be made or stored.
    pub async fn first_signer(&self, purpose: KeyPurpose) -> Result<Arc<SigningKey>, KeyError> {
        self.refresh().await?;
        if let Some(known) = self.snapshot().active(purpose) {
            return Ok(known);
        }
        self.make(purpose, None).await?;
        self.refresh().await?;
        self.signer(purpose)
    }

    /// The purposes that have keys.
    #[must_use]
    pub fn purposes(&self) -> Vec<KeyPurpose> {
        let snapshot = self.snapshot();
        let has_key = |purpose: &KeyPurpose| snapshot.active(*purpose).is_some();
        KeyPurpose::ALL.into_iter().filter(has_key).collect()
    }

    /// One step of rotation: publishes a `next` key where there is none, else makes it `active` once it was published for `announce`
    /// milliseconds, in which clients, devices and other nodes learn it.
    ///
    /// # Errors
    /// When the store does not answer or a key cannot be made.
    pub async fn rotate(&self, purpose: KeyPurpose, announce: Millis) -> Result<Rotation, KeyError> {
        self.refresh().await?;
        let now = self.clock.now();
        if self.storage.promote_key(purpose, now - announce, now).await? {
            self.storage.drop_retired_keys(now - self.retiring).await?;
            self.refresh().await?;
            return Ok(Rotation::Promoted);
        }
        let was_there = self.next_since(purpose).await?.is_some();
        if !was_there {
            let announcer = self.signer(purpose)?;
            self.make(purpose, Some(&announcer)).await?;
            self.refresh().await?;
        }
        // When another node was faster, its key is the next one.
        let signs_from = self.next_since(purpose).await?.unwrap_or(now) + announce;
        Ok(if was_there {
            Rotation::TooEarly { signs_from }
        } else {
            Rotation::Published { signs_from }
        })
    }

    /// Since when the next key of `purpose` is published.
    async fn next_since(&self, purpose: KeyPurpose) -> Result<Option<Millis>, KeyError> {
        let stored = self.storage.list_keys().await?;
        let next = stored
            .iter()
            .find(|key| key.purpose == purpose && key.state == KeyState::Next);
        Ok(next.map(|key| key.state_since))
    }

    async fn make(&self, purpose: KeyPurpose, announcer: Option<&SigningKey>) -> Result<(), KeyError> {
        let algorithm = purpose.algorithm();
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
