//! The stylesheet of the sign-in and error pages.

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::Response,
};
use countersign_jose::digest;

/// Where it is. Pages name it with a query that changes with its content.
pub(super) const STYLESHEET: &str = "/assets/countersign.css";

const CSS: &str = include_str!("../../templates/countersign.css");

/// Its address for pages.
pub(super) fn address() -> String {
    let name: String = digest::sha256_b64(CSS).chars().take(12).collect();
    format!("{STYLESHEET}?v={name}")
}

pub(super) async fn stylesheet() -> Response {
    let mut response = Response::new(Body::from(CSS));
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
