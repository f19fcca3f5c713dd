use async_trait::async_trait;
use countersign_clock::Millis;
use rusqlite::params;

use super::{SqliteStorage, StorageError, rows::count, statement::Statements};
use crate::storage::{Replay, sql};

#[async_trait]
impl Replay for SqliteStorage {
    async fn remember_once(&self, kind: &str, owner: &str, id: &str, expires_at: Millis) -> Result<bool, StorageError> {
        let (kind, owner, id) = (kind.to_owned(), owner.to_owned(), id.to_owned());
        self.write(move |connection| {
            Ok(connection.run(sql::replay::REMEMBER, params![kind, owner, id, expires_at])? == 1)
        })
        .await
    }

    async fn sweep_replay(&self, now: Millis, limit: u32) -> Result<u64, StorageError> {
        self.write(move |connection| Ok(count(connection.run(sql::replay::SWEEP, params![now, limit])?)))
            .await
    }
}
