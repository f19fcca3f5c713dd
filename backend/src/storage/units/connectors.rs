use async_trait::async_trait;
use countersign_protocol::{Delivery, Handle};

use super::{
    Engine, Statements, StorageError, Store, outbox,
    prompts::{self, Found},
    replay,
    settle::next_seq,
    to_word, values,
};
use crate::{
    domain::{AccountKey, DebtId, Lease, Payment},
    storage::{ConnectorMark, Connectors, Intake, SettledQuestion, TakenIn, Telling, Told, sql},
};

/// Kind of what is seen once: a message of a provider.
const MESSAGE: &str = "connector_message";

#[async_trait]
impl<E: Engine> Connectors for Store<E> {
    async fn take_in(&self, intake: Intake) -> Result<TakenIn, StorageError> {
        self.engine
            .write_locking(intake, |connection, intake| Box::pin(take_in(connection, intake)))
            .await
    }

    async fn settled_question(&self, handle: &Handle) -> Result<Option<SettledQuestion>, StorageError> {
        let found = self.engine.read(handle, |connection, handle| {
            Box::pin(async move { prompts::find(connection, handle).await })
        });
        let settled = found.await?.filter(|found| found.prompt.settlement.is_some());
        Ok(settled.map(
            |Found {
                 prompt,
                 approval,
                 receipt,
                 ..
             }| SettledQuestion {
                prompt,
                approval,
                receipt,
            },
        ))
    }

    async fn mark_telling(&self, id: &DebtId, lease: &Lease) -> Result<bool, StorageError> {
        self.engine
            .write_single((id.clone(), lease.clone()), |connection, (id, lease)| {
                Box::pin(async move {
                    let kind = id.kind.word();
                    let by = values![id.reference, kind, lease.0];
                    Ok(connection.run(sql::outbox::MARK_TELLING, by).await? == 1)
                })
            })
            .await
    }

    async fn settle_telling(&self, telling: Telling) -> Result<Told, StorageError> {
        self.engine
            .write_locking(telling, |connection, telling| {
                Box::pin(settle_telling(connection, telling))
            })
            .await
    }

    async fn connector_marks(&self) -> Result<Vec<ConnectorMark>, StorageError> {
        self.engine
            .read((), |connection, ()| Box::pin(connector_marks(connection)))
            .await
    }
}

async fn take_in<S: Statements>(connection: &mut S, intake: &Intake) -> Result<TakenIn, StorageError> {
    let prompt = &intake.prompt;
    // The same question may arrive twice at once.
    connection.lock(prompt.handle.as_str()).await?;
    if let Some(earlier) = prompts::find(connection, &prompt.handle).await? {
        return Ok(if earlier.intake_digest.as_ref() == Some(&intake.digest) {
            TakenIn::Again(Box::new(earlier.prompt))
        } else {
            TakenIn::Other
        });
    }
    if let Some(message) = &intake.message
        && !replay::remember(connection, MESSAGE, &prompt.connector.0, &message.id, message.until).await?
    {
        return Ok(TakenIn::Other);
    }
    let opened = prompts::add_question(connection, prompt, Some(&intake.digest), intake.supersede).await?;
    outbox::add(connection, &intake.owed).await?;
    Ok(TakenIn::New(opened))
}

async fn settle_telling<S: Statements>(connection: &mut S, telling: &Telling) -> Result<Told, StorageError> {
    let Telling {
        id,
        lease,
        connector,
        payment,
        now,
    } = telling;
    let handle = Handle::new(&id.reference);
    // First the prompt, then the debt, as when a decision is recorded.
    let prompt = prompts::find_to_tell(connection, &handle).await?;
    if !outbox::settle(connection, id, lease, payment, *now).await? {
        return Ok(Told::Lost);
    }
    let error = match payment {
        Payment::Done => None,
        Payment::Retry { error, .. } | Payment::Unclear { error } | Payment::Dead { error } => Some(error),
    };
    mark(connection, connector, *now, error.map(String::as_str)).await?;
    let delivery = match payment {
        Payment::Done => Delivery::Done,
        Payment::Unclear { .. } => Delivery::Unclear,
        Payment::Dead { .. } => Delivery::Failed,
        Payment::Retry { .. } => return Ok(Told::Recorded(None)),
    };
    match prompt {
        Some(found) => set_delivery(connection, &found, delivery).await.map(Told::Recorded),
        None => Ok(Told::Recorded(None)),
    }
}

pub(super) async fn mark(
    connection: &mut impl Statements,
    connector: &str,
    now: i64,
    error: Option<&str>,
) -> Result<(), StorageError> {
    connection.run(sql::connectors::ADD_MARK, values![connector]).await?;
    match error {
        None => {
            connection
                .run(sql::connectors::MARK_TOLD, values![connector, now])
                .await?
        }
        Some(error) => {
            let failed = values![connector, now, error];
            connection.run(sql::connectors::MARK_FAILED, failed).await?
        }
    };
    Ok(())
}

/// Whether the provider knows, as a change of the request; none for a request of which devices say nothing like that.
pub(super) async fn set_delivery(
    connection: &mut impl Statements,
    found: &Found,
    delivery: Delivery,
) -> Result<Option<AccountKey>, StorageError> {
    let prompt = &found.prompt;
    let told_of = prompt
        .settlement
        .as_ref()
        .is_some_and(|end| end.view.delivery.is_some());
    if !told_of {
        return Ok(None);
    }
    let seq = next_seq(connection, &prompt.account).await?;
    connection
        .run(
            sql::prompts::SET_DELIVERY,
            values![prompt.handle, to_word(&delivery)?, seq],
        )
        .await?;
    Ok(Some(prompt.account.clone()))
}

async fn connector_marks(connection: &mut impl Statements) -> Result<Vec<ConnectorMark>, StorageError> {
    let mut marks = connection
        .all(sql::connectors::MARKS, &[], |row| {
            Ok(ConnectorMark {
                name: row.text("name")?,
                told_at: row.value("told_at")?,
                failed_at: row.value("failed_at")?,
                error: row.value("error")?,
                ..ConnectorMark::default()
            })
        })
        .await?;
    let arrears = connection
        .all(sql::outbox::ARREARS_OF_PROVIDERS, &[], |row| {
            Ok(ConnectorMark {
                name: row.text("creditor")?,
                debts: row.value("debts")?,
                oldest: row.value("oldest")?,
                dead: row.value("dead")?,
                ..ConnectorMark::default()
            })
        })
        .await?;
    for owed in arrears {
        match marks.iter_mut().find(|mark| mark.name == owed.name) {
            Some(mark) => (mark.debts, mark.oldest, mark.dead) = (owed.debts, owed.oldest, owed.dead),
            None => marks.push(owed),
        }
    }
    marks.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(marks)
}
