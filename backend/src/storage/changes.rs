use async_trait::async_trait;
use countersign_protocol::Handle;

use super::StorageError;
use crate::domain::AccountKey;

/// Differs whenever something changed that a person's streams have to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PersonMark {
    /// The last change number.
    pub seq: i64,
    /// How many devices were revoked.
    pub revoked: i64,
    /// Whether the person is switched off.
    pub disabled: bool,
}

/// What a node asks for all who wait on it at once, to find what it was not told.
#[async_trait]
pub trait Changes {
    /// Where these people stand. A read.
    async fn person_marks(&self, people: &[AccountKey]) -> Result<Vec<(AccountKey, PersonMark)>, StorageError>;
    /// Of these prompts those whose request of the embedded provider is settled. A read.
    async fn settled_among(&self, handles: &[Handle]) -> Result<Vec<Handle>, StorageError>;
}
