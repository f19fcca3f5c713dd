use async_trait::async_trait;
use countersign_clock::Millis;
use countersign_protocol::{Delivery, Handle};

use super::{Dialect, Engine, Row, Statements, StorageError, Store, connectors, grants, prompts, values};
use crate::{
    domain::{Arrears, ClaimedDebt, DeadDebt, DebtId, DebtKind, Lease, NewDebt, Payment},
    storage::{Claim, Outbox, Resend, sql},
};

#[async_trait]
impl<E: Engine> Outbox for Store<E> {
    async fn claim_debts(&self, claim: Claim) -> Result<Vec<ClaimedDebt>, StorageError> {
        self.engine
            .write_single(claim, |connection, claim| Box::pin(claim_debts(connection, claim)))
            .await
    }

    async fn settle_debt(
        &self,
        id: &DebtId,
        lease: &Lease,
        payment: Payment,
        now: Millis,
    ) -> Result<bool, StorageError> {
        let dies = matches!(payment, Payment::Dead { .. } | Payment::Unclear { .. });
        let input = (id.clone(), lease.clone(), payment, now);
        if dies {
            self.engine
                .write_locking(input, |connection, (id, lease, payment, now)| {
                    Box::pin(settle(connection, id, lease, payment, *now))
                })
                .await
        } else {
            self.engine
                .write_single(input, |connection, (id, lease, payment, now)| {
                    Box::pin(settle(connection, id, lease, payment, *now))
                })
                .await
        }
    }

    async fn dead_debts(&self, limit: u32) -> Result<Vec<DeadDebt>, StorageError> {
        self.engine
            .read(limit, |connection, limit| {
                Box::pin(async move { connection.all(sql::outbox::LIST_DEAD, values![limit], read_dead).await })
            })
            .await
    }

    async fn resend_debt(&self, id: &DebtId, now: Millis) -> Result<Resend, StorageError> {
        self.engine
            .write_locking((id.clone(), now), |connection, (id, now)| {
                Box::pin(resend(connection, id, *now))
            })
            .await
    }

    async fn arrears(&self) -> Result<Arrears, StorageError> {
        self.engine
            .read((), |connection, ()| Box::pin(arrears(connection)))
            .await
    }

    async fn sweep_debts(&self, before: Millis, now: Millis, limit: u32) -> Result<u64, StorageError> {
        self.engine
            .write_locking((before, now, limit), |connection, (before, now, limit)| {
                Box::pin(sweep(connection, *before, *now, *limit))
            })
            .await
    }
}

/// Stores what becomes due when the request of the same reference is settled.
pub(super) async fn add(connection: &mut impl Statements, debt: &NewDebt) -> Result<(), StorageError> {
    let (reference, kind) = (&debt.id.reference, debt.id.kind.word());
    connection
        .run(
            sql::outbox::ADD,
            values![
                reference,
                kind,
                debt.creditor,
                debt.payload,
                debt.deadline,
                debt.not_before
            ],
        )
        .await?;
    Ok(())
}

/// Stores what is owed from now on, whatever becomes of the request of the same reference.
pub(super) async fn add_due(connection: &mut impl Statements, debt: &NewDebt) -> Result<(), StorageError> {
    let (reference, kind) = (&debt.id.reference, debt.id.kind.word());
    connection
        .run(
            sql::outbox::ADD_DUE,
            values![
                reference,
                kind,
                debt.creditor,
                debt.payload,
                debt.deadline,
                debt.not_before
            ],
        )
        .await?;
    Ok(())
}

async fn claim_debts<S: Statements>(connection: &mut S, claim: &Claim) -> Result<Vec<ClaimedDebt>, StorageError> {
    let statement = match S::DIALECT {
        Dialect::Sqlite => sql::outbox::CLAIM_SQLITE,
        Dialect::Postgres => sql::outbox::CLAIM_POSTGRES,
    };
    connection
        .all(
            statement,
            values![claim.now, claim.until, claim.lease.0, claim.limit],
            |row| {
                Ok(ClaimedDebt {
                    id: read_id(row)?,
                    creditor: row.text("creditor")?,
                    payload: row.value("payload")?,
                    deadline: row.value("deadline")?,
                    attempt: row.value("attempt")?,
                    interrupted: row.value("interrupted")?,
                    lease: claim.lease.clone(),
                })
            },
        )
        .await
}

/// Says how a try ended; false when the lease is another's.
pub(super) async fn settle(
    connection: &mut impl Statements,
    id: &DebtId,
    lease: &Lease,
    payment: &Payment,
    now: Millis,
) -> Result<bool, StorageError> {
    let (reference, kind, lease) = (&id.reference, id.kind.word(), &lease.0);
    let changed = match payment {
        Payment::Done => {
            let done = values![reference, kind, lease, now];
            connection.run(sql::outbox::DONE, done).await?
        }
        Payment::Retry { due_at, error } => {
            let retry = values![reference, kind, lease, due_at, error];
            connection.run(sql::outbox::RETRY, retry).await?
        }
        Payment::Dead { error } | Payment::Unclear { error } => {
            let dead = values![reference, kind, lease, now, error];
            let died = connection.one(sql::outbox::DEAD, dead, read_family_id).await?;
            let count = u64::from(died.is_some());
            if let Some(family_id) = died.flatten() {
                grants::revoke_family(connection, &family_id, now).await?;
            }
            count
        }
    };
    Ok(changed == 1)
}

