use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderValue, Method, header::HeaderName},
    middleware::Next,
    response::Response,
};
use countersign_clock::Random;
use countersign_jose::b64;
use tokio::time::Instant;
use tracing::{Instrument, Span, field::Empty};

use crate::{meters::meters, steps::STEPS, telemetry};

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Measures a request and writes one line about it: method, route, status, milliseconds, request id. Never the path as it came, a query or a
/// body: secrets travel in them.
///
/// The id is made here for each request and told in the answer; one that the caller sent is somebody else's word and is ignored. Every line
/// inside the request carries it.
pub async fn access_log(random: Arc<dyn Random>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let mut id = [0; 9];
    random.fill(&mut id);
    let id = b64::encode(id);
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map(MatchedPath::as_str);
    // At the level of errors, so that whatever is written inside has it.
    let span = tracing::error_span!("request", id);
    let step = span.in_scope(|| step(&method, route, request.headers()));
    let inside = if step.is_disabled() { &span } else { &step };
    let mut response = next.run(request).instrument(inside.clone()).await;
    let took = began.elapsed();
    let status = response.status().as_u16();
    meters().answered(route, status, took);
    step.record("http.response.status_code", status);
    let failed = response.status().is_server_error();
    span.in_scope(|| {
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let route = route.unwrap_or("-");
        if failed {
            step.record("otel.status_code", "ERROR");
            tracing::error!(%method, route, status, milliseconds, "request failed");
        } else {
            tracing::debug!(%method, route, status, milliseconds, "request answered");
        }
    });
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID.clone(), value);
    }
    response
}

/// The request as a trace shows it (OpenTelemetry's semantic conventions for HTTP servers), disabled unless traces are sent.
fn step(method: &Method, route: Option<&str>, headers: &HeaderMap) -> Span {
    let step = tracing::trace_span!(
        target: STEPS,
        "http",
        otel.name = Empty,
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = Empty,
        http.route = Empty,
        http.response.status_code = Empty,
    );
    if !step.is_disabled() {
        // Callers can make up methods; those that are no standard do not become values.
        let method = match *method {
            Method::GET
            | Method::POST
            | Method::PUT
            | Method::DELETE
            | Method::PATCH
            | Method::HEAD
            | Method::OPTIONS => method.as_str(),
            _ => "_OTHER",
        };
        step.record("http.request.method", method);
        if let Some(route) = route {
            step.record("http.route", route);
            step.record("otel.name", format_args!("{method} {route}").to_string());
        } else {
            step.record("otel.name", method);
        }
        telemetry::continue_trace(&step, headers);
    }
    step
}
