use async_trait::async_trait;
use countersign_clock::Millis;
use rusqlite::{Connection, Row, params};

use super::{
    SqliteStorage, StorageError,
    rows::{Columns as _, count},
    statement::Statements,
};
use crate::{
    domain::{Arrears, ClaimedDebt, DeadDebt, DebtId, DebtKind, Lease, NewDebt, Payment},
    storage::{Claim, Outbox, Resend, sql},
};

#[async_trait]
impl Outbox for SqliteStorage {
    async fn claim_debts(&self, claim: Claim) -> Result<Vec<ClaimedDebt>, StorageError> {
        self.write(move |connection| claim_debts(connection, &claim)).await
    }

    async fn settle_debt(
        &self,
        id: &DebtId,
        lease: &Lease,
        payment: Payment,
        now: Millis,
    ) -> Result<bool, StorageError> {
        let (id, lease) = (id.clone(), lease.clone());
        self.write(move |connection| settle(connection, &id, &lease, &payment, now))
            .await
    }

    async fn dead_debts(&self, limit: u32) -> Result<Vec<DeadDebt>, StorageError> {
        self.read(|connection| connection.all(sql::outbox::LIST_DEAD, params![limit], read_dead))
    }

    async fn resend_debt(&self, id: &DebtId, now: Millis) -> Result<Resend, StorageError> {
        let id = id.clone();
        self.write(move |connection| resend(connection, &id, now)).await
    }

    async fn arrears(&self) -> Result<Arrears, StorageError> {
        self.read(arrears)
    }

    async fn sweep_debts(&self, before: Millis, now: Millis, limit: u32) -> Result<u64, StorageError> {
        self.write(move |connection| sweep(connection, before, now, limit))
            .await
    }
}

/// Stores what becomes due when the request of the same reference is settled.
pub(super) fn add(connection: &Connection, debt: &NewDebt) -> Result<(), StorageError> {
    connection.run(
        sql::outbox::ADD,
        params![
            debt.id.reference,
            debt.id.kind.word(),
            debt.creditor,
            debt.payload,
            debt.deadline,
        ],
    )?;
    Ok(())
}

fn claim_debts(connection: &Connection, claim: &Claim) -> Result<Vec<ClaimedDebt>, StorageError> {
    let params = params![claim.now, claim.until, claim.lease.0, claim.limit];
    connection.all(sql::outbox::CLAIM, params, |row| {
        Ok(ClaimedDebt {
            id: read_id(row)?,
            creditor: row.text("creditor")?,
            payload: row.value("payload")?,
            deadline: row.value("deadline")?,
            attempt: row.value("attempt")?,
            lease: claim.lease.clone(),
        })
    })
}

fn settle(
    connection: &Connection,
    id: &DebtId,
    lease: &Lease,
    payment: &Payment,
    now: Millis,
) -> Result<bool, StorageError> {
    let (reference, kind, lease) = (&id.reference, id.kind.word(), &lease.0);
    let changed = match payment {
        Payment::Done => connection.run(sql::outbox::DONE, params![reference, kind, lease, now])?,
        Payment::Retry { due_at, error } => {
            connection.run(sql::outbox::RETRY, params![reference, kind, lease, due_at, error])?
        }
        Payment::Dead { error } => connection.run(sql::outbox::DEAD, params![reference, kind, lease, now, error])?,
    };
    Ok(changed == 1)
}

fn resend(connection: &Connection, id: &DebtId, now: Millis) -> Result<Resend, StorageError> {
    let (reference, kind) = (&id.reference, id.kind.word());
    if connection.run(sql::outbox::RESEND, params![reference, kind, now])? == 1 {
        return Ok(Resend::Owed);
    }
    if connection.any(sql::outbox::FIND_DEAD, params![reference, kind])? {
        return Ok(Resend::TimeOver);
    }
    Ok(Resend::Unknown)
}

fn arrears(connection: &Connection) -> Result<Arrears, StorageError> {
    let owed = connection.one(sql::outbox::COUNT_OWED, [], |row| {
        Ok((row.value("debts")?, row.value("oldest")?))
    })?;
    let dead = connection.one(sql::outbox::COUNT_DEAD, [], |row| row.value("debts"))?;
    let (debts, oldest) = owed.unwrap_or_default();
    Ok(Arrears {
        debts,
        oldest,
        dead: dead.unwrap_or_default(),
    })
}

fn sweep(connection: &Connection, before: Millis, now: Millis, limit: u32) -> Result<u64, StorageError> {
    let changed = [
        connection.run(sql::outbox::GIVE_UP, params![now, limit])?,
        connection.run(sql::outbox::ERASE, params![now, limit])?,
        connection.run(sql::outbox::SWEEP, params![now, limit])?,
        connection.run(sql::outbox::SWEEP_DEAD, params![before, now, limit])?,
    ];
    Ok(count(changed.into_iter().sum()))
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
