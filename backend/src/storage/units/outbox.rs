use async_trait::async_trait;
use countersign_clock::Millis;

use super::{Dialect, Engine, Row, Statements, StorageError, Store, values};
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
        self.engine
            .write_single(
                (id.clone(), lease.clone(), payment, now),
                |connection, (id, lease, payment, now)| Box::pin(settle(connection, id, lease, payment, *now)),
            )
            .await
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
            .write((id.clone(), now), |connection, (id, now)| {
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
            .write((before, now, limit), |connection, (before, now, limit)| {
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
            values![reference, kind, debt.creditor, debt.payload, debt.deadline],
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
                    lease: claim.lease.clone(),
                })
            },
        )
        .await
}

async fn settle(
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
        Payment::Dead { error } => {
            let dead = values![reference, kind, lease, now, error];
            connection.run(sql::outbox::DEAD, dead).await?
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
        return Ok(Resend::Owed);
    }
    if connection.any(sql::outbox::FIND_DEAD, values![reference, kind]).await? {
        return Ok(Resend::TimeOver);
    }
    Ok(Resend::Unknown)
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
    let given_up = connection.run(sql::outbox::GIVE_UP, values![now, limit]).await?;
    let erased = connection.run(sql::outbox::ERASE, values![now, limit]).await?;
    let over = connection.run(sql::outbox::SWEEP, values![now, limit]).await?;
    let dead = connection
        .run(sql::outbox::SWEEP_DEAD, values![before, now, limit])
        .await?;
    Ok(given_up + erased + over + dead)
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
