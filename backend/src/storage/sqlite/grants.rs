use std::collections::BTreeSet;

use async_trait::async_trait;
use countersign_clock::Millis;
use countersign_protocol::{ClientId, DeviceId};
use rusqlite::{Connection, Row, params};

use super::{
    SqliteStorage, StorageError,
    rows::{Columns as _, count, to_json},
    statement::Statements,
};
use crate::{
    domain::{AccessToken, Acr, AuthorizationCode, GrantFamily, RefreshToken, TokenHash},
    storage::{AccessTokenFacts, CodeRedemption, CodeUse, Grants, RefreshUse, Rotation, sql},
};

#[async_trait]
impl Grants for SqliteStorage {
    async fn add_code(&self, code: AuthorizationCode) -> Result<(), StorageError> {
        self.write(move |connection| add_code(connection, &code)).await
    }

    async fn redeem_code(&self, redemption: CodeRedemption) -> Result<CodeUse, StorageError> {
        self.write(move |connection| redeem_code(connection, &redemption)).await
    }

    async fn rotate_refresh(&self, rotation: Rotation) -> Result<RefreshUse, StorageError> {
        self.write(move |connection| rotate(connection, &rotation)).await
    }

    async fn find_token(&self, token: TokenHash, now: Millis) -> Result<Option<AccessTokenFacts>, StorageError> {
        self.read(|connection| {
            connection.one(sql::grants::FIND_TOKEN, params![token.0, now], |row| {
                Ok(AccessTokenFacts {
                    family: read_family(row)?,
                    expires_at: row.value("expires_at")?,
                    issued_at: row.value("issued_at")?,
                    is_refresh: row.value("is_refresh")?,
                })
            })
        })
    }

    async fn revoke_token(&self, token: TokenHash, client_id: &ClientId, now: Millis) -> Result<(), StorageError> {
        let client_id = client_id.clone();
        self.write(move |connection| {
            let by = params![token.0, client_id.as_str()];
            if let Some(refresh) = connection.one(sql::grants::FIND_REFRESH, by, read_standing)? {
                revoke_family(connection, &refresh.family.id, now)?;
            }
            // A family without anything would never be swept.
            if let Some(family) = connection.one(sql::grants::REVOKE_ACCESS, by, |row| row.text("family_id"))? {
                connection.run(sql::grants::SWEEP_FAMILY, params![family])?;
            }
            Ok(())
        })
        .await
    }

    async fn sweep_grants(&self, now: Millis, limit: u32) -> Result<u64, StorageError> {
        self.write(move |connection| sweep(connection, now, limit)).await
    }
}

/// What a code or a refresh token is, whether it can still be used or not.
struct Standing {
    family: GrantFamily,
    expires_at: Millis,
    used: bool,
    revoked: bool,
}

fn add_code(connection: &Connection, code: &AuthorizationCode) -> Result<(), StorageError> {
    add_family(connection, &code.family, None)?;
    connection.run(
        sql::grants::ADD_CODE,
        params![
            code.hash.0,
            code.family.id,
            code.redirect_uri,
            code.code_challenge,
            code.nonce,
            code.expires_at,
        ],
    )?;
    Ok(())
}

fn redeem_code(connection: &Connection, redemption: &CodeRedemption) -> Result<CodeUse, StorageError> {
    let CodeRedemption { code: hash, now, .. } = *redemption;
    let by = params![hash.0, redemption.client_id.as_str()];
    let found = connection.one(sql::grants::FIND_CODE, by, |row| {
        Ok((read_standing(row)?, read_code(row, hash)?))
    })?;
    let Some((state, code)) = found else {
        return Ok(CodeUse::Refused);
    };
    if state.used {
        revoke_family(connection, &code.family.id, now)?;
        return Ok(CodeUse::Reused);
    }
    let matches = code.redirect_uri == redemption.redirect_uri && code.code_challenge == redemption.code_challenge;
    if !matches || !is_good(connection, &state, now)? {
        return Ok(CodeUse::Refused);
    }
    if connection.run(sql::grants::USE_CODE, params![hash.0, now])? != 1 {
        return Ok(CodeUse::Refused);
    }
    add_tokens(
        connection,
        &code.family.id,
        &redemption.access,
        redemption.refresh.as_ref(),
        now,
    )?;
    Ok(CodeUse::Granted(Box::new(code)))
}

