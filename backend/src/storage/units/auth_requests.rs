use async_trait::async_trait;
use countersign_clock::Millis;
use countersign_protocol::Handle;

use super::{Engine, Row, Statements, StorageError, Store, grants, outbox, to_json, values};
use crate::{
    domain::{Approval, AuthRequest, AuthRequestId, AuthRequestState, GrantFamily, NewAuthRequest},
    storage::{AuthRequests, Redeemed, Redemption, Sealed, SealedTokens, Sealing, sql},
};

const WHAT: &str = "authentication request";

#[async_trait]
impl<E: Engine> AuthRequests for Store<E> {
    async fn find_auth_request(&self, id: AuthRequestId) -> Result<Option<AuthRequest>, StorageError> {
        self.engine
            .read(id, |connection, id| {
                Box::pin(find(connection, sql::auth_requests::FIND, *id))
            })
            .await
    }

    async fn redeem(&self, redemption: Redemption) -> Result<Redeemed, StorageError> {
        self.engine
            .write_locking(redemption, |connection, redemption| {
                Box::pin(redeem(connection, redemption))
            })
            .await
    }

    async fn seal_result(&self, sealing: Sealing) -> Result<Sealed, StorageError> {
        self.engine
            .write_locking(sealing, |connection, sealing| {
                Box::pin(seal_result(connection, sealing))
            })
            .await
    }
}

async fn seal_result<S: Statements>(connection: &mut S, sealing: &Sealing) -> Result<Sealed, StorageError> {
    // First the request, then the debt: as when a client is removed.
    let to_redeem = sql::auth_requests::FIND_TO_REDEEM.text(S::DIALECT);
    let Some(request) = find(connection, to_redeem, sealing.id).await? else {
        return Ok(Sealed::Lost);
    };
    if request.client_id != sealing.client_id || !outbox::holds(connection, &sealing.debt, &sealing.lease).await? {
        return Ok(Sealed::Lost);
    }
    let state = request.state_at(sealing.now);
    if !matches!(state, AuthRequestState::Approved(_)) {
        return Ok(Sealed::Settled(state));
    }
    if let Some(SealedTokens {
        redemption,
        payload,
        deadline,
    }) = &sealing.tokens
    {
        match redeem(connection, redemption).await? {
            Redeemed::Granted { .. } => {
                outbox::seal(
                    connection,
                    &sealing.debt,
                    payload,
                    Some(&redemption.family_id),
                    *deadline,
                )
                .await?;
                return Ok(Sealed::Tokens);
            }
            Redeemed::Blocked => {}
            // Its readable time is over.
            Redeemed::Refused { .. } | Redeemed::Unknown => return Ok(Sealed::Settled(state)),
        }
    }
    connection.run(sql::auth_requests::FAIL, values![sealing.id]).await?;
    outbox::seal(connection, &sealing.debt, &sealing.failure, None, Millis::MAX).await?;
    Ok(Sealed::Failure)
}

async fn redeem<S: Statements>(connection: &mut S, redemption: &Redemption) -> Result<Redeemed, StorageError> {
    let now = redemption.now;
    let request = find(
        connection,
        sql::auth_requests::FIND_TO_REDEEM.text(S::DIALECT),
        redemption.id,
    )
    .await?
    .filter(|request| request.client_id == redemption.client_id);
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
    if !may_redeem(connection, &request, &approval).await? {
        return Ok(Redeemed::Blocked);
    }
    let redeemed = connection
        .run(sql::auth_requests::REDEEM, values![request.id, now])
        .await?;
    if redeemed != 1 {
        return Ok(Redeemed::Refused {
            request: Box::new(request),
        });
    }
    fail_point!(Redeem);
    request.state = AuthRequestState::Redeemed { at: now };
    connection
        .run(sql::prompts::SET_REDEEMED, values![request.handle, now])
        .await?;
    let family = GrantFamily {
        id: redemption.family_id.clone(),
        client_id: request.client_id.clone(),
        sub: request.sub.clone(),
        scope: request.scope.clone(),
        auth_time: approval.auth_time,
        amr: approval.amr.clone(),
        acr: approval.acr.clone(),
        created_at: now,
        extras: request.extras.clone(),
    };
    grants::add_family(connection, &family, approval.device_id.as_ref()).await?;
    grants::add_tokens(
        connection,
        &family.id,
        &redemption.access,
        redemption.refresh.as_ref(),
        now,
    )
    .await?;
    Ok(Redeemed::Granted {
        request: Box::new(request),
        approval,
    })
}

/// Whether client and person are still active, and whatever stands behind the approval.
async fn may_redeem<S: Statements>(
    connection: &mut S,
    request: &AuthRequest,
    approval: &Approval,
) -> Result<bool, StorageError> {
    let (client, sub) = (&request.client_id, &request.sub);
    if let Some(device) = &approval.device_id {
        let allowed = sql::auth_requests::MAY_REDEEM.text(S::DIALECT);
        connection.any(allowed, values![client, sub, device]).await
    } else {
        let allowed = sql::auth_requests::MAY_REDEEM_BY_EVIDENCE.text(S::DIALECT);
        connection.any(allowed, values![client, sub, request.handle]).await
    }
}

/// Stores the request that belongs to the prompt `handle`.
pub(super) async fn add(
    connection: &mut impl Statements,
    request: &NewAuthRequest,
    handle: &Handle,
) -> Result<(), StorageError> {
    connection
        .run(
            sql::auth_requests::ADD,
            values![
                request.id,
                handle,
                request.client_id,
                request.sub,
                request.scope,
                request.created_at,
                request.expires_at,
                request.readable_until,
                request.interval,
                request.owed.is_some(),
                (!request.extras.is_empty())
                    .then(|| to_json(&request.extras))
                    .transpose()?,
            ],
        )
        .await?;
    if let Some(debt) = &request.owed {
        outbox::add(connection, debt).await?;
    }
    Ok(())
}

async fn find(
    connection: &mut impl Statements,
    sql: &'static str,
    id: AuthRequestId,
) -> Result<Option<AuthRequest>, StorageError> {
    connection
        .one(sql, values![id], |row| {
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
                extras: row.json("extras", WHAT)?.unwrap_or_default(),
                state: read_state(row)?,
            })
        })
        .await
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
