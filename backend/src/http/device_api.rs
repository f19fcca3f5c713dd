use std::sync::Arc;

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{consent::Consent, devices::DeviceRegistry, issuers::Issuers};

/// What the device API speaks for.
pub struct DeviceApi {
    /// Who may call.
    pub registry: Arc<DeviceRegistry>,
    /// What they are asked.
    pub consent: Arc<Consent>,
    /// The backend's origin.
    pub backend: String,
    /// The provider at which people sign in.
    pub issuer: String,
    /// The other providers whose people may have devices here.
    pub issuers: Arc<Issuers>,
    /// Seconds between two signs of life on a stream.
    pub heartbeat_seconds: u32,
}

/// An answer of `body` as JSON.
pub(super) fn json<T: Serialize>(status: StatusCode, body: &T) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => (status, [(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written as JSON");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
