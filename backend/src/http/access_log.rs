use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderValue, header::HeaderName},
    middleware::Next,
    response::Response,
};
use countersign_clock::{Clock, Random};
use countersign_jose::b64;
use tracing::Instrument;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Writes one line a request: method, route, status, milliseconds, request id. Never the path as it came, a query or a body: secrets travel in them.
pub async fn access_log(clock: Arc<dyn Clock>, random: Arc<dyn Random>, request: Request, next: Next) -> Response {
    let mut id = [0; 9];
    random.fill(&mut id);
    let id = b64::encode(id);
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "-".to_owned(), |path| path.as_str().to_owned());
    let began = clock.now();
    let span = tracing::info_span!("request", id);
    let mut response = next.run(request).instrument(span.clone()).await;
    let _entered = span.enter();
    let status = response.status().as_u16();
    let milliseconds = clock.now() - began;
    if response.status().is_server_error() {
        tracing::error!(%method, route, status, milliseconds, "request failed");
    } else {
        tracing::debug!(%method, route, status, milliseconds, "request answered");
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID.clone(), value);
    }
    response
}
