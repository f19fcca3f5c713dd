use async_trait::async_trait;
use countersign_clock::Millis;

use super::StorageError;
use crate::domain::{Arrears, ClaimedDebt, DeadDebt, DebtId, Lease, Payment};

/// A worker asks for work.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Fresh and random: what is claimed can be settled with it alone.
    pub lease: Lease,
    /// Until then nobody else is given what is claimed.
    pub until: Millis,
    /// At most this many.
    pub limit: u32,
    /// Now.
    pub now: Millis,
}

/// Verdict on trying a dead debt again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resend {
    /// It is owed again, from its first try.
    Owed,
    /// Its deadline is over: whoever is told now could do nothing with it.
    TimeOver,
    /// It was to deliver tokens: those were revoked when it was given up on.
    Revoked,
    /// There is no dead debt of that name.
    Unknown,
}

/// What is owed to others. A debt is stored by [`super::Prompts::open`] and becomes due in the same commit that settles its request,
/// whatever settles it; a removed client is owed nothing.
#[async_trait]
pub trait Outbox {
    /// Takes on debts that are due and that nobody has a lease on, the longest due first. A lease that is over protects nothing.
    async fn claim_debts(&self, claim: Claim) -> Result<Vec<ClaimedDebt>, StorageError>;
    /// Says how a try ended; with a debt that is given up on, the grant that it was to deliver is revoked. False, and nothing changed, when somebody else has claimed the debt since.
    async fn settle_debt(
        &self,
        id: &DebtId,
        lease: &Lease,
        payment: Payment,
        now: Millis,
    ) -> Result<bool, StorageError>;
    /// Debts that were given up on, the newest first. A read.
    async fn dead_debts(&self, limit: u32) -> Result<Vec<DeadDebt>, StorageError>;
    /// Makes a dead debt due again.
    async fn resend_debt(&self, id: &DebtId, now: Millis) -> Result<Resend, StorageError>;
    /// How much is owed. A read.
    async fn arrears(&self) -> Result<Arrears, StorageError>;
    /// Gives up on what is owed past its deadline (as [`Outbox::settle_debt`] does), erases payloads of dead debts past theirs, deletes what is paid or was never owed past its
    /// deadline and what died before `before`, at most `limit` of each. Returns how many.
    async fn sweep_debts(&self, before: Millis, now: Millis, limit: u32) -> Result<u64, StorageError>;
}
