//! A backend in memory with faults that can be switched on. It checks what it is sent, so that a device that passes here is honest.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use countersign_clock::{Clock, SystemClock};
use countersign_jose::{Algorithm, Expect, Jwk, SigningKey, Typ, digest};
use countersign_protocol::{KeyAnnouncementClaims, PublicJwk};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::broadcast};

use crate::{fake_decision, fake_sign_in, fake_user_code};

pub const DEVICE: &str = "device-1";
pub const SUBJECT: &str = "anna";
pub const NONCE: &str = "nonce-of-this-start";

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Passes,
    Refused,
    Buffered,
}

/// A request at the backend.
pub struct Prompt {
    pub object: String,
    pub number: Option<String>,
    pub tries_left: u32,
    pub settled: Option<Value>,
    pub answers: BTreeMap<String, (u16, Value)>,
    pub decision: Option<String>,
}

/// Everything the backend knows.
pub struct Inner {
    pub origin: String,
    pub skew: i64,
    pub stream: Stream,
    pub lose_replies: u32,
    pub unavailable: bool,
    pub removed: bool,
    pub slow_session: Duration,
    pub evil_issuer: Option<String>,
    pub op_key: SigningKey,
    /// Other providers: as they are offered, and their keys by issuer.
    pub providers: Vec<Value>,
    pub op_keys: BTreeMap<String, Jwk>,
    /// Whether decisions are told to another provider, so that their answer owes it.
    pub tells: bool,
    pub request_key: SigningKey,
    pub statements: Vec<String>,
    pub user_code: Option<String>,
    pub pop: Option<Jwk>,
    pub uv: Option<Jwk>,
    pub nonces: BTreeMap<String, (String, String)>,
    pub prompts: BTreeMap<String, Prompt>,
    pub calls: Vec<String>,
    pub decisions: Vec<String>,
    pub tokens: u32,
    pub last_event: u64,
}

/// The running backend.
#[derive(Clone)]
pub struct Fake {
    inner: Arc<Mutex<Inner>>,
    pub events: broadcast::Sender<(u64, String, Value)>,
}

impl Fake {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let inner = Inner {
            origin,
            skew: 0,
            stream: Stream::Passes,
            lose_replies: 0,
            unavailable: false,
            removed: false,
            slow_session: Duration::ZERO,
            evil_issuer: None,
            op_key: SigningKey::generate(Algorithm::Es256).unwrap(),
            providers: Vec::new(),
            op_keys: BTreeMap::new(),
            tells: false,
            request_key: SigningKey::generate(Algorithm::Es256).unwrap(),
            statements: Vec::new(),
            user_code: None,
            pop: None,
            uv: None,
            nonces: BTreeMap::new(),
            prompts: BTreeMap::new(),
            calls: Vec::new(),
            decisions: Vec::new(),
            tokens: 0,
            last_event: 0,
        };
        let fake = Self {
            inner: Arc::new(Mutex::new(inner)),
            events: broadcast::channel(64).0,
        };
        let app = fake.router();
        tokio::spawn(async move { axum::serve(listener, app).await });
        fake
    }

    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    pub fn origin(&self) -> String {
        self.lock().origin.clone()
    }

    /// How often a call was made.
    pub fn count(&self, call: &str) -> usize {
        self.lock().calls.iter().filter(|made| *made == call).count()
    }

    /// Tells every open stream.
    pub fn tell(&self, event: &str, data: Value) {
        let id = {
            let mut inner = self.lock();
            inner.last_event += 1;
            inner.last_event
        };
        drop(self.events.send((id, event.to_owned(), data)));
    }

    /// Announces a new request key, signed by `by`, and signs with the new one from now on.
    pub fn change_request_key(&self, by: Option<&SigningKey>) {
        let mut inner = self.lock();
        let new = SigningKey::generate(Algorithm::Es256).unwrap();
        let keys = vec![PublicJwk(serde_json::to_value(new.public_jwk()).unwrap())];
        let claims = KeyAnnouncementClaims {
            iss: inner.origin.clone(),
            iat: inner.now() / 1000,
            keys,
        };
        let statement = by
            .unwrap_or(&inner.request_key)
            .sign("countersign-keys+jwt", &claims)
            .unwrap();
        inner.statements.push(statement);
        inner.request_key = new;
    }

    fn router(&self) -> Router {
        Router::new()
            .route("/.well-known/countersign", get(fake_sign_in::countersign))
            .route("/.well-known/openid-configuration", get(fake_sign_in::metadata))
            .route("/jwks", get(fake_sign_in::jwks))
            .route("/token", post(fake_sign_in::token))
            .route("/bc-deviceRegistration", post(fake_sign_in::register))
            .route("/ad/v1/session", post(session))
            .route("/ad/v1/requests", get(requests))
            .route("/ad/v1/requests/{handle}", get(request))
            .route("/ad/v1/requests/{handle}/decision", post(fake_decision::decide))
            .route("/ad/v1/history", get(fake_decision::history))
            .route("/ad/v1/keys", get(keys).put(fake_sign_in::rotate))
            .route("/ad/v1/user-code", get(fake_user_code::state).put(fake_user_code::set))
            .route("/ad/v1/devices/{device}", axum::routing::delete(revoke))
            .route("/ad/v1/stream", get(event_stream))
            .layer(middleware::from_fn_with_state(self.clone(), guard))
            .with_state(self.clone())
    }
}

