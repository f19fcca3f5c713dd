use async_trait::async_trait;
use countersign_clock::Millis;

use super::StorageError;
use crate::domain::Invitation;

/// Who may register clients. An invitation that is used up or over is gone.
#[async_trait]
pub trait Invitations {
    /// Adds an invitation; false when another that is still good has its name.
    async fn add_invitation(&self, invitation: Invitation) -> Result<bool, StorageError>;
    /// All that are good now, by name.
    async fn list_invitations(&self, now: Millis) -> Result<Vec<Invitation>, StorageError>;
    /// Takes an invitation back. False when there is none of this name.
    async fn remove_invitation(&self, name: &str) -> Result<bool, StorageError>;
}
