use async_trait::async_trait;
use countersign_protocol::Subject;

use super::StorageError;
use crate::domain::{Account, NewAccount};

/// What a hint led to.
pub enum HintMatch {
    /// Nobody.
    Nobody,
    /// One person, perhaps disabled.
    One(Box<Account>),
    /// Several people.
    Several,
}

/// Verdict on adding a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddAccount {
    /// Added.
    Added,
    /// The attribute (`username`, `email`, ...) already names somebody.
    Taken {
        /// Which attribute.
        attribute: String,
    },
}

/// People of the embedded provider.
#[async_trait]
pub trait Accounts {
    /// Finds whom `value` names by any of `attributes` (`id`, `username` and what people have). Compared exactly.
    async fn find_by_hint(&self, attributes: &[String], value: &str) -> Result<HintMatch, StorageError>;
    /// Finds a person.
    async fn find_account(&self, sub: &Subject) -> Result<Option<Account>, StorageError>;
    /// Finds a person by sign-in name.
    async fn find_account_by_username(&self, username: &str) -> Result<Option<Account>, StorageError>;
    /// Adds a person, unless an attribute is taken.
    async fn add_account(&self, new: NewAccount) -> Result<AddAccount, StorageError>;
    /// Switches a person off or on. False when there is no such person.
    async fn set_account_disabled(&self, username: &str, disabled: bool) -> Result<bool, StorageError>;
    /// All people, by username.
    async fn list_accounts(&self) -> Result<Vec<Account>, StorageError>;
}
