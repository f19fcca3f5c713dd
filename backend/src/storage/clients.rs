use async_trait::async_trait;
use countersign_clock::Millis;
use countersign_protocol::ClientId;

use super::StorageError;
use crate::domain::Client;

/// Verdict on adding a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddClient {
    /// Added.
    Added,
    /// The id is taken.
    Taken,
}

/// Registered clients.
#[async_trait]
pub trait Clients {
    /// Finds a client.
    async fn find_client(&self, id: &ClientId) -> Result<Option<Client>, StorageError>;
    /// Adds a client, unless its id is taken.
    async fn add_client(&self, client: Client) -> Result<AddClient, StorageError>;
    /// Removes a client and revokes its grants; its prompts that wait are cancelled, oldest first, while those that are over are expired, and its requests can no longer be redeemed, not even by a
    /// client that takes its id later. False when there is none.
    async fn remove_client(&self, id: &ClientId, now: Millis) -> Result<bool, StorageError>;
    /// All clients, by id.
    async fn list_clients(&self) -> Result<Vec<Client>, StorageError>;
}