async fn resend(connection: &mut impl Statements, id: &DebtId, now: Millis) -> Result<Resend, StorageError> {
    let (reference, kind) = (&id.reference, id.kind.word());
    let owed = connection
        .run(sql::outbox::RESEND, values![reference, kind, now])
        .await?;
    if owed == 1 {
        say_of_request(connection, id, Delivery::Owed).await?;
        return Ok(Resend::Owed);
    }
    let dead = connection
        .one(sql::outbox::FIND_DEAD, values![reference, kind], read_family_id)
        .await?;
    Ok(match dead {
        Some(Some(_)) => Resend::Revoked,
        Some(None) => Resend::TimeOver,
        None => Resend::Unknown,
    })
}

/// Whether this is the lease of a debt whose result was not sealed yet. If so, it stays as long as the unit runs.
pub(super) async fn holds<S: Statements>(connection: &mut S, id: &DebtId, lease: &Lease) -> Result<bool, StorageError> {
    let (reference, kind, lease) = (&id.reference, id.kind.word(), &lease.0);
    let by = values![reference, kind, lease];
    connection.any(sql::outbox::HOLDS.text(S::DIALECT), by).await
}

/// Puts what is to be delivered into a debt that the unit holds.
pub(super) async fn seal(
    connection: &mut impl Statements,
    id: &DebtId,
    payload: &[u8],
    family_id: Option<&str>,
    deadline: Millis,
) -> Result<(), StorageError> {
    let (reference, kind) = (&id.reference, id.kind.word());
    let sealed = values![reference, kind, payload, family_id, deadline];
    connection.run(sql::outbox::SEAL, sealed).await?;
    Ok(())
}

async fn arrears(connection: &mut impl Statements) -> Result<Arrears, StorageError> {
    let owed = connection
        .one(sql::outbox::COUNT_OWED, &[], |row| {
            Ok((row.value("debts")?, row.value("oldest")?))
        })
        .await?;
    let dead = connection
        .one(sql::outbox::COUNT_DEAD, &[], |row| row.value("debts"))
        .await?;
    let (debts, oldest) = owed.unwrap_or_default();
    Ok(Arrears {
        debts,
        oldest,
        dead: dead.unwrap_or_default(),
    })
}

async fn sweep(connection: &mut impl Statements, before: Millis, now: Millis, limit: u32) -> Result<u64, StorageError> {
    let given_up = connection
        .all(sql::outbox::GIVE_UP, values![now, limit], |row| {
            Ok((read_id(row)?, read_family_id(row)?))
        })
        .await?;
    for (id, family_id) in &given_up {
        if let Some(family_id) = family_id {
            grants::revoke_family(connection, family_id, now).await?;
        }
        say_of_request(connection, id, Delivery::Failed).await?;
    }
    let erased = connection.run(sql::outbox::ERASE, values![now, limit]).await?;
    let over = connection.run(sql::outbox::SWEEP, values![now, limit]).await?;
    let dead = connection
        .run(sql::outbox::SWEEP_DEAD, values![before, now, limit])
        .await?;
    let given_up = u64::try_from(given_up.len()).unwrap_or(u64::MAX);
    Ok(given_up + erased + over + dead)
}

/// What devices say of the request, when the debt is that its provider is told.
async fn say_of_request(connection: &mut impl Statements, id: &DebtId, delivery: Delivery) -> Result<(), StorageError> {
    if id.kind == DebtKind::Complete
        && let Some(found) = prompts::find_to_tell(connection, &Handle::new(&id.reference)).await?
    {
        connectors::set_delivery(connection, &found, delivery).await?;
    }
    Ok(())
}

/// The grant that a debt was to deliver.
fn read_family_id(row: &Row<'_>) -> Result<Option<String>, StorageError> {
    row.value("family_id")
}

fn read_id(row: &Row<'_>) -> Result<DebtId, StorageError> {
    let kind = DebtKind::from_word(&row.text("kind")?);
    Ok(DebtId {
        reference: row.text("reference")?,
        kind: kind.ok_or(StorageError::Corrupt { what: "debt" })?,
    })
}

fn read_dead(row: &Row<'_>) -> Result<DeadDebt, StorageError> {
    Ok(DeadDebt {
        id: read_id(row)?,
        creditor: row.text("creditor")?,
        attempts: row.value("attempt")?,
        died_at: row.value("settled_at")?,
        deadline: row.value("deadline")?,
        error: row.text("last_error")?,
    })
}
