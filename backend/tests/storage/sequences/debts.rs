//! What is owed to clients that are called, and who pays it.

use countersign::{
    domain::{DebtId, DebtKind, Lease, NewDebt, Payment},
    storage::{Claim, Outbox as _, SealedTokens, Sealing},
};
use countersign_clock::Millis;

use super::{
    call::Call,
    names::client_id,
    operation::{Ends, Open, Pick, Redeem, Seal},
    world::{TICK, World},
};
use crate::sample::request_id;

/// Ticks that a lease lasts, where nothing is said.
const LEASE: u8 = 4;

/// The client of this question, asked at `now`, is to be called with its result.
pub(super) fn debt(handle: &str, open: &Open, now: Millis) -> NewDebt {
    let ticks = |ticks: u8| Millis::from(ticks) * TICK;
    NewDebt {
        id: debt_id(handle),
        creditor: client_id(open.client).to_string(),
        payload: format!("sealed address of {handle}").into_bytes(),
        not_before: now + ticks(open.grace) / 2,
        deadline: now + ticks(open.lasts) + 4 * ticks(open.grace),
    }
}

fn debt_id(handle: &str) -> DebtId {
    DebtId {
        reference: handle.to_owned(),
        kind: DebtKind::Push,
    }
}

impl World<'_> {
    /// Takes on all that is due.
    pub(super) fn claim(&mut self, lasts: u8, now: Millis) -> Claim {
        Claim {
            lease: Lease(self.names.new_lease()),
            until: now + Millis::from(lasts) * TICK,
            limit: 1_000,
            now,
        }
    }

    /// By who has it, unless there is a slip; who has nothing looks for work first.
    pub(super) async fn sealing(&mut self, seal: &Seal, now: Millis) -> Call {
        let Some((handle, lease)) = self.held(seal.debt, seal.slip).await else {
            return Call::ClaimDebts(self.claim(LEASE, now));
        };
        let asker = self.request_of(&handle).await;
        let client_id = asker.map_or(client_id(0), |request| request.client_id);
        let redeem = Redeem {
            prompt: Pick::Any(0),
            family: seal.family,
            token: seal.token,
            refresh: true,
            slip: false,
        };
        let mut redemption = self.redemption(&redeem, now).await;
        (redemption.id, redemption.client_id) = (request_id(&handle), client_id.clone());
        Call::Seal(Box::new(Sealing {
            id: request_id(&handle),
            client_id,
            debt: debt_id(&handle),
            lease,
            tokens: seal.tokens.then(|| SealedTokens {
                payload: format!("sealed {}", redemption.family_id).into_bytes(),
                redemption,
                deadline: now + 5 * TICK,
            }),
            failure: b"sealed failure".to_vec(),
            now,
        }))
    }

    pub(super) async fn settlement(&mut self, debt: Pick, ends: Ends, slip: bool, now: Millis) -> Call {
        let Some((handle, lease)) = self.held(debt, slip).await else {
            return Call::ClaimDebts(self.claim(LEASE, now));
        };
        let error = format!("in vain at {}", now - crate::sample::NOW);
        let payment = match ends {
            Ends::Paid => Payment::Done,
            Ends::Refused => Payment::Dead { error },
            Ends::Later(ticks) => Payment::Retry {
                due_at: now + Millis::from(ticks) * TICK,
                error,
            },
        };
        Call::SettleDebt(debt_id(&handle), lease, payment, now)
    }

    /// Apt is what was given up on.
    pub(super) async fn dead_debt(&self, debt: Pick) -> DebtId {
        let dead = self.model.dead_debts(1_000).await.unwrap();
        let is_dead = async |handle: &str| dead.iter().any(|dead| dead.id.reference == handle);
        debt_id(&self.handle(debt, is_dead).await)
    }

    /// Apt is what somebody has a lease on; none where there is nothing apt.
    async fn held(&self, debt: Pick, slip: bool) -> Option<(String, Lease)> {
        let holder = |handle: &str| self.model.holder_of(&debt_id(handle));
        let handle = self.handle(debt, async |handle| holder(handle).is_some()).await;
        let lease = holder(&handle);
        if lease.is_none() && matches!(debt, Pick::Apt(_)) {
            return None;
        }
        let lease = lease.filter(|_| !slip);
        Some((handle, lease.unwrap_or_else(|| Lease("nobody's".to_owned()))))
    }
}
