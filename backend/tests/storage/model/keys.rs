use async_trait::async_trait;
use countersign::{
    domain::{KeyPurpose, KeyState, StoredKey},
    storage::{SigningKeys, StorageError},
};
use countersign_clock::Millis;

use super::{Kept, Model, taken};

#[async_trait]
impl SigningKeys for Model {
    async fn list_keys(&self) -> Result<Vec<StoredKey>, StorageError> {
        let mut keys = self.read(|kept| kept.keys.clone());
        keys.sort_by_key(|key| (key.created_at, key.kid.clone()));
        Ok(keys)
    }

    async fn add_key(&self, key: StoredKey) -> Result<bool, StorageError> {
        self.write(|kept| {
            if kept.key(key.purpose, KeyState::Next).is_some() {
                return Ok(false);
            }
            if kept.keys.iter().any(|known| known.kid == key.kid) {
                return Err(taken());
            }
            let is_first = kept.keys.iter().all(|known| known.purpose != key.purpose);
            if key.state == KeyState::Active && !is_first {
                return Ok(false);
            }
            let state = if is_first { KeyState::Active } else { KeyState::Next };
            kept.keys.push(StoredKey { state, ..key });
            Ok(true)
        })
    }

    async fn promote_key(&self, purpose: KeyPurpose, published_by: Millis, now: Millis) -> Result<bool, StorageError> {
        self.write(|kept| {
            let next = kept.key(purpose, KeyState::Next);
            if next.is_none_or(|next| next.state_since > published_by) {
                return Ok(false);
            }
            for (from, to) in [
                (KeyState::Active, KeyState::Retiring),
                (KeyState::Next, KeyState::Active),
            ] {
                if let Some(key) = kept.key(purpose, from) {
                    (key.state, key.state_since) = (to, now);
                }
            }
            Ok(true)
        })
    }

    async fn drop_retired_keys(&self, before: Millis) -> Result<u64, StorageError> {
        self.write(|kept| {
            let retired = |key: &StoredKey| key.state == KeyState::Retiring && key.state_since < before;
            let dropped = kept.keys.iter().filter(|key| retired(key)).count();
            kept.keys.retain(|key| !retired(key) || key.announcement.is_some());
            for key in kept.keys.iter_mut().filter(|key| retired(key)) {
                key.state = KeyState::Dropped;
                key.sealed.clear();
            }
            Ok(u64::try_from(dropped).unwrap())
        })
    }
}

impl Kept {
    /// There is at most one that is `Next` and one that is `Active`.
    fn key(&mut self, purpose: KeyPurpose, state: KeyState) -> Option<&mut StoredKey> {
        self.keys
            .iter_mut()
            .find(|key| key.purpose == purpose && key.state == state)
    }
}
