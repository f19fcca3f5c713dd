//! A provider outside: publishes metadata and keys, signs, and is told.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    routing::{get, post},
};
use countersign_jose::{Algorithm, SigningKey};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::AbortHandle};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

/// What it was told: the bearer and the body.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    pub authorization: String,
    pub body: Value,
}

#[derive(Default)]
struct Memory {
    heard: Vec<Heard>,
    /// Statuses with which it answers, the last one for good.
    says: Vec<u16>,
}

/// A realm on a port of its own, until it is dropped.
pub struct Realm {
    pub issuer: String,
    pub key: SigningKey,
    memory: Arc<Mutex<Memory>>,
    serving: AbortHandle,
}

impl Realm {
    pub async fn start(algorithm: Algorithm) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}/realms/acme", listener.local_addr().unwrap());
        let key = SigningKey::generate(algorithm).unwrap();
        let memory = Arc::new(Mutex::new(Memory::default()));
        let metadata = json!({"issuer": issuer, "jwks_uri": format!("{issuer}/keys")}).to_string();
        let keys = json!({"keys": [key.public_jwk()]}).to_string();
        let router = Router::new()
            .route(
                "/realms/acme/.well-known/openid-configuration",
                get(async move || (JSON, metadata)),
            )
            .route("/realms/acme/keys", get(async move || (JSON, keys)))
            .route(
                "/realms/acme/protocol/openid-connect/ext/ciba/auth/callback",
                post(hear),
            )
            .with_state(memory.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            issuer,
            key,
            memory,
            serving: serving.abort_handle(),
        }
    }

    /// Answers with these from now on, one after the other, the last one for good.
    pub fn says(&self, statuses: &[u16]) {
        self.memory.lock().unwrap().says = statuses.to_vec();
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.memory.lock().unwrap().heard.clone()
    }

    /// Claims of a token under which Keycloak hands over.
    pub fn claims(&self, now: i64) -> Value {
        let now = now / 1000;
        json!({
            "iss": self.issuer, "aud": self.issuer, "jti": "request-1", "sub": "anna-uuid", "azp": "shop",
            "typ": "Bearer", "iat": now, "exp": now + 120,
        })
    }

    pub fn bearer(&self, claims: &Value) -> String {
        self.key.sign("JWT", claims).unwrap()
    }

    /// An ID token of a sign-in to the app.
    pub fn id_token(&self, sub: &str, nonce: &str, now: i64) -> String {
        let now = now / 1000;
        let claims = json!({
            "iss": self.issuer, "aud": "countersign-app", "azp": "countersign-app", "sub": sub, "nonce": nonce,
            "iat": now, "exp": now + 300, "auth_time": now, "name": "Anna of Acme",
        });
        self.key.sign("JWT", &claims).unwrap()
    }
}

impl Drop for Realm {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn hear(State(memory): State<Arc<Mutex<Memory>>>, request: Request) -> StatusCode {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let authorization = parts.headers["authorization"].to_str().unwrap().to_owned();
    let mut memory = memory.lock().unwrap();
    memory.heard.push(Heard {
        authorization,
        body: serde_json::from_slice(&body).unwrap(),
    });
    let status = if memory.says.len() > 1 {
        memory.says.remove(0)
    } else {
        memory.says.first().copied().unwrap_or(200)
    };
    StatusCode::from_u16(status).unwrap()
}
