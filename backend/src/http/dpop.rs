//! Who calls: the headers of RFC 9449 sections 4.1 and 7.1.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, header, request::Parts},
};

use super::{device_api::DeviceApi, problem::ApiError};
use crate::{
    devices::{Call, DeviceError},
    domain::Device,
};

/// The registered device that makes the call; an extractor, so that no handler forgets to ask.
pub struct Caller(pub Device);

impl FromRequestParts<Arc<DeviceApi>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<DeviceApi>) -> Result<Self, ApiError> {
        let call = Call {
            access_token: access_token(&parts.headers)?,
            ..call_without_token(parts)?
        };
        Ok(Self(api.registry.authenticate(call).await?))
    }
}

/// The proof of a call that carries no access token.
pub fn call_without_token(parts: &Parts) -> Result<Call<'_>, ApiError> {
    let proof = only(&parts.headers, &HeaderName::from_static("dpop"))
        .map_err(|()| DeviceError::Proof("the header cannot be read or occurs twice"))?;
    Ok(Call {
        method: parts.method.as_str(),
        path: parts.uri.path(),
        proof,
        access_token: None,
    })
}

fn access_token(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let authorization = only(headers, &header::AUTHORIZATION).map_err(|()| DeviceError::Token)?;
    let Some((scheme, token)) = authorization.and_then(|value| value.split_once(' ')) else {
        return Ok(None);
    };
    Ok(scheme.eq_ignore_ascii_case("DPoP").then_some(token.trim()))
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().map(|value| value.to_str().map_err(|_| ())).transpose()?;
    if values.next().is_some() { Err(()) } else { Ok(value) }
}
