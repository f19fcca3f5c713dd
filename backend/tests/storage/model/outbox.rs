use std::cmp::Reverse;

use async_trait::async_trait;
use countersign::{
    domain::{Arrears, ClaimedDebt, DeadDebt, DebtId, DebtKind, Lease, NewDebt, Payment},
    storage::{Claim, Outbox, Resend, StorageError},
};
use countersign_clock::Millis;
use countersign_protocol::{Delivery, Handle};

use super::{Kept, Model, limited};

/// A debt with how far it has come.
#[derive(Clone)]
pub(super) struct Debt {
    pub(super) owed: NewDebt,
    stage: Stage,
    attempts: u32,
    error: String,
    erased: bool,
    /// The grant that it is to deliver.
    family_id: Option<String>,
    /// Whether a try that did not say how it ended may have been heard.
    pub(super) telling: bool,
}

#[derive(Clone, PartialEq)]
enum Stage {
    Waiting,
    Owed {
        since: Millis,
        /// Or the end of the lease.
        due_at: Millis,
        lease: Option<Lease>,
    },
    Done,
    Dead {
        at: Millis,
    },
}

impl Debt {
    pub(super) fn waiting(owed: NewDebt) -> Self {
        Self {
            owed,
            stage: Stage::Waiting,
            attempts: 0,
            error: String::new(),
            erased: false,
            family_id: None,
            telling: false,
        }
    }

    /// It is owed from now on.
    pub(super) fn due(owed: NewDebt) -> Self {
        let since = owed.not_before;
        Self {
            stage: self::owed(since, since),
            ..Self::waiting(owed)
        }
    }

    /// Nothing failed, and it goes on later.
    pub(super) fn go_on(&mut self, payload: Vec<u8>, at: Millis, now: Millis) {
        if let Stage::Owed { since, due_at, lease } = &mut self.stage {
            (*since, *due_at, *lease) = (now, at, None);
        }
        (self.owed.payload, self.attempts, self.error) = (payload, 0, String::new());
    }

    fn is_over(&self, now: Millis) -> bool {
        self.owed.deadline <= now
    }

    pub(super) fn is_held_by(&self, lease: &Lease) -> bool {
        matches!(&self.stage, Stage::Owed { lease: Some(held), .. } if held == lease)
    }

    /// Puts what is to be delivered into it.
    pub(super) fn seal(&mut self, payload: Vec<u8>, family_id: Option<String>, deadline: Millis) {
        self.owed.payload = payload;
        self.family_id = family_id;
        self.owed.deadline = self.owed.deadline.min(deadline);
    }

    pub(super) fn is_sealed(&self) -> bool {
        self.family_id.is_some()
    }

    fn is_due(&self, now: Millis) -> bool {
        matches!(self.stage, Stage::Owed { due_at, .. } if due_at <= now)
    }

    fn died_at(&self) -> Option<Millis> {
        match self.stage {
            Stage::Dead { at } => Some(at),
            Stage::Waiting | Stage::Owed { .. } | Stage::Done => None,
        }
    }
}

impl Kept {
    /// Says how a try ended. False when somebody else has the debt.
    pub(super) fn settle_debt(&mut self, id: &DebtId, lease: &Lease, payment: Payment, now: Millis) -> bool {
        let Some(debt) = self.debts.get_mut(id).filter(|debt| debt.is_held_by(lease)) else {
            return false;
        };
        let mut undelivered = None;
        match (payment, &mut debt.stage) {
            (Payment::Done, stage) => *stage = Stage::Done,
            (Payment::Dead { error } | Payment::Unclear { error }, stage) => {
                *stage = Stage::Dead { at: now };
                debt.error = error;
                debt.erased = debt.family_id.is_some();
                undelivered.clone_from(&debt.family_id);
            }
            (Payment::Retry { due_at, error }, Stage::Owed { due_at: due, lease, .. }) => {
                (*due, *lease) = (due_at, None);
                debt.error = error;
                debt.telling = false;
            }
            (Payment::Retry { .. }, Stage::Waiting | Stage::Done | Stage::Dead { .. }) => {}
        }
        self.revoke_families(|family| Some(&family.facts.id) == undelivered.as_ref());
        true
    }

    /// By creditor: debts to providers that are owed, since when, and that were given up on.
    pub(super) fn arrears_of_providers(&self) -> Vec<(String, Option<Millis>, bool)> {
        let to_providers = self
            .debts
            .values()
            .filter(|debt| debt.owed.id.kind == DebtKind::Complete);
        let counted = to_providers.filter_map(|debt| match debt.stage {
            Stage::Owed { since, .. } => Some((debt.owed.creditor.clone(), Some(since), false)),
            Stage::Dead { .. } => Some((debt.owed.creditor.clone(), None, true)),
            Stage::Waiting | Stage::Done => None,
        });
        counted.collect()
    }

    /// The request of this prompt is settled.
    pub(super) fn owe(&mut self, handle: &Handle, since: Millis) {
        for debt in self.debts.values_mut() {
            if debt.owed.id.reference == handle.as_str() && debt.stage == Stage::Waiting {
                debt.stage = owed(since, debt.owed.not_before);
            }
        }
    }
}

impl Model {
    /// Whether anything is owed, or will be, about this prompt.
    pub fn owes(&self, handle: &str) -> bool {
        self.read(|kept| kept.debts.keys().any(|id| id.reference == handle))
    }

