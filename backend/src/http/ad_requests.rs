//! What the person is asked, what they answer, and what they answered before.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use countersign_protocol::{DecisionRequest, Handle};

use super::{
    device_api::{DeviceApi, json},
    dpop::Caller,
    intake::{self, JsonBody, PathId},
    problem::ApiError,
};
use crate::consent::{DecisionAnswer, Submission};

/// Entries of a page of the history at most.
const MAX_PAGE: u32 = 100;
/// Entries of a page of the history when the device does not say.
const DEFAULT_PAGE: u32 = 50;

/// `GET /ad/v1/requests`
pub async fn pending(State(api): State<Arc<DeviceApi>>, Caller(device): Caller) -> Result<Response, ApiError> {
    Ok(json(StatusCode::OK, &api.consent.pending(&device).await?))
}

/// `GET /ad/v1/requests/{handle}`
pub async fn status(
    State(api): State<Arc<DeviceApi>>,
    Caller(device): Caller,
    PathId(handle): PathId,
) -> Result<Response, ApiError> {
    let status = api.consent.status(&device, &Handle::new(handle)).await?;
    Ok(json(StatusCode::OK, &status))
}

/// `POST /ad/v1/requests/{handle}/decision`: the decision is the proof, so nothing else authenticates the call.
pub async fn decide(
    State(api): State<Arc<DeviceApi>>,
    PathId(handle): PathId,
    JsonBody(body): JsonBody<DecisionRequest>,
) -> Result<Response, ApiError> {
    let submission = Submission {
        handle: &Handle::new(handle),
        request: &body.request,
        decision: &body.decision,
    };
    match api.consent.decide(submission).await? {
        DecisionAnswer::Recorded(settled) => Ok(json(StatusCode::OK, &settled)),
        DecisionAnswer::Settled(view) => Err(ApiError::Settled(view)),
        DecisionAnswer::MatchWrong { tries_left, settled } => Err(ApiError::MatchWrong { tries_left, settled }),
    }
}

/// `GET /ad/v1/history`
pub async fn history(
    State(api): State<Arc<DeviceApi>>,
    Caller(device): Caller,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    let [before, limit] = intake::query(&parts, ["before", "limit"])?;
    let before = match before {
        Some(text) => text.parse().map_err(|_| ApiError::parameter("before"))?,
        None => i64::MAX,
    };
    let limit = match limit {
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=MAX_PAGE).contains(limit))
            .ok_or_else(|| ApiError::parameter("limit"))?,
        None => DEFAULT_PAGE,
    };
    Ok(json(
        StatusCode::OK,
        &api.consent.history(&device, before, limit).await?,
    ))
}
