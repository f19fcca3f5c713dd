use countersign_clock::Millis;
use countersign_protocol::PromptState;

use super::{Connectors, OpConnector, Told, hand_over::context};
use crate::{
    domain::{AccountKey, ClaimedDebt, Payment},
    meters::{Completion, meters},
    storage::{self, SettledQuestion, StorageError, Telling},
};

/// Between two tries of a provider that may not know its own request yet.
const NOT_YET: Millis = 250;

/// How a debt to a provider was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paid {
    /// It is recorded.
    Recorded(Payment),
    /// Somebody else has claimed the debt since.
    Lost,
}

/// What the end of a try means, before it is known when the next one would be.
enum Next {
    Settled(Payment),
    /// Again, after the usual wait or this one.
    Again(Option<Millis>, String),
}

impl Connectors {
    /// Tells a provider how its question ended, once; `again_at` says when a try that failed is made again.
    ///
    /// # Errors
    /// When the store does not answer: then the claim comes to its end and the debt is paid later.
    pub async fn pay(
        &self,
        debt: &ClaimedDebt,
        again_at: impl Fn(Millis) -> Millis + Send,
    ) -> Result<Paid, StorageError> {
        let Some(next) = self.tell(debt).await? else {
            return Ok(Paid::Lost);
        };
        let now = self.parts.clock.now();
        let payment = match next {
            Next::Settled(payment) => payment,
            Next::Again(wait, error) => {
                let due_at = wait.map_or_else(|| again_at(now), |wait| now + wait);
                if due_at < debt.deadline {
                    Payment::Retry { due_at, error }
                } else {
                    Payment::Dead { error }
                }
            }
        };
        let telling = Telling {
            id: debt.id.clone(),
            lease: debt.lease.clone(),
            connector: debt.creditor.clone(),
            payment: payment.clone(),
            now,
        };
        match self.parts.storage.settle_telling(telling).await? {
            storage::Told::Lost => Ok(Paid::Lost),
            storage::Told::Recorded(account) => {
                self.wake(account);
                meters().completed(&debt.creditor, counted(&payment), now.div_euclid(1000));
                Ok(Paid::Recorded(payment))
            }
        }
    }

    fn wake(&self, account: Option<AccountKey>) {
        if let Some(account) = account {
            self.parts.consent.tell_delivery(account);
        }
    }

    /// None when the debt is another worker's.
    async fn tell(&self, debt: &ClaimedDebt) -> Result<Option<Next>, StorageError> {
        let dead = |error: &str| {
            Ok(Some(Next::Settled(Payment::Dead {
                error: error.to_owned(),
            })))
        };
        let Some(connector) = self.by_name.get(&debt.creditor) else {
            let error = format!("there is no connector {} in the configuration", debt.creditor);
            return Ok(Some(Next::Again(None, error)));
        };
        let handle = debt.id.reference.as_str().into();
        let Some(ended) = self.parts.storage.settled_question(&handle).await? else {
            return dead("its request is not there any more");
        };
        if state_of(&ended) == PromptState::Expired && !connector.rules().tells_expiry {
            return Ok(Some(Next::Settled(Payment::Done)));
        }
        let sealing = self.parts.keys.sealing();
        let Ok(plain) = sealing.open(&context(&debt.id.reference), &debt.payload) else {
            return dead("what is owed cannot be opened: is the key-encryption key the one that sealed it?");
        };
        let Ok(callback) = std::str::from_utf8(&plain) else {
            return dead("what is owed cannot be read");
        };
        if !connector.rules().repeats {
            if debt.interrupted {
                let error = "this server stopped while the provider was told".to_owned();
                return Ok(Some(Next::Settled(Payment::Unclear { error })));
            }
            if !self.parts.storage.mark_telling(&debt.id, &debt.lease).await? {
                return Ok(None);
            }
        }
        fail_point!(Tell);
        let told = connector.complete(&ended, callback).await;
        fail_point!(Called);
        Ok(Some(self.next(&**connector, &ended, told)))
    }

    fn next(&self, connector: &dyn OpConnector, ended: &SettledQuestion, told: Told) -> Next {
        let rules = connector.rules();
        match told {
            Told::Delivered => Next::Settled(Payment::Done),
            Told::Refused(error) => Next::Settled(Payment::Dead { error }),
            Told::Unknown(error) => {
                let age = self.parts.clock.now() - ended.prompt.created_at;
                if age < rules.grace {
                    Next::Again(Some(NOT_YET), error)
                } else {
                    Next::Settled(Payment::Dead { error })
                }
            }
            Told::Unclear(error) if !rules.repeats => Next::Settled(Payment::Unclear { error }),
            Told::Unsent(error) | Told::Unclear(error) => Next::Again(None, error),
        }
    }
}

fn counted(payment: &Payment) -> Completion {
    match payment {
        Payment::Done => Completion::Told,
        Payment::Retry { .. } => Completion::Retried,
        Payment::Unclear { .. } => Completion::Unclear,
        Payment::Dead { .. } => Completion::GivenUp,
    }
}

pub(super) fn state_of(ended: &SettledQuestion) -> PromptState {
    let settlement = ended.prompt.settlement.as_ref();
    settlement.map_or(PromptState::Pending, |settlement| settlement.view.state)
}
