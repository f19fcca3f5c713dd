//! Where providers outside hand over their questions.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::post,
};

use super::{connectors_generic, problem::ApiError};
use crate::connectors::Connectors;

/// Largest body, bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// The routes of connectors.
pub fn routes(connectors: Arc<Connectors>) -> Router {
    Router::new()
        .route("/connectors/keycloak/authentication", post(keycloak))
        .route("/connectors/{name}/requests", post(connectors_generic::take))
        .method_not_allowed_fallback(async || ApiError::Method)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::map_response(uncached))
        .with_state(connectors)
}

async fn uncached(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Takes in what a Keycloak server hands over. Its body may hold secrets of clients and is never logged.
async fn keycloak(
    State(connectors): State<Arc<Connectors>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    connectors.take_from_keycloak(bearer(&headers), &body).await?;
    let status = StatusCode::from_u16(connectors.keycloak_acknowledges()).unwrap_or(StatusCode::CREATED);
    Ok(status.into_response())
}

/// The token of the one `Authorization` header (RFC 6750 section 2.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
