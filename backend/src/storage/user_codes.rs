use async_trait::async_trait;
use countersign_clock::Millis;
use countersign_protocol::Subject;

use super::StorageError;
use crate::domain::UserCodeLimit;

/// Whether a code may be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserCodeTry {
    /// The person has none.
    NoCode,
    /// Not yet: too many wrong ones came before.
    Wait,
    /// Yes, against this hash (PHC string). It counts as wrong already.
    Try(String),
}

/// Codes that people give to clients.
#[async_trait]
pub trait UserCodes {
    /// Sets the hash of a person's code, or clears it, and forgets the tries. False when there is no such person.
    async fn set_user_code(&self, sub: &Subject, hash: Option<String>) -> Result<bool, StorageError>;
    /// Whether the person has a code.
    async fn has_user_code(&self, sub: &Subject) -> Result<bool, StorageError>;
    /// Takes a try at a person's code, and counts it as wrong until [`UserCodes::user_code_was_right`] says otherwise: however many come at once, no
    /// more than `limit` allows are let through.
    async fn take_user_code_try(
        &self,
        sub: &Subject,
        limit: UserCodeLimit,
        now: Millis,
    ) -> Result<UserCodeTry, StorageError>;
    /// The code was right: the tries are forgotten.
    async fn user_code_was_right(&self, sub: &Subject) -> Result<(), StorageError>;
}
