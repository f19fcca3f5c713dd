//! The device API: registration, `/ad/v1` and Countersign's own discovery document (`docs/protocol.md`).

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::Response,
    routing::{any, delete, get, post, put},
};
use countersign_protocol::{ClientId, CountersignMetadata, ProviderOffered};

use super::{
    ad_devices, ad_requests,
    device_api::{DeviceApi, json},
    device_registration,
    problem::ApiError,
    stream,
};
use crate::domain::APP_CLIENT_ID;

/// Largest body, bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// What the app asks for at the embedded provider.
const APP_SCOPE: &str = "openid profile";
/// What people call the embedded provider where there are others.
const EMBEDDED_TITLE: &str = "Countersign";

/// The routes of the device API.
pub fn routes(api: DeviceApi) -> Router {
    let api = Arc::new(api);
    let paths = Router::new()
        .route("/.well-known/countersign", get(metadata))
        .route("/bc-deviceRegistration", post(device_registration::register))
        .route("/ad/v1/session", post(device_registration::session))
        .route("/ad/v1/push", put(ad_devices::set_push))
        .route(
            "/ad/v1/keys",
            get(ad_devices::announcements).put(ad_devices::rotate_keys),
        )
        .route(
            "/ad/v1/user-code",
            get(ad_devices::user_code).put(ad_devices::set_user_code),
        )
        .route("/ad/v1/devices", get(ad_devices::list))
        .route(
            "/ad/v1/devices/{device_id}",
            delete(ad_devices::revoke).patch(ad_devices::rename),
        )
        .route("/ad/v1/requests", get(ad_requests::pending))
        .route("/ad/v1/requests/{handle}", get(ad_requests::status))
        .route("/ad/v1/requests/{handle}/decision", post(ad_requests::decide))
        .route("/ad/v1/history", get(ad_requests::history))
        .route("/ad/v1/stream", get(stream::open))
        .method_not_allowed_fallback(async || ApiError::Method)
        .route("/ad", any(async || ApiError::NotFound))
        .route("/ad/{*rest}", any(async || ApiError::NotFound));
    paths
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(api.clone(), mark))
        .with_state(api)
}

/// Nothing here may be kept by a cache, and every answer tells the nonce of the next proof (RFC 9449 section 8.2).
async fn mark(State(api): State<Arc<DeviceApi>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(nonce) = HeaderValue::from_str(&api.registry.nonce()) {
        headers.insert("dpop-nonce", nonce);
    }
    response
}

async fn metadata(State(api): State<Arc<DeviceApi>>) -> Response {
    json(
        StatusCode::OK,
        &CountersignMetadata {
            backend: api.backend.clone(),
            issuer: api.issuer.clone(),
            client_id: ClientId::new(APP_CLIENT_ID),
            scope: APP_SCOPE.to_owned(),
            registration_endpoint: "/bc-deviceRegistration".to_owned(),
            device_api: "/ad/v1".to_owned(),
            versions: vec!["1".to_owned()],
            providers: providers(&api),
        },
    )
}

/// Every provider, the embedded one first; nothing where it is alone.
fn providers(api: &DeviceApi) -> Vec<ProviderOffered> {
    let others = api.issuers.providers();
    if others.is_empty() {
        return Vec::new();
    }
    let embedded = ProviderOffered {
        issuer: api.issuer.clone(),
        title: EMBEDDED_TITLE.to_owned(),
        client_id: ClientId::new(APP_CLIENT_ID),
        scope: APP_SCOPE.to_owned(),
    };
    let others = others.iter().map(|provider| ProviderOffered {
        issuer: provider.issuer.clone(),
        title: provider.title.clone(),
        client_id: ClientId::new(&provider.app_client_id),
        scope: provider.app_scope.clone(),
    });
    std::iter::once(embedded).chain(others).collect()
}