impl Inner {
    pub fn now(&self) -> i64 {
        SystemClock.now() + self.skew
    }
}

/// A problem of the device API.
pub fn problem(status: u16, code: &str) -> Response {
    let body = json!({"type": "about:blank", "title": "x", "status": status, "detail": "x", "code": code});
    (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
}

/// What every call goes through: faults, DPoP, the clock.
async fn guard(State(fake): State<Fake>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let call = format!("{} {path}", request.method());
    let (unavailable, removed, origin, now) = {
        let mut inner = fake.lock();
        inner.calls.push(call);
        (inner.unavailable, inner.removed, inner.origin.clone(), inner.now())
    };
    let device_call = path.starts_with("/ad/") || path == "/bc-deviceRegistration";
    let mut response = if unavailable {
        problem(503, "unavailable")
    } else if device_call && !path.ends_with("/decision") {
        match proof_problem(&request, &origin, now) {
            Some(problem) => problem,
            None if !is_known(&fake, &request) => problem(401, "invalid_session"),
            None if removed => problem(401, "device_removed"),
            None => next.run(request).await,
        }
    } else if device_call && removed {
        problem(401, "device_removed")
    } else {
        next.run(request).await
    };
    let date = std::time::UNIX_EPOCH + Duration::from_millis(u64::try_from(now).unwrap());
    response
        .headers_mut()
        .insert("date", httpdate::fmt_http_date(date).parse().unwrap());
    response.headers_mut().insert("dpop-nonce", NONCE.parse().unwrap());
    response
}

/// Whether the proof is by the registered key.
fn is_known(fake: &Fake, request: &Request) -> bool {
    let proof = request.headers()["dpop"].to_str().unwrap();
    let expect = Expect {
        typ: Typ::Exactly("dpop+jwt"),
        algs: &[Algorithm::Es256],
        max_len: 4096,
    };
    let by = countersign_jose::verify_embedded(proof, &expect)
        .unwrap()
        .header()
        .jwk
        .clone();
    let registered = fake.lock().pop.as_ref().map(Jwk::thumbprint);
    registered.is_none()
        || registered == by.map(|by| by.thumbprint())
        || request.uri().path() == "/bc-deviceRegistration"
}

/// What is wrong with the DPoP proof of a call (RFC 9449 section 4.3).
fn proof_problem(request: &Request, origin: &str, now: i64) -> Option<Response> {
    let wrong = || Some(problem(401, "invalid_dpop_proof"));
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let expect = Expect {
        typ: Typ::Exactly("dpop+jwt"),
        algs: &[Algorithm::Es256],
        max_len: 4096,
    };
    let Some(verified) = header("dpop").and_then(|proof| countersign_jose::verify_embedded(proof, &expect).ok()) else {
        return wrong();
    };
    let claims: Value = verified.claims().unwrap();
    let token = header("authorization").and_then(|value| value.strip_prefix("DPoP "));
    let ath = token.map_or(Value::Null, |token| digest::sha256_b64(token).into());
    if claims["nonce"] != NONCE {
        return Some(problem(401, "use_dpop_nonce"));
    }
    let on_time = (claims["iat"].as_i64().unwrap() - now / 1000).abs() <= 120;
    let here =
        claims["htu"] == format!("{origin}{}", request.uri().path()) && claims["htm"] == request.method().as_str();
    if on_time && here && claims["ath"] == ath {
        None
    } else {
        wrong()
    }
}

async fn session(State(fake): State<Fake>, Json(body): Json<Value>) -> Response {
    assert_eq!(body["device_session"], "session-secret");
    let slow = fake.lock().slow_session;
    tokio::time::sleep(slow).await;
    let mut inner = fake.lock();
    inner.tokens += 1;
    let (token, now) = (format!("token-{}", inner.tokens), inner.now());
    Json(json!({"access_token": token, "token_type": "DPoP", "expires_in": 600, "server_time": now})).into_response()
}

pub fn pending(inner: &Inner) -> Value {
    let waits = inner.prompts.iter().filter(|(_, prompt)| prompt.settled.is_none());
    let requests: Vec<Value> = waits
        .map(|(handle, prompt)| json!({"handle": handle, "request": prompt.object}))
        .collect();
    json!({"server_time": inner.now(), "requests": requests})
}

async fn requests(State(fake): State<Fake>) -> Json<Value> {
    Json(pending(&fake.lock()))
}

async fn request(State(fake): State<Fake>, Path(handle): Path<String>) -> Response {
    let inner = fake.lock();
    let Some(prompt) = inner.prompts.get(&handle) else {
        return problem(404, "not_found");
    };
    let mut body = prompt.settled.clone().unwrap_or(json!({"state": "pending"}));
    body["server_time"] = inner.now().into();
    body["handle"] = handle.into();
    Json(body).into_response()
}

async fn keys(State(fake): State<Fake>) -> Json<Value> {
    Json(json!({"statements": fake.lock().statements}))
}

async fn revoke(State(fake): State<Fake>) -> StatusCode {
    fake.lock().removed = true;
    StatusCode::NO_CONTENT
}

async fn event_stream(State(fake): State<Fake>, headers: HeaderMap) -> Response {
    let (mode, first, id) = {
        let inner = fake.lock();
        (inner.stream, pending(&inner), inner.last_event)
    };
    if mode == Stream::Refused {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let resumed = headers.contains_key("last-event-id");
    if resumed {
        fake.lock().calls.push("resumed".to_owned());
    }
    let first = if mode == Stream::Buffered {
        None
    } else if resumed {
        Some(": resumed\n\n".to_owned())
    } else {
        Some(format!("id: {id}\nevent: sync\ndata: {first}\n\n"))
    };
    let events = fake.events.subscribe();
    let body = stream::unfold((first, events), move |(first, mut events)| async move {
        if let Some(first) = first {
            return Some((Ok::<_, Infallible>(first), (None, events)));
        }
        loop {
            let (id, name, data) = events.recv().await.ok()?;
            if name == "break" {
                return None;
            }
            if mode != Stream::Buffered {
                return Some((Ok(format!("id: {id}\nevent: {name}\ndata: {data}\n\n")), (None, events)));
            }
        }
    });
    ([("content-type", "text/event-stream")], Body::from_stream(body)).into_response()
}