    /// Who has taken this debt on, whether their lease is over or not.
    pub fn holder_of(&self, id: &DebtId) -> Option<Lease> {
        self.read(|kept| match &kept.debts.get(id)?.stage {
            Stage::Owed { lease, .. } => lease.clone(),
            Stage::Waiting | Stage::Done | Stage::Dead { .. } => None,
        })
    }
}

fn owed(since: Millis, not_before: Millis) -> Stage {
    Stage::Owed {
        since,
        due_at: since.max(not_before),
        lease: None,
    }
}

#[async_trait]
impl Outbox for Model {
    async fn claim_debts(&self, claim: Claim) -> Result<Vec<ClaimedDebt>, StorageError> {
        self.write(|kept| {
            let debts = kept.debts.values_mut();
            let mut due: Vec<&mut Debt> = debts
                .filter(|debt| debt.is_due(claim.now) && !debt.is_over(claim.now))
                .collect();
            due.sort_by_key(|debt| match debt.stage {
                Stage::Owed { due_at, .. } => due_at,
                Stage::Waiting | Stage::Done | Stage::Dead { .. } => Millis::MAX,
            });
            let claimed = limited(due, claim.limit).into_iter().map(|debt| {
                if let Stage::Owed { due_at, lease, .. } = &mut debt.stage {
                    *due_at = claim.until;
                    *lease = Some(claim.lease.clone());
                }
                debt.attempts += 1;
                ClaimedDebt {
                    id: debt.owed.id.clone(),
                    creditor: debt.owed.creditor.clone(),
                    payload: debt.owed.payload.clone(),
                    deadline: debt.owed.deadline,
                    attempt: debt.attempts,
                    interrupted: debt.telling,
                    lease: claim.lease.clone(),
                }
            });
            Ok(claimed.collect())
        })
    }

    async fn settle_debt(
        &self,
        id: &DebtId,
        lease: &Lease,
        payment: Payment,
        now: Millis,
    ) -> Result<bool, StorageError> {
        self.write(|kept| Ok(kept.settle_debt(id, lease, payment, now)))
    }

    async fn dead_debts(&self, limit: u32) -> Result<Vec<DeadDebt>, StorageError> {
        let mut dead: Vec<DeadDebt> = self.read(|kept| {
            let debts = kept.debts.values();
            let dead = debts.filter_map(|debt| {
                Some(DeadDebt {
                    id: debt.owed.id.clone(),
                    creditor: debt.owed.creditor.clone(),
                    attempts: debt.attempts,
                    died_at: debt.died_at()?,
                    deadline: debt.owed.deadline,
                    error: debt.error.clone(),
                })
            });
            dead.collect()
        });
        dead.sort_by_key(|dead| (Reverse(dead.died_at), dead.id.reference.clone()));
        Ok(limited(dead, limit))
    }

    async fn resend_debt(&self, id: &DebtId, now: Millis) -> Result<Resend, StorageError> {
        self.write(|kept| {
            let dead = kept.debts.get_mut(id).filter(|debt| debt.died_at().is_some());
            let Some(debt) = dead else {
                return Ok(Resend::Unknown);
            };
            if debt.family_id.is_some() {
                return Ok(Resend::Revoked);
            }
            if debt.is_over(now) || debt.erased {
                return Ok(Resend::TimeOver);
            }
            debt.stage = owed(now, Millis::MIN);
            debt.attempts = 0;
            debt.telling = false;
            kept.say_of_request(id, Delivery::Owed);
            Ok(Resend::Owed)
        })
    }

    async fn arrears(&self) -> Result<Arrears, StorageError> {
        Ok(self.read(|kept| {
            let since = |debt: &Debt| match debt.stage {
                Stage::Owed { since, .. } => Some(since),
                Stage::Waiting | Stage::Done | Stage::Dead { .. } => None,
            };
            let owed: Vec<Millis> = kept.debts.values().filter_map(since).collect();
            let dead = kept.debts.values().filter(|debt| debt.died_at().is_some());
            Arrears {
                debts: u32::try_from(owed.len()).unwrap(),
                oldest: owed.into_iter().min(),
                dead: u32::try_from(dead.count()).unwrap(),
            }
        }))
    }

    /// Without the limit, which says how much of it is done at a time.
    async fn sweep_debts(&self, before: Millis, now: Millis, _: u32) -> Result<u64, StorageError> {
        self.write(|kept| {
            let mut changed = 0;
            let (mut undelivered, mut given_up) = (Vec::new(), Vec::new());
            for debt in kept.debts.values_mut().filter(|debt| debt.is_over(now)) {
                if debt.is_due(now) {
                    let at = debt.owed.deadline;
                    (debt.stage, debt.erased) = (Stage::Dead { at }, true);
                    if debt.error.is_empty() {
                        "not reached before its deadline".clone_into(&mut debt.error);
                    }
                    undelivered.extend(debt.family_id.clone());
                    given_up.push(debt.owed.id.clone());
                    changed += 1;
                }
                if debt.died_at().is_some() && !debt.erased {
                    debt.erased = true;
                    changed += 1;
                }
            }
            kept.revoke_families(|family| undelivered.contains(&family.facts.id));
            for id in &given_up {
                kept.say_of_request(id, Delivery::Failed);
            }
            let there = kept.debts.len();
            kept.debts.retain(|_, debt| {
                let kept_for_the_record = debt.died_at().is_none_or(|at| at >= before);
                let paid_or_never_owed = matches!(debt.stage, Stage::Waiting | Stage::Done);
                !debt.is_over(now) || (kept_for_the_record && !paid_or_never_owed)
            });
            changed += there - kept.debts.len();
            Ok(u64::try_from(changed).unwrap())
        })
    }
}
