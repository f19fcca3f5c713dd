use async_trait::async_trait;
use countersign_clock::Millis;

use super::{Engine, Row, Statements, StorageError, Store, values};
use crate::{
    domain::{KeyPurpose, KeyState, StoredKey},
    storage::{SigningKeys, sql},
};

#[async_trait]
impl<E: Engine> SigningKeys for Store<E> {
    async fn list_keys(&self) -> Result<Vec<StoredKey>, StorageError> {
        self.engine
            .read((), |connection, ()| {
                Box::pin(async move { connection.all(sql::keys::LIST, &[], read).await })
            })
            .await
    }

    async fn add_key(&self, key: StoredKey) -> Result<bool, StorageError> {
        self.engine
            .write(key, |connection, key| Box::pin(add(connection, key)))
            .await
    }

    async fn promote_key(&self, purpose: KeyPurpose, published_by: Millis, now: Millis) -> Result<bool, StorageError> {
        self.engine
            .write(
                (purpose, published_by, now),
                |connection, (purpose, published_by, now)| Box::pin(promote(connection, *purpose, *published_by, *now)),
            )
            .await
    }

    async fn drop_retired_keys(&self, before: Millis) -> Result<u64, StorageError> {
        self.engine
            .write(before, |connection, before| {
                Box::pin(async move {
                    let deleted = connection.run(sql::keys::DROP_RETIRED, values![before]).await?;
                    let nothing: Vec<u8> = Vec::new();
                    let stripped = connection
                        .run(sql::keys::STRIP_RETIRED, values![before, nothing])
                        .await?;
                    Ok(deleted + stripped)
                })
            })
            .await
    }
}

async fn promote(
    connection: &mut impl Statements,
    purpose: KeyPurpose,
    published_by: Millis,
    now: Millis,
) -> Result<bool, StorageError> {
    if census(connection, purpose, published_by).await?.ready == 0 {
        return Ok(false);
    }
    for (from, to) in [
        (KeyState::Active, KeyState::Retiring),
        (KeyState::Next, KeyState::Active),
    ] {
        let (purpose, from, to) = (purpose_word(purpose), state_word(from), state_word(to));
        connection.run(sql::keys::MOVE, values![purpose, from, to, now]).await?;
    }
    Ok(true)
}

/// How many keys a purpose has.
struct Census {
    all: u32,
    next: u32,
    /// Of `next`, those that have been so for long enough.
    ready: u32,
}

async fn census(
    connection: &mut impl Statements,
    purpose: KeyPurpose,
    published_by: Millis,
) -> Result<Census, StorageError> {
    let counted = connection
        .one(sql::keys::COUNT, values![purpose_word(purpose), published_by], |row| {
            Ok(Census {
                all: row.value("keys")?,
                next: row.value("waiting")?,
                ready: row.value("ready")?,
            })
        })
        .await?;
    Ok(counted.unwrap_or(Census {
        all: 0,
        next: 0,
        ready: 0,
    }))
}

async fn add(connection: &mut impl Statements, key: &StoredKey) -> Result<bool, StorageError> {
    let census = census(connection, key.purpose, key.state_since).await?;
    // Nodes that start together all find that there is no key; one makes it.
    let is_late = key.state == KeyState::Active && census.all > 0;
    if census.next > 0 || is_late {
        return Ok(false);
    }
    let state = if census.all == 0 {
        KeyState::Active
    } else {
        KeyState::Next
    };
    connection
        .run(
            sql::keys::ADD,
            values![
                key.kid,
                purpose_word(key.purpose),
                state_word(state),
                key.sealed,
                key.public_jwk,
                key.created_at,
                key.state_since,
                key.announcement,
            ],
        )
        .await?;
    Ok(true)
}

fn read(row: &Row<'_>) -> Result<StoredKey, StorageError> {
    let corrupt = StorageError::Corrupt { what: "signing key" };
    let word = row.text("purpose")?;
    let Some(purpose) = KeyPurpose::ALL
        .into_iter()
        .find(|&purpose| purpose_word(purpose) == word)
    else {
        return Err(corrupt);
    };
    let state = match row.text("state")?.as_str() {
        "next" => KeyState::Next,
        "active" => KeyState::Active,
        "retiring" => KeyState::Retiring,
        "dropped" => KeyState::Dropped,
        _ => return Err(corrupt),
    };
    Ok(StoredKey {
        kid: row.text("kid")?,
        purpose,
        state,
        sealed: row.value("sealed")?,
        public_jwk: row.text("public_jwk")?,
        created_at: row.value("created_at")?,
        state_since: row.value("state_since")?,
        announcement: row.value("announcement")?,
    })
}

fn purpose_word(purpose: KeyPurpose) -> String {
    purpose.word().replace('-', "_")
}

fn state_word(state: KeyState) -> &'static str {
    match state {
        KeyState::Next => "next",
        KeyState::Active => "active",
        KeyState::Retiring => "retiring",
        KeyState::Dropped => "dropped",
    }
}
