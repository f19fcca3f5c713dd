use async_trait::async_trait;
use countersign_clock::Millis;
use countersign_protocol::ClientId;

use super::StorageError;
use crate::domain::{PushedRequest, TokenHash};

/// Authorization requests that clients pushed (RFC 9126).
#[async_trait]
pub trait PushedRequests {
    /// Keeps a request.
    async fn add_pushed(&self, request: PushedRequest) -> Result<(), StorageError>;
    /// Takes this client's request out, once: none when there is none, it is another client's, or it is over.
    async fn take_pushed(
        &self,
        hash: TokenHash,
        client_id: &ClientId,
        now: Millis,
    ) -> Result<Option<PushedRequest>, StorageError>;
    /// Deletes what is over, at most `limit`.
    async fn sweep_pushed(&self, now: Millis, limit: u32) -> Result<u64, StorageError>;
}
