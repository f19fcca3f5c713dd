use std::collections::BTreeSet;

use async_trait::async_trait;
use countersign_clock::Millis;
use countersign_protocol::{ClientId, DeviceId};

use super::{Engine, Row, Statements, StorageError, Store, to_json, values};
use crate::{
    domain::{AccessToken, Acr, AuthorizationCode, Confirmation, GrantFamily, RefreshToken, TokenHash},
    storage::{AccessTokenFacts, CodeRedemption, CodeUse, Grants, RefreshUse, Rotation, sql},
};

#[async_trait]
impl<E: Engine> Grants for Store<E> {
    async fn add_code(&self, code: AuthorizationCode) -> Result<(), StorageError> {
        self.engine
            .write_locking(code, |connection, code| Box::pin(add_code(connection, code)))
            .await
    }

    async fn redeem_code(&self, redemption: CodeRedemption) -> Result<CodeUse, StorageError> {
        self.engine
            .write_locking(redemption, |connection, redemption| {
                Box::pin(redeem_code(connection, redemption))
            })
            .await
    }

    async fn rotate_refresh(&self, rotation: Rotation) -> Result<RefreshUse, StorageError> {
        self.engine
            .write_locking(rotation, |connection, rotation| Box::pin(rotate(connection, rotation)))
            .await
    }

    async fn find_code(
        &self,
        code: TokenHash,
        client_id: &ClientId,
        now: Millis,
    ) -> Result<Option<AuthorizationCode>, StorageError> {
        self.engine
            .read((code, client_id.clone(), now), |connection, (code, client_id, now)| {
                Box::pin(async move {
                    let by = values![code, client_id, now];
                    connection
                        .one(sql::grants::PEEK_CODE, by, |row| read_code(row, *code))
                        .await
                })
            })
            .await
    }

    async fn find_token(&self, token: TokenHash, now: Millis) -> Result<Option<AccessTokenFacts>, StorageError> {
        self.engine
            .read((token, now), |connection, (token, now)| {
                Box::pin(async move {
                    let by = values![token, now];
                    connection.one(sql::grants::FIND_TOKEN, by, read_facts).await
                })
            })
            .await
    }

    async fn revoke_token(&self, token: TokenHash, client_id: &ClientId, now: Millis) -> Result<(), StorageError> {
        self.engine
            .write_locking(
                (token, client_id.clone(), now),
                |connection, (token, client_id, now)| Box::pin(revoke(connection, *token, client_id, *now)),
            )
            .await
    }

    async fn sweep_grants(&self, now: Millis, limit: u32) -> Result<u64, StorageError> {
        self.engine
            .write_locking((now, limit), |connection, (now, limit)| {
                Box::pin(sweep(connection, *now, *limit))
            })
            .await
    }
}

/// What a code or a refresh token is, whether it can still be used or not.
struct Standing {
    family: GrantFamily,
    expires_at: Millis,
    used: bool,
    revoked: bool,
    client_disabled: bool,
}

async fn add_code(connection: &mut impl Statements, code: &AuthorizationCode) -> Result<(), StorageError> {
    add_family(connection, &code.family, None).await?;
    connection
        .run(
            sql::grants::ADD_CODE,
            values![
                code.hash,
                code.family.id,
                code.redirect_uri,
                code.code_challenge,
                code.nonce,
                code.expires_at,
                code.dpop_jkt,
            ],
        )
        .await?;
    Ok(())
}

async fn redeem_code<S: Statements>(connection: &mut S, redemption: &CodeRedemption) -> Result<CodeUse, StorageError> {
    let CodeRedemption { code: hash, now, .. } = *redemption;
    let by = values![hash, redemption.client_id];
    let found = connection
        .one(sql::grants::FIND_CODE.text(S::DIALECT), by, |row| {
            Ok((read_standing(row)?, read_code(row, hash)?))
        })
        .await?;
    let Some((state, code)) = found else {
        return Ok(CodeUse::Refused);
    };
    if state.used {
        revoke_family(connection, &code.family.id, now).await?;
        return Ok(CodeUse::Reused);
    }
    let matches = code.redirect_uri == redemption.redirect_uri
        && code.code_challenge == redemption.code_challenge
        && Confirmation::is_met(code.confirmation().as_ref(), redemption.confirmation.as_ref());
    if !matches || !is_good(connection, &state, now).await? {
        return Ok(CodeUse::Refused);
    }
    if connection.run(sql::grants::USE_CODE, values![hash, now]).await? != 1 {
        return Ok(CodeUse::Refused);
    }
    add_tokens(
        connection,
        &code.family.id,
        &redemption.access,
        redemption.refresh.as_ref(),
        now,
    )
    .await?;
    Ok(CodeUse::Granted(Box::new(code)))
}

async fn rotate<S: Statements>(connection: &mut S, rotation: &Rotation) -> Result<RefreshUse, StorageError> {
    let Rotation { token, now, .. } = *rotation;
    let by = values![token, rotation.client_id];
    let Some((found, bound_to)) = connection
        .one(sql::grants::FIND_REFRESH.text(S::DIALECT), by, |row| {
            Ok((read_standing(row)?, row.json("confirmation", "grant")?))
        })
        .await?
    else {
        return Ok(RefreshUse::Refused);
    };
    if found.used {
        revoke_family(connection, &found.family.id, now).await?;
        return Ok(RefreshUse::Reused);
    }
    let is_held = Confirmation::is_met(bound_to.as_ref(), rotation.confirmation.as_ref());
    if !is_held || !is_good(connection, &found, now).await? {
        return Ok(RefreshUse::Refused);
    }
    if connection.run(sql::grants::USE_REFRESH, values![token, now]).await? != 1 {
        return Ok(RefreshUse::Refused);
    }
    add_tokens(
        connection,
        &found.family.id,
        &rotation.access,
        Some(&rotation.next),
        now,
    )
    .await?;
    Ok(RefreshUse::Granted(Box::new(found.family)))
}

