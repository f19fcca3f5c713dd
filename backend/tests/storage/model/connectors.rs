use async_trait::async_trait;
use countersign::{
    domain::{DebtId, DebtKind, Lease, Payment},
    storage::{ConnectorMark, Connectors, Intake, SettledQuestion, StorageError, TakenIn, Telling, Told},
};
use countersign_clock::Millis;
use countersign_protocol::{Delivery, Handle};

use super::{Kept, Model, add, outbox::Debt};

#[async_trait]
impl Connectors for Model {
    async fn take_in(&self, intake: Intake) -> Result<TakenIn, StorageError> {
        self.write(|kept| {
            if let Some(earlier) = kept.prompts.get(&intake.prompt.handle) {
                return Ok(if earlier.intake_digest == Some(intake.digest) {
                    TakenIn::Again(Box::new(earlier.prompt.clone()))
                } else {
                    TakenIn::Other
                });
            }
            if let Some(message) = &intake.message {
                let seen = ["connector_message", &intake.prompt.connector.0, &message.id].map(str::to_owned);
                if kept.seen.contains_key(&seen) {
                    return Ok(TakenIn::Other);
                }
                kept.seen.insert(seen, message.until);
            }
            let opened = kept.add_question(intake.prompt, Some(intake.digest), intake.supersede)?;
            add(&mut kept.debts, intake.owed.id.clone(), Debt::waiting(intake.owed))?;
            Ok(TakenIn::New(opened))
        })
    }

    async fn settled_question(&self, handle: &Handle) -> Result<Option<SettledQuestion>, StorageError> {
        Ok(self.read(|kept| {
            let asked = kept
                .prompts
                .get(handle)
                .filter(|asked| asked.prompt.settlement.is_some());
            asked.map(|asked| SettledQuestion {
                prompt: asked.prompt.clone(),
                approval: asked.approval.clone(),
                receipt: asked.receipt.clone(),
            })
        }))
    }

    async fn mark_telling(&self, id: &DebtId, lease: &Lease) -> Result<bool, StorageError> {
        self.write(|kept| {
            let debt = kept.debts.get_mut(id).filter(|debt| debt.is_held_by(lease));
            Ok(debt.is_some_and(|debt| {
                debt.telling = true;
                true
            }))
        })
    }

    async fn settle_telling(&self, telling: Telling) -> Result<Told, StorageError> {
        self.write(|kept| {
            let Telling {
                id,
                lease,
                payment,
                now,
                ..
            } = telling;
            if !kept.settle_debt(&id, &lease, payment.clone(), now) {
                return Ok(Told::Lost);
            }
            kept.mark(&telling.connector, &payment, now);
            let delivery = match payment {
                Payment::Done => Delivery::Done,
                Payment::Unclear { .. } => Delivery::Unclear,
                Payment::Dead { .. } => Delivery::Failed,
                Payment::Retry { .. } => return Ok(Told::Recorded(None)),
            };
            kept.say_of_request(&id, delivery);
            let prompt = kept.prompts.get(&Handle::new(&id.reference)).map(|asked| &asked.prompt);
            let said = prompt.filter(|prompt| {
                let settlement = prompt.settlement.as_ref();
                settlement.is_some_and(|end| end.view.delivery.is_some())
            });
            Ok(Told::Recorded(said.map(|prompt| prompt.account.clone())))
        })
    }

    async fn connector_marks(&self) -> Result<Vec<ConnectorMark>, StorageError> {
        Ok(self.read(|kept| {
            let mut marks = kept.marks.clone();
            for (name, since, is_dead) in kept.arrears_of_providers() {
                let mark = marks.entry(name.clone()).or_insert(ConnectorMark {
                    name,
                    ..ConnectorMark::default()
                });
                mark.debts += u32::from(!is_dead);
                mark.dead += u32::from(is_dead);
                mark.oldest = mark.oldest.into_iter().chain(since).min();
            }
            marks.into_values().collect()
        }))
    }
}

impl Kept {
    pub(super) fn mark(&mut self, connector: &str, payment: &Payment, now: Millis) {
        let name = connector.to_owned();
        let mark = self.marks.entry(name.clone()).or_insert(ConnectorMark {
            name,
            ..ConnectorMark::default()
        });
        match payment {
            Payment::Done => {
                if mark.told_at.is_none_or(|at| at < now - 2000) {
                    mark.told_at = Some(now);
                }
            }
            Payment::Retry { error, .. } | Payment::Unclear { error } | Payment::Dead { error } => {
                (mark.failed_at, mark.error) = (Some(now), Some(error.clone()));
            }
        }
    }

    /// What devices say of the request, when the debt is that its provider is told.
    pub(super) fn say_of_request(&mut self, id: &DebtId, delivery: Delivery) {
        let handle = Handle::new(&id.reference);
        let Some(asked) = self.prompts.get(&handle).filter(|_| id.kind == DebtKind::Complete) else {
            return;
        };
        let told_of = asked
            .prompt
            .settlement
            .as_ref()
            .is_some_and(|end| end.view.delivery.is_some());
        if told_of {
            let seq = self.next_change(&asked.prompt.account.clone());
            let asked = self.prompts.get_mut(&handle).unwrap();
            asked.prompt.seq = seq;
            asked.prompt.settlement.as_mut().unwrap().view.delivery = Some(delivery);
        }
    }
}
