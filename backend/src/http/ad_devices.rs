//! The person's devices, and the upkeep of the calling one.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use countersign_protocol::{DeviceId, KeyRotation, PushUpdate, Rename, UserCodeUpdate};

use super::{
    device_api::{DeviceApi, json},
    dpop::Caller,
    intake::{JsonBody, PathId},
    problem::ApiError,
};
use crate::wakes::Topic;

/// `GET /ad/v1/devices`
pub async fn list(State(api): State<Arc<DeviceApi>>, Caller(device): Caller) -> Result<Response, ApiError> {
    Ok(json(StatusCode::OK, &api.registry.list(&device).await?))
}

/// `PATCH /ad/v1/devices/{device_id}`
pub async fn rename(
    State(api): State<Arc<DeviceApi>>,
    Caller(device): Caller,
    PathId(id): PathId,
    JsonBody(body): JsonBody<Rename>,
) -> Result<StatusCode, ApiError> {
    api.registry.rename(&device, &DeviceId::new(id), &body.name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /ad/v1/devices/{device_id}`: the device's streams are told at once.
pub async fn revoke(
    State(api): State<Arc<DeviceApi>>,
    Caller(device): Caller,
    PathId(id): PathId,
) -> Result<StatusCode, ApiError> {
    api.registry.revoke(&device, &DeviceId::new(id)).await?;
    api.consent.wakes().notify(&Topic::Person(device.account));
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /ad/v1/push`
pub async fn set_push(
    State(api): State<Arc<DeviceApi>>,
    Caller(device): Caller,
    JsonBody(body): JsonBody<PushUpdate>,
) -> Result<StatusCode, ApiError> {
    api.registry.set_push(&device, body.push).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /ad/v1/keys`
pub async fn rotate_keys(
    State(api): State<Arc<DeviceApi>>,
    Caller(device): Caller,
    JsonBody(body): JsonBody<KeyRotation>,
) -> Result<StatusCode, ApiError> {
    api.registry.rotate_keys(&device, &body.statement).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /ad/v1/keys`
pub async fn announcements(State(api): State<Arc<DeviceApi>>, Caller(_): Caller) -> Response {
    json(StatusCode::OK, &api.registry.announcements())
}

/// `GET /ad/v1/user-code`
pub async fn user_code(State(api): State<Arc<DeviceApi>>, Caller(device): Caller) -> Result<Response, ApiError> {
    Ok(json(StatusCode::OK, &api.registry.user_code(&device).await?))
}

/// `PUT /ad/v1/user-code`
pub async fn set_user_code(
    State(api): State<Arc<DeviceApi>>,
    Caller(device): Caller,
    JsonBody(body): JsonBody<UserCodeUpdate>,
) -> Result<StatusCode, ApiError> {
    api.registry.set_user_code(&device, &body.statement).await?;
    Ok(StatusCode::NO_CONTENT)
}
