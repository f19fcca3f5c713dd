use async_trait::async_trait;
use countersign::storage::{Replay, StorageError};
use countersign_clock::Millis;

use super::Model;

#[async_trait]
impl Replay for Model {
    async fn remember_once(&self, kind: &str, owner: &str, id: &str, expires_at: Millis) -> Result<bool, StorageError> {
        self.write(|kept| {
            let seen = [kind, owner, id].map(str::to_owned);
            let is_new = !kept.seen.contains_key(&seen);
            kept.seen.entry(seen).or_insert(expires_at);
            Ok(is_new)
        })
    }

    async fn sweep_replay(&self, now: Millis, limit: u32) -> Result<u64, StorageError> {
        self.write(|kept| {
            let over = kept.seen.iter().filter(|(_, expires_at)| **expires_at <= now);
            let over: Vec<_> = over.map(|(seen, _)| seen.clone()).take(limit as usize).collect();
            kept.seen.retain(|seen, _| !over.contains(seen));
            Ok(u64::try_from(over.len()).unwrap())
        })
    }
}
