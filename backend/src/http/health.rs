use std::sync::Arc;

use axum::{Router, extract::State, http::StatusCode, routing::get};

use crate::storage::Storage;

/// `/health/live`: the process answers. `/health/ready`: it can also read its store.
pub fn routes(storage: Arc<dyn Storage>) -> Router {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .with_state(storage)
}

async fn live() -> &'static str {
    "live\n"
}

async fn ready(State(storage): State<Arc<dyn Storage>>) -> (StatusCode, &'static str) {
    match storage.list_keys().await {
        Ok(_) => (StatusCode::OK, "ready\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n"),
    }
}
