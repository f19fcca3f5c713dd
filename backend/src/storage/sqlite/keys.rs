use async_trait::async_trait;
use countersign_clock::Millis;
use rusqlite::{Connection, Row, params};

use super::{
    SqliteStorage, StorageError,
    rows::{Columns as _, count},
    statement::Statements,
};
use crate::{
    domain::{KeyPurpose, KeyState, StoredKey},
    storage::{SigningKeys, sql},
};

#[async_trait]
impl SigningKeys for SqliteStorage {
    async fn list_keys(&self) -> Result<Vec<StoredKey>, StorageError> {
        self.read(|connection| connection.all(sql::keys::LIST, [], read))
    }

    async fn add_key(&self, key: StoredKey) -> Result<bool, StorageError> {
        self.write(move |connection| add(connection, &key)).await
    }

    async fn promote_key(&self, purpose: KeyPurpose, published_by: Millis, now: Millis) -> Result<bool, StorageError> {
        self.write(move |connection| {
            if census(connection, purpose, published_by)?.ready == 0 {
                return Ok(false);
            }
            for (from, to) in [
                (KeyState::Active, KeyState::Retiring),
                (KeyState::Next, KeyState::Active),
            ] {
                let params = params![purpose_word(purpose), state_word(from), state_word(to), now];
                connection.run(sql::keys::MOVE, params)?;
            }
            Ok(true)
        })
        .await
    }

    async fn drop_retired_keys(&self, before: Millis) -> Result<u64, StorageError> {
        self.write(move |connection| {
            let deleted = connection.run(sql::keys::DROP_RETIRED, params![before])?;
            let stripped = connection.run(sql::keys::STRIP_RETIRED, params![before])?;
            Ok(count(deleted + stripped))
        })
        .await
    }
}

/// How many keys a purpose has.
struct Census {
    all: u32,
    next: u32,
    /// Of `next`, those that have been so for long enough.
    ready: u32,
}

fn census(connection: &Connection, purpose: KeyPurpose, published_by: Millis) -> Result<Census, StorageError> {
    let counted = connection.one(sql::keys::COUNT, params![purpose_word(purpose), published_by], |row| {
        Ok(Census {
            all: row.value("keys")?,
            next: row.value("waiting")?,
            ready: row.value("ready")?,
        })
    })?;
    Ok(counted.unwrap_or(Census {
        all: 0,
        next: 0,
        ready: 0,
    }))
}

fn add(connection: &Connection, key: &StoredKey) -> Result<bool, StorageError> {
    let census = census(connection, key.purpose, key.state_since)?;
    if census.next > 0 {
        return Ok(false);
    }
    let state = if census.all == 0 {
        KeyState::Active
    } else {
        KeyState::Next
    };
    connection.run(
        sql::keys::ADD,
        params![
            key.kid,
            purpose_word(key.purpose),
            state_word(state),
            key.sealed,
            key.public_jwk,
            key.created_at,
            key.state_since,
            key.announcement,
        ],
    )?;
    Ok(true)
}

fn read(row: &Row<'_>) -> Result<StoredKey, StorageError> {
    let corrupt = StorageError::Corrupt { what: "signing key" };
    let purpose = match row.text("purpose")?.as_str() {
        "id_token_es256" => KeyPurpose::IdTokenEs256,
        "id_token_rs256" => KeyPurpose::IdTokenRs256,
        "request_object" => KeyPurpose::RequestObject,
        _ => return Err(corrupt),
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

fn purpose_word(purpose: KeyPurpose) -> &'static str {
    match purpose {
        KeyPurpose::IdTokenEs256 => "id_token_es256",
        KeyPurpose::IdTokenRs256 => "id_token_rs256",
        KeyPurpose::RequestObject => "request_object",
    }
}

fn state_word(state: KeyState) -> &'static str {
    match state {
        KeyState::Next => "next",
        KeyState::Active => "active",
        KeyState::Retiring => "retiring",
        KeyState::Dropped => "dropped",
    }
}
