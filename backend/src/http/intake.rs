//! Bodies, paths and queries of the device API, read within their limits.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use serde::de::DeserializeOwned;

use super::{problem::ApiError, strict_json};
use crate::devices::MAX_ID_CHARS;

/// A JSON body, read strictly.
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if media_type(request.headers()).as_deref() != Some("application/json") {
            return Err(ApiError::MediaType);
        }
        let bytes = body(request, state).await?;
        Ok(Self(strict_json::read(&bytes)?))
    }
}

/// The whole body, when it is within the limit.
pub async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ApiError> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            ApiError::TooLarge { field: None }
        } else {
            ApiError::Unreadable
        }
    })
}

/// The media type of the body without its parameters, in lower case.
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let media_type = value.split(';').next()?.trim();
    Some(media_type.to_ascii_lowercase())
}

/// The one identifier in the path.
pub struct PathId(pub String);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let field = if parts.uri.path().starts_with("/ad/v1/devices") {
            "device_id"
        } else {
            "handle"
        };
        let Ok(Path(id)) = Path::<String>::from_request_parts(parts, state).await else {
            return Err(ApiError::parameter(field));
        };
        if id.chars().count() > MAX_ID_CHARS {
            return Err(ApiError::TooLarge { field: Some(field) });
        }
        Ok(Self(id))
    }
}

/// The parameters of the query, none of them twice.
pub fn query<const N: usize>(parts: &Parts, known: [&'static str; N]) -> Result<[Option<String>; N], ApiError> {
    let mut found = [const { None }; N];
    let query = parts.uri.query().unwrap_or_default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let slot = known
            .iter()
            .zip(found.iter_mut())
            .find(|(known, slot)| **known == name && slot.is_none());
        let Some((_, slot)) = slot else {
            return Err(ApiError::parameter(
                &name.chars().take(MAX_ID_CHARS).collect::<String>(),
            ));
        };
        *slot = Some(value.into_owned());
    }
    Ok(found)
}
