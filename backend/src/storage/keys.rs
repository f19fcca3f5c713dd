use async_trait::async_trait;
use countersign_clock::Millis;

use super::StorageError;
use crate::domain::{KeyPurpose, StoredKey};

/// Keys that sign, sealed.
#[async_trait]
pub trait SigningKeys {
    /// All keys, oldest first.
    async fn list_keys(&self) -> Result<Vec<StoredKey>, StorageError>;
    /// Stores a key as `Next`, or as `Active` when it is the first of its purpose. False when its purpose already has a key that is `Next`, or, for
    /// one that comes as `Active`, any key: of several nodes that start together one makes the first.
    async fn add_key(&self, key: StoredKey) -> Result<bool, StorageError>;
    /// Makes the `Next` key of a purpose `Active` and the `Active` one `Retiring`, in one commit. False when there is no `Next` that has been so
    /// since `published_by` or longer.
    async fn promote_key(&self, purpose: KeyPurpose, published_by: Millis, now: Millis) -> Result<bool, StorageError>;
    /// Deletes `Retiring` keys that have been so since before `before`; of those that were announced the announcement stays, as `Dropped`.
    async fn drop_retired_keys(&self, before: Millis) -> Result<u64, StorageError>;
}
