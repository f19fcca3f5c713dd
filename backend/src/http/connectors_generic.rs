//! Where a provider without a connector of its own hands over (`docs/connectors/generic.md`).

use std::sync::Arc;

use axum::{
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderName, StatusCode},
    response::Response,
};
use countersign_clock::Millis;
use countersign_protocol::Handle;
use serde::Serialize;

use super::{
    device_api::json,
    intake::{body, media_type},
    problem::ApiError,
    strict_json,
};
use crate::connectors::{Connectors, IntakeError, RequestBody, SignedCall};

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Answer to a request that waits, or waited.
#[derive(Serialize)]
struct Taken {
    handle: Handle,
    expires_at: Millis,
}

/// `POST /connectors/{name}/requests`: nothing of the body is looked at before its signature is right.
pub async fn take(
    State(connectors): State<Arc<Connectors>>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let headers = request.headers().clone();
    let bytes = body(request, &()).await?;
    let call = SignedCall {
        id: the_one(&headers, &ID)?,
        timestamp: the_one(&headers, &TIMESTAMP)?,
        signature: the_one(&headers, &SIGNATURE)?,
        body: &bytes,
    };
    let authentic = connectors.authentic(&name, call).ok_or(ApiError::NotFound)??;
    if media_type(&headers).as_deref() != Some("application/json") {
        return Err(ApiError::MediaType);
    }
    let asked: RequestBody = strict_json::read(&bytes)?;
    let waits = connectors.take_from_generic(authentic, asked).await?;
    let taken = Taken {
        handle: waits.handle,
        expires_at: waits.expires_at,
    };
    let status = StatusCode::from_u16(connectors.generic_acknowledges()).unwrap_or(StatusCode::CREATED);
    Ok(json(status, &taken))
}

/// The header of this name, when there is exactly one: of two, others might believe the other.
fn the_one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a str, IntakeError> {
    let mut values = headers.get_all(name).iter();
    match (values.next().and_then(|value| value.to_str().ok()), values.next()) {
        (Some(value), None) => Ok(value),
        _ => Err(IntakeError::Unauthorized(
            "webhook-id, webhook-timestamp and webhook-signature have to be there, once each",
        )),
    }
}
