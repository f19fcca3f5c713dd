use async_trait::async_trait;
use countersign_clock::Millis;
use countersign_protocol::ClientId;
use rusqlite::{Row, params};

use super::{
    SqliteStorage, StorageError, prompts,
    rows::{Columns as _, to_json},
    statement::Statements,
};
use crate::{
    domain::Client,
    storage::{AddClient, Clients, sql},
};

#[async_trait]
impl Clients for SqliteStorage {
    async fn find_client(&self, id: &ClientId) -> Result<Option<Client>, StorageError> {
        self.read(|connection| connection.one(sql::clients::FIND, params![id.as_str()], read))
    }

    async fn add_client(&self, client: Client) -> Result<AddClient, StorageError> {
        self.write(move |connection| {
            let params = params![client.id.as_str(), to_json(&client)?];
            match connection.run(sql::clients::ADD, params)? {
                0 => Ok(AddClient::Taken),
                _ => Ok(AddClient::Added),
            }
        })
        .await
    }

    async fn remove_client(&self, id: &ClientId, now: Millis) -> Result<bool, StorageError> {
        let id = id.clone();
        self.write(move |connection| {
            let id = id.as_str();
            if connection.run(sql::clients::REMOVE, params![id])? == 0 {
                return Ok(false);
            }
            // Whoever registers the same id later inherits nothing.
            connection.run(sql::grants::REVOKE_OF_CLIENT, params![id, now])?;
            prompts::cancel_of_client(connection, id, now)?;
            connection.run(sql::auth_requests::DENY_OF_CLIENT, params![id])?;
            connection.run(sql::outbox::DROP_OF_CREDITOR, params![id])?;
            Ok(true)
        })
        .await
    }

    async fn list_clients(&self) -> Result<Vec<Client>, StorageError> {
        self.read(|connection| connection.all(sql::clients::LIST, [], read))
    }
}

fn read(row: &Row<'_>) -> Result<Client, StorageError> {
    row.some_json("client", "client")
}