fn rotate(connection: &Connection, rotation: &Rotation) -> Result<RefreshUse, StorageError> {
    let Rotation { token, now, .. } = *rotation;
    let by = params![token.0, rotation.client_id.as_str()];
    let Some(found) = connection.one(sql::grants::FIND_REFRESH, by, read_standing)? else {
        return Ok(RefreshUse::Refused);
    };
    if found.used {
        revoke_family(connection, &found.family.id, now)?;
        return Ok(RefreshUse::Reused);
    }
    if !is_good(connection, &found, now)? {
        return Ok(RefreshUse::Refused);
    }
    if connection.run(sql::grants::USE_REFRESH, params![token.0, now])? != 1 {
        return Ok(RefreshUse::Refused);
    }
    add_tokens(
        connection,
        &found.family.id,
        &rotation.access,
        Some(&rotation.next),
        now,
    )?;
    Ok(RefreshUse::Granted(Box::new(found.family)))
}

fn is_good(connection: &Connection, found: &Standing, now: Millis) -> Result<bool, StorageError> {
    let in_time = now < found.expires_at && !found.revoked;
    Ok(in_time && connection.any(sql::accounts::IS_ENABLED, params![found.family.sub.as_str()])?)
}

fn sweep(connection: &Connection, now: Millis, limit: u32) -> Result<u64, StorageError> {
    let mut swept = 0;
    let mut families = BTreeSet::new();
    for sql in [
        sql::grants::SWEEP_CODES,
        sql::grants::SWEEP_ACCESS,
        sql::grants::SWEEP_REFRESH,
    ] {
        let of = connection.all(sql, params![now, limit], |row| row.text("family_id"))?;
        swept += of.len();
        families.extend(of);
    }
    for family in families {
        swept += connection.run(sql::grants::SWEEP_FAMILY, params![family])?;
    }
    Ok(count(swept))
}

/// Stores a family; `device_id` is the device that approved it.
pub(super) fn add_family(
    connection: &Connection,
    family: &GrantFamily,
    device_id: Option<&DeviceId>,
) -> Result<(), StorageError> {
    connection.run(
        sql::grants::ADD_FAMILY,
        params![
            family.id,
            family.client_id.as_str(),
            family.sub.as_str(),
            family.scope,
            family.auth_time,
            to_json(&family.amr)?,
            family.acr.0,
            family.created_at,
            device_id.map(DeviceId::as_str),
        ],
    )?;
    Ok(())
}

/// Stores what was issued to a family.
pub(super) fn add_tokens(
    connection: &Connection,
    family_id: &str,
    access: &AccessToken,
    refresh: Option<&RefreshToken>,
    now: Millis,
) -> Result<(), StorageError> {
    connection.run(
        sql::grants::ADD_ACCESS,
        params![access.hash.0, family_id, now, access.expires_at],
    )?;
    if let Some(refresh) = refresh {
        connection.run(
            sql::grants::ADD_REFRESH,
            params![refresh.hash.0, family_id, now, refresh.expires_at],
        )?;
    }
    Ok(())
}

fn revoke_family(connection: &Connection, id: &str, now: Millis) -> Result<(), StorageError> {
    connection.run(sql::grants::REVOKE_FAMILY, params![id, now])?;
    Ok(())
}

fn read_standing(row: &Row<'_>) -> Result<Standing, StorageError> {
    Ok(Standing {
        family: read_family(row)?,
        expires_at: row.value("expires_at")?,
        used: row.value::<Option<Millis>>("used_at")?.is_some(),
        revoked: row.value::<Option<Millis>>("revoked_at")?.is_some(),
    })
}

fn read_code(row: &Row<'_>, hash: TokenHash) -> Result<AuthorizationCode, StorageError> {
    Ok(AuthorizationCode {
        hash,
        family: read_family(row)?,
        redirect_uri: row.text("redirect_uri")?,
        code_challenge: row.text("code_challenge")?,
        nonce: row.value("nonce")?,
        expires_at: row.value("expires_at")?,
    })
}

fn read_family(row: &Row<'_>) -> Result<GrantFamily, StorageError> {
    Ok(GrantFamily {
        id: row.text("id")?,
        client_id: row.client_id()?,
        sub: row.subject()?,
        scope: row.text("scope")?,
        auth_time: row.value("auth_time")?,
        amr: row.some_json("amr", "grant")?,
        acr: Acr(row.text("acr")?),
        created_at: row.value("created_at")?,
    })
}
