//! Pays what is owed: claims due debts under a lease, a bounded number at a time, and says how each try ended.
//!
//! It looks at once when something was owed on this node and four times a second anyway, because other nodes and commands owe too, and leases
//! of workers that died come to an end. A debt is paid at least once; twice only when a worker dies, or cannot reach the store,
//! between paying and saying so.

use std::{sync::Arc, time::Duration};

use countersign_clock::{Clock, Millis, Random};
use countersign_jose::b64;
use tokio::{sync::Notify, task::JoinSet};

use super::{every, report};
use crate::{
    connectors::{Connectors, Paid, Upstreams},
    domain::{ClaimedDebt, DebtKind, Lease, Payment},
    op::{Delivery, Told},
    steps::STEPS,
    storage::{Claim, Storage},
};

/// Tries under way at once.
const MOST_AT_ONCE: usize = 64;
/// How long a claim holds: a try takes 5 seconds at most.
const LEASE: Millis = 20_000;
/// Wait after the first failure; it doubles with each, until [`LONGEST_WAIT`]. The real wait is a random part of it.
const FIRST_WAIT: Millis = 250;
const LONGEST_WAIT: Millis = 15_000;
/// Wait, at most, for a host that is being called a lot.
const BUSY_WAIT: Millis = 1_000;
/// Longest time between two looks.
const ROUND: Duration = Duration::from_millis(250);
/// Shortest time between two looks: what settles requests of clients that poll wakes the worker too.
const PACE: Duration = Duration::from_millis(10);

/// Pays what is owed.
#[derive(Clone)]
pub struct OutboxWorker {
    /// Knows what is owed.
    pub storage: Arc<dyn Storage>,
    /// Calls clients.
    pub delivery: Arc<Delivery>,
    /// Calls providers that asked.
    pub connectors: Arc<Connectors>,
    /// Asks other providers.
    pub upstreams: Arc<Upstreams>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Leases, and waits that differ.
    pub random: Arc<dyn Random>,
    /// Says that something may be owed now.
    pub owed: Arc<Notify>,
}

impl OutboxWorker {
    /// Works until `stop` resolves, then finishes what is under way: nothing new is begun, and what was begun takes 5 seconds at most.
    pub async fn run(self, stop: impl Future<Output = ()> + Send) {
        let mut stop = std::pin::pin!(stop);
        let mut pace = every(PACE);
        let mut round = every(ROUND);
        let mut under_way = JoinSet::new();
        loop {
            pace.tick().await;
            let room = MOST_AT_ONCE.saturating_sub(under_way.len());
            let claimed = self.claim(room).await;
            let more = room > 0 && claimed.len() == room;
            for debt in claimed {
                under_way.spawn(self.clone().pay(debt));
            }
            if more {
                continue;
            }
            tokio::select! {
                () = &mut stop => break,
                () = self.owed.notified() => {}
                // A full house may have left something behind.
                Some(_) = under_way.join_next(), if under_way.len() == MOST_AT_ONCE => {}
                _ = round.tick() => {}
            }
            while under_way.try_join_next().is_some() {}
        }
        while under_way.join_next().await.is_some() {}
    }

    async fn claim(&self, room: usize) -> Vec<ClaimedDebt> {
        if room == 0 {
            return Vec::new();
        }
        let now = self.clock.now();
        let mut lease = [0; 16];
        self.random.fill(&mut lease);
        let claim = Claim {
            lease: Lease(b64::encode(lease)),
            until: now + LEASE,
            limit: u32::try_from(room).unwrap_or(u32::MAX),
            now,
        };
        let claimed = self.storage.claim_debts(claim).await;
        claimed.unwrap_or_else(|error| {
            report::<(), _>("claiming what is owed", Err(error));
            Vec::new()
        })
    }

    #[tracing::instrument(
        target = STEPS,
        level = "trace",
        name = "delivery",
        skip_all,
        fields(prompt.handle = %debt.id.reference, client.id = %debt.creditor, attempt = debt.attempt)
    )]
    async fn pay(self, debt: ClaimedDebt) {
        if debt.id.kind == DebtKind::Complete {
            return self.complete(&debt).await;
        }
        if debt.id.kind == DebtKind::Ask {
            return self.ask(&debt).await;
        }
        let told = self.delivery.deliver(&debt).await;
        let now = self.clock.now();
        let payment = payment(&debt, told, now, self.chance());
        let settled = self
            .storage
            .settle_debt(&debt.id, &debt.lease, payment.clone(), now)
            .await;
        // What is logged is on disk. When that fails the lease comes to an end, and the debt is paid again.
        match settled {
            Ok(true) => log(&debt, &payment),
            Ok(false) => log_late(&debt),
            Err(error) => report::<(), _>("settling what was owed", Err(error)),
        }
    }
}

impl OutboxWorker {
    async fn complete(&self, debt: &ClaimedDebt) {
        let chance = self.chance();
        let again_at = |now| now + part(longest_wait(debt.attempt), chance);
        match self.connectors.pay(debt, again_at).await {
            Ok(Paid::Recorded(payment)) => log(debt, &payment),
            Ok(Paid::Lost) => log_late(debt),
            Err(error) => report::<(), _>("telling a provider", Err(error)),
        }
    }

    async fn ask(&self, debt: &ClaimedDebt) {
        let chance = self.chance();
        let again_at = |now| now + part(longest_wait(debt.attempt), chance);
        match self.upstreams.pay(debt, again_at).await {
            Ok(Some(Paid::Recorded(payment))) => log(debt, &payment),
            Ok(Some(Paid::Lost)) => log_late(debt),
            // The person has not answered yet.
            Ok(None) => {}
            Err(error) => report::<(), _>("asking a provider", Err(error)),
        }
    }

