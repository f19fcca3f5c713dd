//! Routes of the embedded OpenID Provider.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, Request, StatusCode, header},
    response::Response,
    routing::{get, post},
};
use serde::Serialize;

use super::{auth0, oauth_error, op_form, registration, sign_in, sign_in_assets};
use crate::op::{ClientRequest, Endpoint, OpError, Provider};

type Op = State<Arc<Provider>>;

/// All endpoints of `provider`, at the paths that its discovery document names.
pub fn routes(provider: Arc<Provider>) -> Router {
    let aliases = if provider.has_auth0_aliases() {
        auth0::routes(provider.clone())
    } else {
        Router::new()
    };
    let router = match provider.backchannel_authentication_path() {
        Some(path) => Router::new().route(path, post(backchannel_authentication)),
        None => Router::new(),
    };
    router
        .route("/.well-known/openid-configuration", get(metadata))
        .route("/.well-known/oauth-authorization-server", get(metadata))
        .route("/jwks", get(jwks))
        .route(
            "/authorize",
            get(sign_in::authorize_query).post(sign_in::authorize_form),
        )
        .route("/sign-in", post(sign_in::submit))
        .route(sign_in_assets::STYLESHEET, get(sign_in_assets::stylesheet))
        .route("/token", post(token))
        .route("/userinfo", get(userinfo).post(userinfo))
        .route("/introspect", post(introspect))
        .route("/revoke", post(revoke))
        .merge(registration::routes(&provider))
        .with_state(provider)
        .merge(aliases)
}

async fn metadata(State(provider): Op) -> Response {
    cacheable(&provider.metadata())
}

async fn jwks(State(provider): Op) -> Response {
    cacheable(&provider.jwks())
}

/// What everybody may keep for five minutes: far less than a key is announced before it signs.
fn cacheable(body: &impl Serialize) -> Response {
    let mut response = oauth_error::json(StatusCode::OK, body);
    let age = HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, age);
    response
}

async fn token(State(provider): Op, request: Request<Body>) -> Response {
    as_client(Endpoint::Token, request, async |request| provider.token(request).await).await
}

async fn backchannel_authentication(State(provider): Op, request: Request<Body>) -> Response {
    as_client(Endpoint::BackchannelAuthentication, request, async |request| {
        provider.backchannel_authentication(request).await
    })
    .await
}

async fn introspect(State(provider): Op, request: Request<Body>) -> Response {
    as_client(Endpoint::Introspection, request, async |request| {
        provider.introspect(request).await
    })
    .await
}

async fn revoke(State(provider): Op, request: Request<Body>) -> Response {
    let read = match op_form::read(request).await {
        Ok(read) => read,
        Err(unreadable) => return oauth_error::refused_with(unreadable.status, &unreadable.refusal),
    };
    match provider.revoke(read.as_client(Endpoint::Revocation)).await {
        Ok(()) => oauth_error::empty(StatusCode::OK),
        Err(error) => oauth_error::failed(&error),
    }
}

async fn userinfo(State(provider): Op, headers: HeaderMap) -> Response {
    answer(provider.userinfo(op_form::authorization(&headers)).await)
}

/// A form of a client in, JSON out.
async fn as_client<T: Serialize>(
    endpoint: Endpoint,
    request: Request<Body>,
    answered: impl AsyncFnOnce(ClientRequest<'_>) -> Result<T, OpError>,
) -> Response {
    let read = match op_form::read(request).await {
        Ok(read) => read,
        Err(unreadable) => return oauth_error::refused_with(unreadable.status, &unreadable.refusal),
    };
    match answered(read.as_client(endpoint)).await {
        Ok(body) => oauth_error::json(StatusCode::OK, &body),
        Err(error) => oauth_error::failed_at(endpoint, &error),
    }
}

/// Answers what an endpoint of the provider said.
pub(super) fn answer<T: Serialize>(result: Result<T, OpError>) -> Response {
    match result {
        Ok(body) => oauth_error::json(StatusCode::OK, &body),
        Err(error) => oauth_error::failed(&error),
    }
}
