use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::{
    SqliteStorage, StorageError,
    rows::{Columns as _, count},
    statement::Statements,
};
use crate::storage::{AfterRestore, Ended, Recovery, sql::recovery};

#[async_trait]
impl Recovery for SqliteStorage {
    async fn after_restore(&self, after: AfterRestore) -> Result<Ended, StorageError> {
        self.write(move |connection| end_everything(connection, after)).await
    }
}

fn end_everything(connection: &Connection, after: AfterRestore) -> Result<Ended, StorageError> {
    let now = params![after.now];
    connection.run(recovery::SKIP_SEQ, [])?;
    let prompts = connection.run(recovery::CANCEL_PROMPTS, now)?;
    let requests = connection.run(recovery::DENY_REQUESTS, [])?;
    let grants = connection.run(recovery::REVOKE_FAMILIES, now)?;
    let devices = if after.revoke_devices {
        connection.run(recovery::REVOKE_DEVICES, now)?
    } else {
        0
    };
    let active: Option<i64> = connection.one(recovery::COUNT_DEVICES, [], |row| row.value("devices"))?;
    Ok(Ended {
        requests: count(requests),
        prompts: count(prompts),
        grants: count(grants),
        devices: count(devices),
        active_devices: active.and_then(|active| u64::try_from(active).ok()).unwrap_or(0),
    })
}
