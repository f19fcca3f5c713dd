use axum::{
    Router,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use crate::meters::{MEDIA_TYPE, meters};

/// `/metrics`, for a listener of the operator's own: what it tells is nobody else's business.
pub fn routes() -> Router {
    Router::new().route("/metrics", get(scrape))
}

async fn scrape() -> Response {
    match meters().render() {
        Ok(text) => ([(header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be written down");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
