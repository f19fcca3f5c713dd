use async_trait::async_trait;
use countersign_protocol::Handle;
use rusqlite::{Connection, Row, params};

use super::{SqliteStorage, StorageError, grants, outbox, rows::Columns as _, statement::Statements};
use crate::{
    domain::{Approval, AuthRequest, AuthRequestId, AuthRequestState, GrantFamily, NewAuthRequest},
    storage::{AuthRequests, Redeemed, Redemption, sql},
};

const WHAT: &str = "authentication request";

#[async_trait]
impl AuthRequests for SqliteStorage {
    async fn find_auth_request(&self, id: AuthRequestId) -> Result<Option<AuthRequest>, StorageError> {
        self.read(|connection| find(connection, id))
    }

    async fn redeem(&self, redemption: Redemption) -> Result<Redeemed, StorageError> {
        self.write(move |connection| redeem(connection, &redemption)).await
    }
}

fn redeem(connection: &Connection, redemption: &Redemption) -> Result<Redeemed, StorageError> {
    let now = redemption.now;
    let request = find(connection, redemption.id)?.filter(|request| request.client_id == redemption.client_id);
    let Some(mut request) = request else {
        return Ok(Redeemed::Unknown);
    };
    request.state = request.state_at(now);
    let AuthRequestState::Approved(approval) = &request.state else {
        return Ok(Redeemed::Refused {
            request: Box::new(request),
        });
    };
    let approval = approval.clone();
    let parties = params![
        request.client_id.as_str(),
        request.sub.as_str(),
        approval.device_id.as_str()
    ];
    if !connection.any(sql::auth_requests::MAY_REDEEM, parties)? {
        return Ok(Redeemed::Blocked);
    }
    if connection.run(sql::auth_requests::REDEEM, params![request.id.0, now])? != 1 {
        return Ok(Redeemed::Refused {
            request: Box::new(request),
        });
    }
    request.state = AuthRequestState::Redeemed { at: now };
    connection.run(sql::prompts::SET_REDEEMED, params![request.handle.as_str(), now])?;
    let family = GrantFamily {
        id: redemption.family_id.clone(),
        client_id: request.client_id.clone(),
        sub: request.sub.clone(),
        scope: request.scope.clone(),
        auth_time: approval.auth_time,
        amr: approval.amr.clone(),
        acr: approval.acr.clone(),
        created_at: now,
    };
    grants::add_family(connection, &family, Some(&approval.device_id))?;
    grants::add_tokens(
        connection,
        &family.id,
        &redemption.access,
        redemption.refresh.as_ref(),
        now,
    )?;
    Ok(Redeemed::Granted {
        request: Box::new(request),
        approval,
    })
}

/// Stores the request that belongs to the prompt `handle`.
pub(super) fn add(connection: &Connection, request: &NewAuthRequest, handle: &Handle) -> Result<(), StorageError> {
    connection.run(
        sql::auth_requests::ADD,
        params![
            request.id.0,
            handle.as_str(),
            request.client_id.as_str(),
            request.sub.as_str(),
            request.scope,
            request.created_at,
            request.expires_at,
            request.readable_until,
            request.interval,
            i64::from(request.owed.is_some()),
        ],
    )?;
    if let Some(debt) = &request.owed {
        outbox::add(connection, debt)?;
    }
    Ok(())
}

fn find(connection: &Connection, id: AuthRequestId) -> Result<Option<AuthRequest>, StorageError> {
    connection.one(sql::auth_requests::FIND, params![id.0], |row| {
        Ok(AuthRequest {
            id,
            client_id: row.client_id()?,
            sub: row.subject()?,
            scope: row.text("scope")?,
            handle: row.handle()?,
            created_at: row.value("created_at")?,
            expires_at: row.value("expires_at")?,
            readable_until: row.value("readable_until")?,
            interval: row.value("interval")?,
            state: read_state(row)?,
        })
    })
}

fn read_state(row: &Row<'_>) -> Result<AuthRequestState, StorageError> {
    match row.text("state")?.as_str() {
        "pending" => Ok(AuthRequestState::Pending),
        "approved" => row
            .some_json::<Approval>("approval", WHAT)
            .map(AuthRequestState::Approved),
        "denied" => Ok(AuthRequestState::Denied),
        "expired" => Ok(AuthRequestState::Expired),
        "redeemed" => Ok(AuthRequestState::Redeemed {
            at: row.value("redeemed_at")?,
        }),
        _ => Err(StorageError::Corrupt { what: WHAT }),
    }
}