async fn is_good<S: Statements>(connection: &mut S, found: &Standing, now: Millis) -> Result<bool, StorageError> {
    let in_time = now < found.expires_at && !found.revoked && !found.client_disabled;
    let person = values![found.family.sub];
    Ok(in_time
        && connection
            .any(sql::accounts::IS_ENABLED.text(S::DIALECT), person)
            .await?)
}

async fn revoke<S: Statements>(
    connection: &mut S,
    token: TokenHash,
    client_id: &ClientId,
    now: Millis,
) -> Result<(), StorageError> {
    let by = values![token, client_id];
    let refresh = connection
        .one(sql::grants::FIND_REFRESH.text(S::DIALECT), by, read_standing)
        .await?;
    if let Some(refresh) = refresh {
        revoke_family(connection, &refresh.family.id, now).await?;
    }
    let left = connection
        .one(sql::grants::REVOKE_ACCESS, by, |row| row.text("family_id"))
        .await?;
    // A family without anything would never be swept.
    if let Some(family) = left {
        connection.run(sql::grants::SWEEP_FAMILY, values![family]).await?;
    }
    Ok(())
}

async fn sweep(connection: &mut impl Statements, now: Millis, limit: u32) -> Result<u64, StorageError> {
    let mut swept = 0;
    let mut families = BTreeSet::new();
    for sql in [
        sql::grants::SWEEP_CODES,
        sql::grants::SWEEP_ACCESS,
        sql::grants::SWEEP_REFRESH,
    ] {
        let of = connection
            .all(sql, values![now, limit], |row| row.text("family_id"))
            .await?;
        swept += u64::try_from(of.len()).unwrap_or(u64::MAX);
        families.extend(of);
    }
    for family in families {
        swept += connection.run(sql::grants::SWEEP_FAMILY, values![family]).await?;
    }
    Ok(swept)
}

/// Stores a family; `device_id` is the device that approved it.
pub(super) async fn add_family(
    connection: &mut impl Statements,
    family: &GrantFamily,
    device_id: Option<&DeviceId>,
) -> Result<(), StorageError> {
    connection
        .run(
            sql::grants::ADD_FAMILY,
            values![
                family.id,
                family.client_id,
                family.sub,
                family.scope,
                family.auth_time,
                to_json(&family.amr)?,
                family.acr,
                family.created_at,
                device_id.map(DeviceId::as_str),
                (!family.extras.is_empty())
                    .then(|| to_json(&family.extras))
                    .transpose()?,
            ],
        )
        .await?;
    Ok(())
}

/// Stores what was issued to a family.
pub(super) async fn add_tokens(
    connection: &mut impl Statements,
    family_id: &str,
    access: &AccessToken,
    refresh: Option<&RefreshToken>,
    now: Millis,
) -> Result<(), StorageError> {
    connection
        .run(
            sql::grants::ADD_ACCESS,
            values![
                access.hash,
                family_id,
                now,
                access.expires_at,
                access.confirmation.as_ref().map(to_json).transpose()?,
                (!access.resources.is_empty())
                    .then(|| to_json(&access.resources))
                    .transpose()?,
            ],
        )
        .await?;
    if let Some(refresh) = refresh {
        connection
            .run(
                sql::grants::ADD_REFRESH,
                values![
                    refresh.hash,
                    family_id,
                    now,
                    refresh.expires_at,
                    refresh.confirmation.as_ref().map(to_json).transpose()?,
                ],
            )
            .await?;
    }
    Ok(())
}

pub(super) async fn revoke_family(connection: &mut impl Statements, id: &str, now: Millis) -> Result<(), StorageError> {
    connection.run(sql::grants::REVOKE_FAMILY, values![id, now]).await?;
    Ok(())
}

fn read_facts(row: &Row<'_>) -> Result<AccessTokenFacts, StorageError> {
    Ok(AccessTokenFacts {
        family: read_family(row)?,
        expires_at: row.value("expires_at")?,
        issued_at: row.value("issued_at")?,
        is_refresh: row.value("is_refresh")?,
        confirmation: row.json("confirmation", "grant")?,
        resources: row.json("resources", "grant")?.unwrap_or_default(),
    })
}

fn read_standing(row: &Row<'_>) -> Result<Standing, StorageError> {
    Ok(Standing {
        family: read_family(row)?,
        expires_at: row.value("expires_at")?,
        used: row.value::<Option<Millis>>("used_at")?.is_some(),
        revoked: row.value::<Option<Millis>>("revoked_at")?.is_some(),
        client_disabled: row.value("off")?,
    })
}

fn read_code(row: &Row<'_>, hash: TokenHash) -> Result<AuthorizationCode, StorageError> {
    Ok(AuthorizationCode {
        hash,
        family: read_family(row)?,
        redirect_uri: row.text("redirect_uri")?,
        code_challenge: row.text("code_challenge")?,
        nonce: row.value("nonce")?,
        dpop_jkt: row.value("dpop_jkt")?,
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
        extras: row.json("extras", "grant")?.unwrap_or_default(),
    })
}
