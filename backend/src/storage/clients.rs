use async_trait::async_trait;
use countersign_clock::Millis;
use countersign_protocol::ClientId;

use super::StorageError;
use crate::domain::{Client, TokenHash};

/// Verdict on adding a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddClient {
    /// Added.
    Added,
    /// The id is taken.
    Taken,
}

/// A client is changed by somebody who has seen it as it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Replacement {
    /// As it was seen.
    pub before: Client,
    /// As it is to be, under the same id.
    pub after: Client,
    /// Now.
    pub now: Millis,
}

/// Verdict on a replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplaceClient {
    /// It is stored.
    Replaced,
    /// Somebody else changed the client since. Nothing changed.
    Changed,
    /// There is none of this id.
    Unknown,
}

/// A client registers itself.
#[derive(Debug, Clone, PartialEq)]
pub struct SelfRegistration {
    /// The client.
    pub client: Client,
    /// Hash of the initial access token that it showed, where it has to.
    pub invitation: Option<TokenHash>,
    /// Clients that registered themselves, at most.
    pub most: u32,
    /// Now.
    pub now: Millis,
}

/// Verdict on a registration. Only [`SelfRegistered::Added`] uses an invitation up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SelfRegistered {
    /// Added.
    Added,
    /// The invitation is unknown, over or used up.
    NotInvited,
    /// There are as many as there may be.
    Full,
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
    /// Adds a client that registered itself, and counts one use of its invitation, in one commit.
    async fn register_client(&self, registration: SelfRegistration) -> Result<SelfRegistered, StorageError>;
    /// Stores a client as it is to be, if it still is as it was seen. One that is disabled by this is asked for nothing any more: its prompts that wait are
    /// cancelled, and it is owed nothing. What it was given stands for nothing as long as it is disabled.
    async fn replace_client(&self, replacement: Replacement) -> Result<ReplaceClient, StorageError>;
    /// Removes a client and revokes its grants; its prompts that wait are cancelled, oldest first, while those that are over are expired, and its requests can no longer be redeemed, not even by a
    /// client that takes its id later. False when there is none.
    async fn remove_client(&self, id: &ClientId, now: Millis) -> Result<bool, StorageError>;
    /// All clients, by id.
    async fn list_clients(&self) -> Result<Vec<Client>, StorageError>;
}
