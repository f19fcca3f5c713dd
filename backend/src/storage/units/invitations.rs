use async_trait::async_trait;
use countersign_clock::Millis;

use super::{Engine, Row, Statements, StorageError, Store, values};
use crate::{
    domain::{Invitation, TokenHash},
    storage::{Invitations, sql},
};

#[async_trait]
impl<E: Engine> Invitations for Store<E> {
    async fn add_invitation(&self, invitation: Invitation) -> Result<bool, StorageError> {
        self.engine
            .write_locking(invitation, |connection, invitation| {
                Box::pin(add(connection, invitation))
            })
            .await
    }

    async fn list_invitations(&self, now: Millis) -> Result<Vec<Invitation>, StorageError> {
        self.engine
            .read(now, |connection, now| {
                Box::pin(async move { connection.all(sql::invitations::LIST, values![now], read).await })
            })
            .await
    }

    async fn remove_invitation(&self, name: &str) -> Result<bool, StorageError> {
        self.engine
            .write_locking(name.to_owned(), |connection, name| {
                Box::pin(async move { Ok(connection.run(sql::invitations::REMOVE, values![name]).await? > 0) })
            })
            .await
    }
}

async fn add(connection: &mut impl Statements, invitation: &Invitation) -> Result<bool, StorageError> {
    connection
        .run(sql::invitations::DROP_OVER, values![invitation.created_at])
        .await?;
    let new = values![
        invitation.hash.0,
        invitation.name,
        invitation.created_at,
        invitation.expires_at,
        invitation.uses_left,
    ];
    Ok(connection.run(sql::invitations::ADD, new).await? == 1)
}

/// Whether this is an invitation that can be used at `now`.
pub(super) async fn is_good(
    connection: &mut impl Statements,
    hash: TokenHash,
    now: Millis,
) -> Result<bool, StorageError> {
    connection.any(sql::invitations::IS_GOOD, values![hash, now]).await
}

/// Counts a use of an invitation; the last one ends it.
pub(super) async fn count_use(connection: &mut impl Statements, hash: TokenHash) -> Result<(), StorageError> {
    connection.run(sql::invitations::COUNT_USE, values![hash]).await?;
    connection.run(sql::invitations::DROP_USED_UP, values![hash]).await?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<Invitation, StorageError> {
    Ok(Invitation {
        hash: row
            .token_hash("hash")?
            .ok_or(StorageError::Corrupt { what: "invitation" })?,
        name: row.text("name")?,
        created_at: row.value("created_at")?,
        expires_at: row.value("expires_at")?,
        uses_left: row.value("uses_left")?,
    })
}
