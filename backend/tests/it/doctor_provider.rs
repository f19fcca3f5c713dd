//! A provider outside for the doctor to look at: everything about it can be wrong.

use std::sync::Arc;

use axum::{
    Router,
    extract::{RawQuery, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use countersign_jose::{Algorithm, SigningKey};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::AbortHandle};

/// Where browsers go for a sign-in.
pub enum SignIn {
    /// Back to the app, with this error.
    Back(&'static str),
    /// To a page of the provider.
    Elsewhere,
    /// Nowhere: a page with this status.
    Page(u16),
}

/// How it is set up. What is there by itself is as it should be.
pub struct Shape {
    /// Laid over its metadata; null takes a member away.
    pub metadata: Value,
    pub metadata_status: u16,
    pub keys: Option<Value>,
    pub sign_in: SignIn,
    pub callback: u16,
    /// What it says the time is, where that is another one than ours.
    pub date: Option<&'static str>,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            metadata: json!({}),
            metadata_status: 200,
            keys: None,
            sign_in: SignIn::Back("login_required"),
            callback: 401,
            date: None,
        }
    }
}

/// It serves until it is dropped.
pub struct Provider {
    pub origin: String,
    serving: AbortHandle,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Provider {
    pub fn issuer(&self) -> String {
        format!("{}/realms/acme", self.origin)
    }

    pub async fn start(shape: Shape) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let issuer = format!("{origin}/realms/acme");
        let shape = Arc::new(Shape {
            metadata: merged(metadata(&issuer), &shape.metadata),
            keys: Some(shape.keys.clone().unwrap_or_else(keys)),
            ..shape
        });
        let router = Router::new()
            .route("/realms/acme/.well-known/openid-configuration", get(say))
            .route("/realms/acme/keys", get(say_keys))
            .route("/realms/acme/auth", get(sign_in))
            .route("/callback", post(callback))
            .layer(middleware::from_fn_with_state(shape.clone(), dated))
            .with_state(shape);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            origin,
            serving: serving.abort_handle(),
        }
    }
}

/// As Keycloak says it, as far as it is looked at.
fn metadata(issuer: &str) -> Value {
    json!({
        "issuer": issuer, "jwks_uri": format!("{issuer}/keys"), "authorization_endpoint": format!("{issuer}/auth"),
        "token_endpoint": format!("{issuer}/token"), "backchannel_authentication_endpoint": format!("{issuer}/ciba"),
        "backchannel_token_delivery_modes_supported": ["poll", "ping"], "response_types_supported": ["code", "none"],
        "code_challenge_methods_supported": ["plain", "S256"], "dpop_signing_alg_values_supported": ["ES256"],
        "authorization_response_iss_parameter_supported": true,
    })
}

fn keys() -> Value {
    let key = SigningKey::generate(Algorithm::Es256).unwrap().public_jwk();
    json!({"keys": [key]})
}

fn merged(mut metadata: Value, over: &Value) -> Value {
    for (name, value) in over.as_object().unwrap() {
        if value.is_null() {
            metadata.as_object_mut().unwrap().remove(name);
        } else {
            metadata[name] = value.clone();
        }
    }
    metadata
}

async fn dated(State(shape): State<Arc<Shape>>, request: axum::extract::Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Some(date) = shape.date {
        response
            .headers_mut()
            .insert(header::DATE, HeaderValue::from_static(date));
    }
    response
}

fn status(number: u16) -> StatusCode {
    StatusCode::from_u16(number).unwrap()
}

fn as_json(value: &Value) -> impl IntoResponse + use<> {
    ([(header::CONTENT_TYPE, "application/json")], value.to_string())
}

async fn say(State(shape): State<Arc<Shape>>) -> Response {
    (status(shape.metadata_status), as_json(&shape.metadata)).into_response()
}

async fn say_keys(State(shape): State<Arc<Shape>>) -> Response {
    as_json(&shape.keys.clone().unwrap_or_default()).into_response()
}

async fn callback(State(shape): State<Arc<Shape>>) -> StatusCode {
    status(shape.callback)
}

/// It sends only the app's client back, and only to a loopback address.
async fn sign_in(State(shape): State<Arc<Shape>>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let known = query.contains("client_id=countersign-app")
        && query.contains("redirect_uri=http%3A%2F%2F127.0.0.1%3A")
        && query.contains("prompt=none")
        && query.contains("code_challenge_method=S256");
    match shape.sign_in {
        SignIn::Back(error) if known => {
            Redirect::to(&format!("http://127.0.0.1:49152/callback?error={error}&state=doctor")).into_response()
        }
        SignIn::Back(_) => status(400).into_response(),
        SignIn::Elsewhere => Redirect::to("/realms/acme/page").into_response(),
        SignIn::Page(number) => (status(number), "a page").into_response(),
    }
}
