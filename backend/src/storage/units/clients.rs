use async_trait::async_trait;
use countersign_clock::Millis;
use countersign_protocol::ClientId;

use super::{Engine, Row, Statements, StorageError, Store, invitations, prompts, to_json, values};
use crate::{
    domain::Client,
    storage::{AddClient, Clients, ReplaceClient, Replacement, SelfRegistered, SelfRegistration, sql},
};

/// So that none of two registrations sees one place too many.
const TURNS: &str = "registrations";

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

    async fn register_client(&self, registration: SelfRegistration) -> Result<SelfRegistered, StorageError> {
        self.engine
            .write_locking(registration, |connection, registration| {
                Box::pin(register(connection, registration))
            })
            .await
    }

    async fn replace_client(&self, replacement: Replacement) -> Result<ReplaceClient, StorageError> {
        self.engine
            .write_locking(replacement, |connection, replacement| {
                Box::pin(replace(connection, replacement))
            })
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
    let new = values![client.id, json, client.disabled, false];
    match connection.run(sql::clients::ADD, new).await? {
        0 => Ok(AddClient::Taken),
        _ => Ok(AddClient::Added),
    }
}

async fn register(
    connection: &mut impl Statements,
    registration: &SelfRegistration,
) -> Result<SelfRegistered, StorageError> {
    let SelfRegistration {
        client,
        invitation,
        most,
        now,
    } = registration;
    connection.lock(TURNS).await?;
    if let Some(invitation) = invitation
        && !invitations::is_good(connection, *invitation, *now).await?
    {
        return Ok(SelfRegistered::NotInvited);
    }
    let count = connection
        .one(sql::clients::COUNT_REGISTERED, &[], |row| {
            row.value::<u32>("registered")
        })
        .await?;
    if count.unwrap_or(0) >= *most {
        return Ok(SelfRegistered::Full);
    }
    let json = to_json(client)?;
    let new = values![client.id, json, client.disabled, true];
    if connection.run(sql::clients::ADD, new).await? == 0 {
        return Ok(SelfRegistered::Taken);
    }
    if let Some(invitation) = invitation {
        invitations::count_use(connection, *invitation).await?;
    }
    Ok(SelfRegistered::Added)
}

async fn replace<S: Statements>(connection: &mut S, replacement: &Replacement) -> Result<ReplaceClient, StorageError> {
    let Replacement { before, after, now } = replacement;
    let found = connection
        .one(sql::clients::FIND_TO_CHANGE.text(S::DIALECT), values![before.id], read)
        .await?;
    let Some(found) = found else {
        return Ok(ReplaceClient::Unknown);
    };
    if found != *before {
        return Ok(ReplaceClient::Changed);
    }
    let json = to_json(after)?;
    let changed = values![before.id, json, after.disabled];
    connection.run(sql::clients::REPLACE, changed).await?;
    if after.disabled && !before.disabled {
        let id = before.id.as_str();
        prompts::cancel_of_client(connection, id, *now).await?;
        connection.run(sql::outbox::DROP_OF_CREDITOR, values![id]).await?;
    }
    Ok(ReplaceClient::Replaced)
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
