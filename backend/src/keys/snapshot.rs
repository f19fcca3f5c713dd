use std::sync::Arc;

use countersign_jose::{JoseError, Jwk, SigningKey, seal::SealingKey};

use super::KeyError;
use crate::domain::{KeyPurpose, KeyState, StoredKey};

/// Opened keys at one moment.
#[derive(Default)]
pub struct Snapshot {
    keys: Vec<Opened>,
    /// Of all request-object keys that ever were, oldest first: a device that was away follows them from the key it knows.
    announcements: Vec<String>,
}

struct Opened {
    kid: String,
    purpose: KeyPurpose,
    state: KeyState,
    key: Arc<SigningKey>,
    public: Jwk,
}

impl Snapshot {
    /// Opens `stored` keys; a key that `before` has already is not opened again.
    pub(super) fn open(stored: &[StoredKey], sealing: &SealingKey, before: &Self) -> Result<Self, KeyError> {
        let mut keys = Vec::with_capacity(stored.len());
        for entry in stored.iter().filter(|entry| entry.state != KeyState::Dropped) {
            let known = before
                .keys
                .iter()
                .find(|opened| opened.kid == entry.kid)
                .map(|opened| opened.key.clone());
            let key = if let Some(key) = known {
                key
            } else {
                let pkcs8 = sealing.open(&entry.kid, &entry.sealed)?;
                Arc::new(SigningKey::from_pkcs8(entry.purpose.algorithm(), &pkcs8)?)
            };
            if key.kid() != entry.kid {
                return Err(JoseError::KeyMismatch.into());
            }
            keys.push(Opened {
                kid: entry.kid.clone(),
                purpose: entry.purpose,
                state: entry.state,
                public: key.public_jwk(),
                key,
            });
        }
        let announcements = stored.iter().filter_map(|entry| entry.announcement.clone()).collect();
        Ok(Self { keys, announcements })
    }

    /// The key that signs for `purpose`.
    pub(super) fn active(&self, purpose: KeyPurpose) -> Option<Arc<SigningKey>> {
        let signs = |opened: &&Opened| opened.purpose == purpose && opened.state == KeyState::Active;
        self.keys.iter().find(signs).map(|opened| opened.key.clone())
    }

    /// Public keys of `purposes`, each with `kid`, `alg` and `use`, whether it signs or not: who verifies needs the next one and the last one too.
    #[must_use]
    pub fn public(&self, purposes: &[KeyPurpose]) -> Vec<Jwk> {
        let wanted = self.keys.iter().filter(|opened| purposes.contains(&opened.purpose));
        wanted.map(|opened| opened.public.clone()).collect()
    }

    /// The public key called `kid`, when it has `purpose`.
    #[must_use]
    pub fn find(&self, purpose: KeyPurpose, kid: &str) -> Option<Jwk> {
        let named = |opened: &&Opened| opened.purpose == purpose && opened.kid == kid;
        self.keys.iter().find(named).map(|opened| opened.public.clone())
    }

    /// Announcements of request-object keys, oldest first.
    #[must_use]
    pub fn announcements(&self) -> Vec<String> {
        self.announcements.clone()
    }
}
