use async_trait::async_trait;
use countersign_clock::Millis;
use countersign_protocol::ClientId;

use super::{Engine, Row, Statements, StorageError, Store, prompts, to_json, values};
use crate::{
    domain::Client,
    storage::{AddClient, Clients, sql},
};

#[async_trait]
impl<E: Engine> Clients for Store<E> {
    async fn find_client(&self, id: &ClientId) -> Result<Option<Client>, StorageError> {
        self.engine
            .read(id.as_str(), |connection, id| {
                Box::pin(async move { connection.one(sql::clients::FIND, values![id], read).await })
            })
            .await
    }

    async fn add_client(&self, client: Client) -> Result<AddClient, StorageError> {
        self.engine
            .write_single(client, |connection, client| Box::pin(add(connection, client)))
            .await
    }

    async fn remove_client(&self, id: &ClientId, now: Millis) -> Result<bool, StorageError> {
        self.engine
            .write_locking((id.clone(), now), |connection, (id, now)| {
                Box::pin(remove(connection, id.as_str(), *now))
            })
            .await
    }

    async fn list_clients(&self) -> Result<Vec<Client>, StorageError> {
        self.engine
            .read((), |connection, ()| {
                Box::pin(async move { connection.all(sql::clients::LIST, &[], read).await })
            })
            .await
    }
}

async fn add(connection: &mut impl Statements, client: &Client) -> Result<AddClient, StorageError> {
    let json = to_json(client)?;
    let added = connection.run(sql::clients::ADD, values![client.id, json]).await?;
    match added {
        0 => Ok(AddClient::Taken),
        _ => Ok(AddClient::Added),
    }
}

async fn remove(connection: &mut impl Statements, id: &str, now: Millis) -> Result<bool, StorageError> {
    if connection.run(sql::clients::REMOVE, values![id]).await? == 0 {
        return Ok(false);
    }
    // Whoever registers the same id later inherits nothing.
    prompts::cancel_of_client(connection, id, now).await?;
    connection.run(sql::auth_requests::DENY_OF_CLIENT, values![id]).await?;
    connection.run(sql::outbox::DROP_OF_CREDITOR, values![id]).await?;
    // Last, because this waited for the requests that were being redeemed: what came of them is revoked too.
    connection.run(sql::grants::REVOKE_OF_CLIENT, values![id, now]).await?;
    Ok(true)
}

fn read(row: &Row<'_>) -> Result<Client, StorageError> {
    row.some_json("client", "client")
}
