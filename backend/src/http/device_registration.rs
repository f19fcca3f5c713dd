//! How a device comes to be known, and how it comes by access tokens.

use std::sync::Arc;

use axum::{
    extract::{FromRequest, Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use countersign_protocol::{DeviceRegistration, Secret, SessionRequest};

use super::{
    device_api::{DeviceApi, json},
    dpop,
    intake::{self, JsonBody},
    problem::ApiError,
    strict_json,
};
use crate::devices::{DeviceError, TwoFieldRegistration};

/// `POST /bc-deviceRegistration`, in either of its two forms.
pub async fn register(State(api): State<Arc<DeviceApi>>, request: Request) -> Result<Response, ApiError> {
    let media_type = intake::media_type(request.headers());
    let (parts, body) = request.into_parts();
    let request = Request::from_parts(parts.clone(), body);
    match media_type.as_deref() {
        Some("application/json") => {
            let registration: DeviceRegistration = strict_json::read(&intake::body(request, &api).await?)?;
            let call = dpop::call_without_token(&parts)?;
            let registered = api.registry.register(&registration, call).await?;
            Ok(json(StatusCode::CREATED, &registered))
        }
        Some("application/x-www-form-urlencoded") => {
            let registration = two_fields(&intake::body(request, &api).await?)?;
            api.registry.register_two_field(registration).await?;
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        _ => Err(ApiError::MediaType),
    }
}

/// `POST /ad/v1/session`
pub async fn session(State(api): State<Arc<DeviceApi>>, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let request = Request::from_parts(parts.clone(), body);
    let JsonBody(body) = JsonBody::<SessionRequest>::from_request(request, &api).await?;
    let call = dpop::call_without_token(&parts)?;
    let session = api.registry.open_session(&body.device_session, call).await?;
    Ok(json(StatusCode::OK, &session))
}

fn two_fields(body: &[u8]) -> Result<TwoFieldRegistration, ApiError> {
    let (mut token, mut hint) = (None, None);
    for (name, value) in form_urlencoded::parse(body) {
        let slot = match &*name {
            "device_registration_token" => &mut token,
            "id_token_hint" => &mut hint,
            _ => return Err(ApiError::member(&name, "is unknown")),
        };
        if slot.replace(Secret::new(value)).is_some() {
            return Err(ApiError::member(&name, "occurs twice"));
        }
    }
    // RFC 6749 section 3.1: a parameter without a value is not there.
    let given = |slot: Option<Secret>, field: &'static str| {
        let value = slot.filter(|value| !value.expose().is_empty());
        let problem = "is missing";
        value.ok_or(DeviceError::Member { field, problem })
    };
    Ok(TwoFieldRegistration {
        device_registration_token: given(token, "device_registration_token")?,
        id_token_hint: given(hint, "id_token_hint")?,
    })
}
