use async_trait::async_trait;

use super::{Engine, Statements, StorageError, Store, values};
use crate::storage::{AfterRestore, Ended, Recovery, sql::recovery};

#[async_trait]
impl<E: Engine> Recovery for Store<E> {
    async fn after_restore(&self, after: AfterRestore) -> Result<Ended, StorageError> {
        self.engine
            .write(after, |connection, after| Box::pin(end_everything(connection, *after)))
            .await
    }
}

async fn end_everything(connection: &mut impl Statements, after: AfterRestore) -> Result<Ended, StorageError> {
    let now = after.now;
    connection.run(recovery::SKIP_SEQ, &[]).await?;
    let prompts = connection.run(recovery::CANCEL_PROMPTS, values![now]).await?;
    let requests = connection.run(recovery::DENY_REQUESTS, &[]).await?;
    let grants = connection.run(recovery::REVOKE_FAMILIES, values![now]).await?;
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
        grants,
        devices,
        active_devices: u64::from(active.unwrap_or(0)),
    })
}
