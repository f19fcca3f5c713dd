//! Clients that register themselves and look after themselves: JSON in, JSON out.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Path, State},
    http::{HeaderMap, HeaderValue, Request, StatusCode, header},
    response::Response,
    routing::{get, post},
};
use countersign_jose::{JoseError, unique};
use countersign_protocol::OAuthErrorCode;
use serde_json::{Map, Value};

use super::{intake::media_type, oauth_error, op_form};
use crate::op::{Provider, Refusal, RegistrationCall, RegistrationError};

type Op = State<Arc<Provider>>;

/// The largest body, bytes.
const MAX_LEN: usize = 64 * 1024;

/// The endpoints, where `provider` registers clients.
pub(super) fn routes(provider: &Provider) -> Router<Arc<Provider>> {
    if !provider.registers_clients() {
        return Router::new();
    }
    Router::new()
        .route("/register", post(register))
        .route("/register/{client_id}", get(read).put(replace).delete(remove))
}

async fn register(State(provider): Op, request: Request<Body>) -> Response {
    let head = Head::of(&request);
    match metadata(request).await {
        Ok(metadata) => {
            let registered = provider.register_client(head.call(), &metadata).await;
            answer(registered.map(|client| oauth_error::json(StatusCode::CREATED, &client)))
        }
        Err(unreadable) => unreadable,
    }
}

async fn read(State(provider): Op, Path(id): Path<String>, request: Request<Body>) -> Response {
    let head = Head::of(&request);
    let found = provider.registered_client(head.call(), &id).await;
    answer(found.map(|client| oauth_error::json(StatusCode::OK, &client)))
}

async fn replace(State(provider): Op, Path(id): Path<String>, request: Request<Body>) -> Response {
    let head = Head::of(&request);
    match metadata(request).await {
        Ok(metadata) => {
            let changed = provider.change_client(head.call(), &id, &metadata).await;
            answer(changed.map(|client| oauth_error::json(StatusCode::OK, &client)))
        }
        Err(unreadable) => unreadable,
    }
}

async fn remove(State(provider): Op, Path(id): Path<String>, request: Request<Body>) -> Response {
    let head = Head::of(&request);
    let removed = provider.unregister_client(head.call(), &id).await;
    answer(removed.map(|()| oauth_error::empty(StatusCode::NO_CONTENT)))
}

/// Who calls.
struct Head {
    headers: HeaderMap,
    peer: Option<SocketAddr>,
}

impl Head {
    fn of(request: &Request<Body>) -> Self {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        Self {
            headers: request.headers().clone(),
            peer: peer.map(|ConnectInfo(address)| *address),
        }
    }

    fn call(&self) -> RegistrationCall<'_> {
        let credentials = op_form::authorization(&self.headers).and_then(|header| header.split_once(' '));
        let bearer = credentials.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"));
        RegistrationCall {
            token: bearer.map(|(_, token)| token),
            peer: self.peer.map(|peer| peer.ip()),
        }
    }
}

/// The body: one JSON object in which nothing is there twice.
async fn metadata(request: Request<Body>) -> Result<Map<String, Value>, Response> {
    let refuse = |status, problem: &'static str| {
        let refusal = Refusal::new(OAuthErrorCode::InvalidClientMetadata, problem);
        oauth_error::refused_with(status, &refusal)
    };
    if media_type(request.headers()).as_deref() != Some("application/json") {
        return Err(refuse(
            StatusCode::BAD_REQUEST,
            "the content type is not application/json",
        ));
    }
    let bytes = axum::body::to_bytes(request.into_body(), MAX_LEN).await;
    let bytes = bytes.map_err(|_| refuse(StatusCode::PAYLOAD_TOO_LARGE, "the request is larger than 64 KiB"))?;
    unique::object(&bytes).map_err(|error| {
        let problem = match error {
            JoseError::DuplicateMember => "a member is there twice",
            _ => "the body is not one JSON object",
        };
        refuse(StatusCode::BAD_REQUEST, problem)
    })
}

fn answer(done: Result<Response, RegistrationError>) -> Response {
    match done {
        Ok(response) => response,
        Err(RegistrationError::Op(error)) => oauth_error::failed(&error),
        Err(RegistrationError::TooMany { retry_after }) => {
            let mut response = later(StatusCode::TOO_MANY_REQUESTS, "too many registrations in this hour");
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(retry_after));
            response
        }
        Err(RegistrationError::Full) => {
            tracing::warn!("a client was not registered: there are as many as [registration] max_clients allows");
            later(StatusCode::SERVICE_UNAVAILABLE, "no more clients are registered")
        }
        Err(RegistrationError::Changed) => later(StatusCode::CONFLICT, "the client was changed at the same time"),
    }
}

fn later(status: StatusCode, description: &'static str) -> Response {
    let refusal = Refusal::new(OAuthErrorCode::TemporarilyUnavailable, description);
    oauth_error::refused_with(status, &refusal)
}
