use async_trait::async_trait;
use countersign_clock::Millis;
use countersign_protocol::ClientId;

use super::{Engine, Statements, StorageError, Store, to_json, values};
use crate::{
    domain::{PushedRequest, TokenHash},
    storage::{PushedRequests, sql},
};

#[async_trait]
impl<E: Engine> PushedRequests for Store<E> {
    async fn add_pushed(&self, request: PushedRequest) -> Result<(), StorageError> {
        self.engine
            .write_single(request, |connection, request| {
                Box::pin(async move {
                    let params = to_json(&request.params)?;
                    let row = values![request.hash, request.client_id, params, request.expires_at];
                    connection.run(sql::pushed_requests::ADD, row).await?;
                    Ok(())
                })
            })
            .await
    }

    async fn take_pushed(
        &self,
        hash: TokenHash,
        client_id: &ClientId,
        now: Millis,
    ) -> Result<Option<PushedRequest>, StorageError> {
        self.engine
            .write_single((hash, client_id.clone(), now), |connection, (hash, client_id, now)| {
                Box::pin(async move {
                    let by = values![hash, client_id, now];
                    connection
                        .one(sql::pushed_requests::TAKE, by, |row| {
                            Ok(PushedRequest {
                                hash: *hash,
                                client_id: client_id.clone(),
                                params: row.some_json("params", "pushed request")?,
                                expires_at: row.value("expires_at")?,
                            })
                        })
                        .await
                })
            })
            .await
    }

    async fn sweep_pushed(&self, now: Millis, limit: u32) -> Result<u64, StorageError> {
        self.engine
            .write_single((now, limit), |connection, (now, limit)| {
                Box::pin(async move { connection.run(sql::pushed_requests::SWEEP, values![now, limit]).await })
            })
            .await
    }
}
