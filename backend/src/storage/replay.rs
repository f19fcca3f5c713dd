use async_trait::async_trait;
use countersign_clock::Millis;

use super::StorageError;

/// Remembers what may be seen once.
#[async_trait]
pub trait Replay {
    /// Notes `id` of `owner` within `kind` until `expires_at`. False when it was noted before.
    async fn remember_once(&self, kind: &str, owner: &str, id: &str, expires_at: Millis) -> Result<bool, StorageError>;
    /// Deletes what is over, at most `limit`.
    async fn sweep_replay(&self, now: Millis, limit: u32) -> Result<u64, StorageError>;
}
