use async_trait::async_trait;
use countersign_clock::Millis;

use super::{Engine, Statements, StorageError, Store, values};
use crate::storage::{AfterRestore, Ended, Recovery, sql::recovery};

/// Grants that one commit revokes at most: a database that holds years of them has limits for a single statement.
const CHUNK: u32 = 20_000;

#[async_trait]
impl<E: Engine> Recovery for Store<E> {
    async fn after_restore(&self, after: AfterRestore) -> Result<Ended, StorageError> {
        let mut ended = self
            .engine
            .write(after, |connection, after| Box::pin(end_questions(connection, *after)))
            .await?;
        loop {
            let revoked = self
                .engine
                .write_single(after.now, |connection, now| Box::pin(revoke(connection, *now)))
                .await?;
            ended.grants += revoked;
            if revoked < u64::from(CHUNK) {
                return Ok(ended);
            }
        }
    }
}

async fn end_questions(connection: &mut impl Statements, after: AfterRestore) -> Result<Ended, StorageError> {
    let now = after.now;
    connection.run(recovery::SKIP_SEQ, &[]).await?;
    let prompts = connection.run(recovery::CANCEL_PROMPTS, values![now]).await?;
    let requests = connection.run(recovery::DENY_REQUESTS, &[]).await?;
    connection.run(recovery::FORGET_INVITATIONS, &[]).await?;
    let debts = connection.run(recovery::FORGET_DEBTS, &[]).await?;
    let devices = if after.revoke_devices {
        connection.run(recovery::REVOKE_DEVICES, values![now]).await?
    } else {
        0
    };
    let active = connection
        .one(recovery::COUNT_DEVICES, &[], |row| row.value::<u32>("devices"))
        .await?;
    Ok(Ended {
        requests,
        prompts,
        grants: 0,
        debts,
        devices,
        active_devices: u64::from(active.unwrap_or(0)),
    })
}

async fn revoke(connection: &mut impl Statements, now: Millis) -> Result<u64, StorageError> {
    connection.run(recovery::REVOKE_FAMILIES, values![now, CHUNK]).await
}
