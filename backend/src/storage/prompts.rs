use async_trait::async_trait;
use countersign_clock::Millis;
use countersign_protocol::{ClientId, DeviceId, Handle, SettledView};

use super::StorageError;
use crate::domain::{AccountKey, Decision, NewAuthRequest, NewDebt, Prompt, SignedReceipt};

/// A new question to a person.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The prompt; its `seq` is set by the store.
    pub prompt: Prompt,
    /// For the embedded provider: its request, stored in the same commit.
    pub auth_request: Option<NewAuthRequest>,
    /// Another provider that is asked as well, from now on.
    pub ask: Option<NewDebt>,
    /// Whether older pending prompts of the same client for the same person give way (their requests become denied).
    pub supersede: bool,
}

/// Verdict on an opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The change number of the new prompt.
    pub seq: i64,
    /// Prompts that gave way.
    pub superseded: Vec<Handle>,
}

/// A verified decision.
#[derive(Debug, Clone)]
pub struct Decide {
    /// The prompt.
    pub handle: Handle,
    /// Whose device decided; the prompt must be this person's.
    pub account: AccountKey,
    /// Which device; it must be active, and its key in `key_thumbprint` still its own.
    pub device_id: DeviceId,
    /// Thumbprint of the key that signed.
    pub key_thumbprint: String,
    /// `jti` of the decision.
    pub jti: String,
    /// What was decided.
    pub decision: Decision,
    /// The proof.
    pub receipt: SignedReceipt,
    /// Now; must be before the prompt's deadline.
    pub now: Millis,
}

/// Verdict on a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// Recorded, or the very same `jti` was recorded before. For the embedded provider the request changed in the same commit.
    /// An approval with the right number also forgets the device's wrong numbers; one that needed no number says nothing about them.
    Recorded(SettledView),
    /// Something or somebody was first, or the time is over.
    Settled(SettledView),
    /// No such prompt for this person.
    Unknown,
    /// The device is revoked or has other keys now.
    DeviceRemoved,
    /// The person is switched off.
    AccountDisabled,
}

/// A verified decision whose number is wrong.
#[derive(Debug, Clone)]
pub struct Mismatch {
    /// The prompt.
    pub handle: Handle,
    /// Whose device.
    pub account: AccountKey,
    /// Which device.
    pub device_id: DeviceId,
    /// Digest of the signed decision: the same one again is the same try, another number under the same `jti` is another.
    pub decision: String,
    /// Tries a request allows at most.
    pub max_tries: u32,
    /// Now.
    pub now: Millis,
}

/// Verdict on a wrong number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MismatchVerdict {
    /// Counted, on the prompt and on the device, or the same decision was counted before.
    Wrong {
        /// Tries left: the lower of what the prompt and the device have left. A device with a wrong number on an earlier request starts with one try less, but never below one.
        tries_left: u32,
        /// At 0 the prompt is denied for `number_mismatch`.
        settled: Option<SettledView>,
    },
    /// It was settled before.
    Settled(SettledView),
    /// No such prompt for this person.
    Unknown,
    /// The device is revoked.
    DeviceRemoved,
}

/// Prompts that the sweeper settled as expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swept {
    /// Whose.
    pub account: AccountKey,
    /// Which.
    pub handle: Handle,
}

/// Questions to people. Every change of a prompt takes the next change number of its person, in the same commit.
#[async_trait]
pub trait Prompts {
    /// Stores a prompt (and the embedded provider's request).
    async fn open(&self, opening: Opening) -> Result<Opened, StorageError>;
    /// Finds a prompt. A read.
    async fn find_prompt(&self, handle: &Handle) -> Result<Option<Prompt>, StorageError>;
    /// The receipt of a decided prompt. A read.
    async fn find_receipt(&self, handle: &Handle) -> Result<Option<SignedReceipt>, StorageError>;
    /// What waits for this person as of `now`, oldest first, at most `limit`. A read.
    async fn pending_prompts(&self, account: &AccountKey, now: Millis, limit: u32)
    -> Result<Vec<Prompt>, StorageError>;
    /// What changed for this person after `seq`, in order, at most `limit`. A read.
    async fn prompts_since(&self, account: &AccountKey, seq: i64, limit: u32) -> Result<Vec<Prompt>, StorageError>;
    /// The last change number of this person, 0 at first. A read.
    async fn last_seq(&self, account: &AccountKey) -> Result<i64, StorageError>;
    /// Settled prompts of this person that were settled before `before`, newest first, each with its receipt and the time the client redeemed. A read.
    async fn history(
        &self,
        account: &AccountKey,
        before: Millis,
        limit: u32,
    ) -> Result<Vec<(Prompt, Option<SignedReceipt>, Option<Millis>)>, StorageError>;
    /// Whether this person has denied a request of this client as not theirs after `since`. A read.
    async fn was_reported(
        &self,
        account: &AccountKey,
        client_id: &ClientId,
        since: Millis,
    ) -> Result<bool, StorageError>;
    /// Records a decision, once: the first one wins.
    async fn decide(&self, decide: Decide) -> Result<Decided, StorageError>;
    /// Counts a wrong number.
    async fn mismatch(&self, mismatch: Mismatch) -> Result<MismatchVerdict, StorageError>;
    /// Settles prompts (and requests) whose deadline is over, at most `limit`.
    async fn expire_prompts(&self, now: Millis, limit: u32) -> Result<Vec<Swept>, StorageError>;
    /// Deletes settled prompts from before `before` and requests past `readable_until`, at most `limit` of each. Returns how many.
    async fn sweep_prompts(&self, before: Millis, now: Millis, limit: u32) -> Result<u64, StorageError>;
}
