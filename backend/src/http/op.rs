//! Routes of the embedded OpenID Provider.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderValue, Request, StatusCode, header},
    middleware::{self, Next},
    response::Response,
    routing::{get, post},
};
use serde::Serialize;

use super::{auth0, interaction, oauth_error, op_form, registration, sign_in, sign_in_assets};
use crate::op::{ClientRequest, Endpoint, OpError, Provider, ResourceRequest, UserInfoAnswer};

type Op = State<Arc<Provider>>;

/// All endpoints of `provider`, at the paths that its discovery document names.
pub fn routes(provider: Arc<Provider>) -> Router {
    let mut with_proofs = Router::new()
        .route("/token", post(token))
        .route("/par", post(push_authorization))
        .route(
            "/userinfo",
            get(userinfo)
                .post(userinfo)
                .layer(middleware::from_fn_with_state(provider.clone(), interaction::named)),
        )
        .with_state(provider.clone());
    if provider.has_auth0_aliases() {
        with_proofs = with_proofs.merge(auth0::routes(provider.clone()));
    }
    let with_proofs = with_proofs.route_layer(middleware::from_fn_with_state(provider.clone(), tell_nonce));
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
        .route("/introspect", post(introspect))
        .route("/revoke", post(revoke))
        .merge(registration::routes(&provider))
        .with_state(provider)
        .merge(with_proofs)
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

async fn push_authorization(State(provider): Op, request: Request<Body>) -> Response {
    let read = match op_form::read(request).await {
        Ok(read) => read,
        Err(unreadable) => return oauth_error::refused_with(unreadable.status, &unreadable.refusal),
    };
    match provider
        .push_authorization(read.as_client(Endpoint::PushedAuthorization))
        .await
    {
        Ok(pushed) => oauth_error::json(StatusCode::CREATED, &pushed),
        Err(error) => oauth_error::failed(&error),
    }
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

async fn userinfo(State(provider): Op, request: Request<Body>) -> Response {
    let headers = request.headers();
    let asked = ResourceRequest {
        method: request.method().as_str(),
        path: "/userinfo",
        authorization: op_form::authorization(headers),
        dpop: op_form::dpop(headers),
        certificate: request.extensions().get(),
    };
    match provider.userinfo(asked).await {
        Ok(UserInfoAnswer::Plain(claims)) => oauth_error::json(StatusCode::OK, &claims),
        Ok(UserInfoAnswer::Signed(jwt)) => oauth_error::jwt(jwt),
        Err(error) => oauth_error::failed_at_resource(&error, asked.is_dpop(), &Provider::dpop_algorithms()),
    }
}

/// Every answer tells the nonce of the next proof, where proofs need one (RFC 9449 section 8.2).
async fn tell_nonce(State(provider): Op, request: Request<Body>, next: Next) -> Response {
    let mut response = next.run(request).await;
    let nonce = provider
        .dpop_nonce()
        .and_then(|nonce| HeaderValue::from_str(&nonce).ok());
    if let Some(nonce) = nonce {
        response.headers_mut().insert("dpop-nonce", nonce);
    }
    response
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
