use async_trait::async_trait;
use countersign_clock::Millis;

use super::{Engine, Statements, StorageError, Store, values};
use crate::storage::{Replay, sql};

#[async_trait]
impl<E: Engine> Replay for Store<E> {
    async fn remember_once(&self, kind: &str, owner: &str, id: &str, expires_at: Millis) -> Result<bool, StorageError> {
        let seen = (kind.to_owned(), owner.to_owned(), id.to_owned(), expires_at);
        self.engine
            .write_single(seen, |connection, (kind, owner, id, expires_at)| {
                Box::pin(remember(connection, kind, owner, id, *expires_at))
            })
            .await
    }

    async fn sweep_replay(&self, now: Millis, limit: u32) -> Result<u64, StorageError> {
        self.engine
            .write_single((now, limit), |connection, (now, limit)| {
                Box::pin(async move { connection.run(sql::replay::SWEEP, values![now, limit]).await })
            })
            .await
    }
}

/// Notes what may be seen once; false when it was noted before.
pub(super) async fn remember(
    connection: &mut impl Statements,
    kind: &str,
    owner: &str,
    id: &str,
    expires_at: Millis,
) -> Result<bool, StorageError> {
    let noted = connection
        .run(sql::replay::REMEMBER, values![kind, owner, id, expires_at])
        .await?;
    Ok(noted == 1)
}