    fn chance(&self) -> u64 {
        let mut chance = [0; 8];
        self.random.fill(&mut chance);
        u64::from_le_bytes(chance)
    }
}

/// What the end of a try means for the debt. Nothing is tried past its deadline.
fn payment(debt: &ClaimedDebt, told: Told, now: Millis, chance: u64) -> Payment {
    let (wait, error) = match told {
        Told::Delivered => return Payment::Done,
        Told::Refused { error } => return Payment::Dead { error },
        Told::Busy => (
            part(BUSY_WAIT, chance),
            "too many calls to this host are under way".to_owned(),
        ),
        Told::Retry { after, error } => (part(longest_wait(debt.attempt), chance).max(after.unwrap_or(0)), error),
    };
    let due_at = now + wait;
    if due_at < debt.deadline {
        Payment::Retry { due_at, error }
    } else {
        Payment::Dead { error }
    }
}

fn longest_wait(attempt: u32) -> Millis {
    let doublings = attempt.saturating_sub(1).min(16);
    (FIRST_WAIT << doublings).min(LONGEST_WAIT)
}

/// A random part of `whole`, so that many who failed together do not come back together.
fn part(whole: Millis, chance: u64) -> Millis {
    let parts = u64::try_from(whole).unwrap_or(0) + 1;
    Millis::try_from(chance % parts).unwrap_or(0)
}

fn log(debt: &ClaimedDebt, payment: &Payment) {
    let (kind, handle, client, attempt) = (debt.id.kind.word(), &debt.id.reference, &debt.creditor, debt.attempt);
    let whom = whom(debt);
    match payment {
        Payment::Done => {
            tracing::info!(prompt.handle = %handle, client.id = %client, attempt, "{kind} of prompt {handle} reached {whom}");
        }
        Payment::Retry { error, .. } => {
            tracing::warn!(prompt.handle = %handle, client.id = %client, attempt, error, "{kind} of prompt {handle} did not reach {whom} and will be tried again");
        }
        Payment::Unclear { error } => {
            tracing::error!(prompt.handle = %handle, client.id = %client, attempt, error, "nobody knows whether {client} heard the result of prompt {handle}; it is not told again");
        }
        Payment::Dead { error } => {
            tracing::warn!(prompt.handle = %handle, client.id = %client, attempt, error, "{kind} of prompt {handle} to {whom} is given up on");
        }
    }
}

/// Whom a log line names: a client, or a provider by the name of its connector.
fn whom(debt: &ClaimedDebt) -> String {
    match debt.id.kind {
        DebtKind::Ping | DebtKind::Push => format!("client {}", debt.creditor),
        DebtKind::Complete | DebtKind::Ask => debt.creditor.clone(),
    }
}

fn log_late(debt: &ClaimedDebt) {
    let (kind, handle, client, attempt) = (debt.id.kind.word(), &debt.id.reference, &debt.creditor, debt.attempt);
    let whom = whom(debt);
    tracing::warn!(prompt.handle = %handle, client.id = %client, attempt, "{kind} of prompt {handle} to {whom} is not this worker's any more");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::DebtId;

    fn debt(attempt: u32) -> ClaimedDebt {
        ClaimedDebt {
            id: DebtId {
                reference: "h".to_owned(),
                kind: DebtKind::Ping,
            },
            creditor: "shop".to_owned(),
            payload: Vec::new(),
            deadline: 100_000,
            attempt,
            interrupted: false,
            lease: Lease("l".to_owned()),
        }
    }

    fn failed(after: Option<Millis>) -> Told {
        Told::Retry {
            after,
            error: "no".to_owned(),
        }
    }

    #[test]
    fn waits_double_up_to_a_limit_and_the_real_one_is_a_random_part() {
        let longest: Vec<Millis> = (1..=9).map(longest_wait).collect();
        assert_eq!(longest, [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
        assert_eq!(longest_wait(u32::MAX), 15_000);
        for (chance, due_at) in [(0, 1000), (250, 1250), (251, 1000), (125, 1125)] {
            let error = "no".to_owned();
            let expected = Payment::Retry { due_at, error };
            assert_eq!(payment(&debt(1), failed(None), 1000, chance), expected, "full jitter");
        }
    }

    #[test]
    fn nothing_is_tried_past_its_deadline() {
        let at = |now, after| payment(&debt(1), failed(after), now, 0);
        let dead = Payment::Dead { error: "no".to_owned() };
        assert!(matches!(at(99_999, None), Payment::Retry { due_at: 99_999, .. }));
        assert_eq!(at(100_000, None), dead);
        assert!(matches!(at(90_000, Some(9_000)), Payment::Retry { due_at: 99_000, .. }));
        assert_eq!(
            at(90_000, Some(10_000)),
            dead,
            "a client that wants to be left alone for longer is"
        );
    }

    #[test]
    fn a_no_is_final_and_a_busy_host_is_no_failure() {
        let refused = Told::Refused {
            error: "answered 401".to_owned(),
        };
        let dead = Payment::Dead {
            error: "answered 401".to_owned(),
        };
        assert_eq!(payment(&debt(1), refused, 0, 0), dead, "R-154");
        assert_eq!(payment(&debt(9), Told::Delivered, 0, 0), Payment::Done);
        assert!(matches!(
            payment(&debt(9), Told::Busy, 0, 1000),
            Payment::Retry { due_at: 1000, .. }
        ));
    }
}
