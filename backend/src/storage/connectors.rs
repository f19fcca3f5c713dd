use async_trait::async_trait;
use countersign_clock::Millis;
use countersign_protocol::Handle;

use super::{Opened, StorageError};
use crate::domain::{AccountKey, Approval, DebtId, Lease, NewDebt, Payment, Prompt, SignedReceipt};

/// A question of a provider outside.
#[derive(Debug, Clone)]
pub struct Intake {
    /// The prompt; its handle is made of connector and `external_ref`, so the same question always has the same.
    pub prompt: Prompt,
    /// Of what was handed over, byte for byte as far as it counts: the same again is no second question.
    pub digest: [u8; 32],
    /// The message in which it came, where messages have names: no other question comes in it.
    pub message: Option<MessageId>,
    /// What becomes due when it is settled.
    pub owed: NewDebt,
    /// As in [`super::Opening::supersede`].
    pub supersede: bool,
}

/// Names a message of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageId {
    /// Its name.
    pub id: String,
    /// Known until then; by now the same message would be refused for its age.
    pub until: Millis,
}

/// Verdict on a question of a provider outside.
#[derive(Debug, Clone, PartialEq)]
pub enum TakenIn {
    /// It waits.
    New(Opened),
    /// The very same was taken in before.
    Again(Box<Prompt>),
    /// Another one was taken in under this name, or in this message.
    Other,
}

/// How a question ended, with what the provider may be told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct SettledQuestion {
    /// The prompt.
    pub prompt: Prompt,
    /// What the approval proved, where it was approved.
    pub approval: Option<Approval>,
    /// The proof, where there was a decision.
    pub receipt: Option<SignedReceipt>,
}

/// How a try to tell a provider ended.
#[derive(Debug, Clone)]
pub struct Telling {
    /// The debt.
    pub id: DebtId,
    /// Proof of having claimed it.
    pub lease: Lease,
    /// Which connector.
    pub connector: String,
    /// How it ended. [`Payment::Done`] and what is given up on change what the person's devices say of the request.
    pub payment: Payment,
    /// Now.
    pub now: Millis,
}

/// Verdict on a [`Telling`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Recorded; whose devices have something to say now, if anybody's do.
    Recorded(Option<AccountKey>),
    /// Somebody else has claimed the debt since. Nothing changed.
    Lost,
}

/// How a connector fares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectorMark {
    /// Its name.
    pub name: String,
    /// When its provider was told something at last, to within a few seconds.
    pub told_at: Option<Millis>,
    /// When that failed at last.
    pub failed_at: Option<Millis>,
    /// Why, for the operator: no secrets, nothing that was received.
    pub error: Option<String>,
    /// What is owed to its provider now.
    pub debts: u32,
    /// Since when the oldest of it.
    pub oldest: Option<Millis>,
    /// What was given up on.
    pub dead: u32,
}

/// Questions of providers outside, and telling them how those ended.
#[async_trait]
pub trait Connectors {
    /// Stores a question and what will be owed for it, once.
    async fn take_in(&self, intake: Intake) -> Result<TakenIn, StorageError>;
    /// How a question ended; none while it waits or when there is no such question. A read.
    async fn settled_question(&self, handle: &Handle) -> Result<Option<SettledQuestion>, StorageError>;
    /// Marks a debt as being told, so that a crash from here on counts as a call that may have been heard. False when the lease is another's.
    async fn mark_telling(&self, id: &DebtId, lease: &Lease) -> Result<bool, StorageError>;
    /// Says how a try ended.
    async fn settle_telling(&self, telling: Telling) -> Result<Told, StorageError>;
    /// How each connector fares that ever told its provider anything or owes it something, by name. A read.
    async fn connector_marks(&self) -> Result<Vec<ConnectorMark>, StorageError>;
}
