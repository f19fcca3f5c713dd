use async_trait::async_trait;
use countersign_clock::Millis;
use countersign_protocol::{DecidedBy, Handle};

use super::StorageError;
use crate::domain::{AccountKey, Approval, DebtId, Evidence, Lease};

/// A provider was asked, and is asked for the answer later.
#[derive(Debug, Clone)]
pub struct Asking {
    /// The debt.
    pub id: DebtId,
    /// Proof of having claimed it.
    pub lease: Lease,
    /// Which connector.
    pub connector: String,
    /// What going on needs, sealed.
    pub payload: Vec<u8>,
    /// Not before.
    pub due_at: Millis,
    /// Now.
    pub now: Millis,
}

/// What the person said at another provider.
#[derive(Debug, Clone)]
pub struct UpstreamAnswer {
    /// The debt that this pays.
    pub id: DebtId,
    /// Proof of having claimed it.
    pub lease: Lease,
    /// Which connector.
    pub connector: String,
    /// What devices show in place of the device that decided.
    pub by: DecidedBy,
    /// What was proved, and by which signed statement; none when the person said no.
    pub approved: Option<(Approval, Evidence)>,
    /// Now; must be before the prompt's deadline.
    pub now: Millis,
}

/// Verdict on an [`UpstreamAnswer`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The prompt and its request are settled by it.
    Recorded(AccountKey),
    /// A device was first, the time is over, or the person is switched off. The debt is paid.
    Late,
    /// Somebody else has claimed the debt since. Nothing changed.
    Lost,
}

/// Questions of the embedded provider that another provider is asked as well. Such a debt is stored by [`super::Prompts::open`] and is due at once.
#[async_trait]
pub trait Upstream {
    /// Keeps what is known of a question to another provider, which counts as owed since now: it is the person who takes their time. False, and nothing changed, when somebody else has claimed the debt since.
    async fn keep_asking(&self, asking: Asking) -> Result<bool, StorageError>;
    /// Settles prompt and request as a decision on a device would, and pays the debt, in one commit. The first answer wins, from wherever it comes.
    async fn settle_upstream(&self, answer: UpstreamAnswer) -> Result<Heard, StorageError>;
    /// What another provider signed of this prompt. A read.
    async fn find_evidence(&self, handle: &Handle) -> Result<Option<Evidence>, StorageError>;
}
