use async_trait::async_trait;
use countersign::{
    domain::{PushedRequest, TokenHash},
    storage::{PushedRequests, StorageError},
};
use countersign_clock::Millis;
use countersign_protocol::ClientId;

use super::{Model, add};

#[async_trait]
impl PushedRequests for Model {
    async fn add_pushed(&self, request: PushedRequest) -> Result<(), StorageError> {
        self.write(|kept| add(&mut kept.pushed, request.hash, request))
    }

    async fn take_pushed(
        &self,
        hash: TokenHash,
        client_id: &ClientId,
        now: Millis,
    ) -> Result<Option<PushedRequest>, StorageError> {
        self.write(|kept| {
            let own = |request: &PushedRequest| request.client_id == *client_id && now < request.expires_at;
            let is_there = kept.pushed.get(&hash).is_some_and(own);
            Ok(is_there.then(|| kept.pushed.remove(&hash)).flatten())
        })
    }

    async fn sweep_pushed(&self, now: Millis, limit: u32) -> Result<u64, StorageError> {
        self.write(|kept| {
            let over = kept.pushed.values().filter(|request| request.expires_at <= now);
            let over: Vec<_> = over.map(|request| request.hash).take(limit as usize).collect();
            kept.pushed.retain(|hash, _| !over.contains(hash));
            Ok(u64::try_from(over.len()).unwrap())
        })
    }
}
