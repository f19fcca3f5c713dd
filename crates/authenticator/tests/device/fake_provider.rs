//! Providers other than the backend itself, honest or evil, each on a port of its own. They check what they are sent.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Form, Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use countersign_clock::{Clock, SystemClock};
use countersign_jose::{Algorithm, Expect, Jwk, SigningKey, Typ, digest};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

const REALM: &str = "/realms/acme";
pub const CLIENT: &str = "countersign-app";
const NONCE: &str = "nonce-of-the-provider";

/// What a provider wants to have proved at its token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proofs {
    NotKnown,
    Taken,
    WithNonce,
    NeverEnough,
}

/// What one authorization request asked for.
struct Asked {
    nonce: String,
    challenge: String,
    jkt: Option<String>,
}

/// Everything the provider knows, and how it misbehaves.
pub struct Inner {
    pub issuer: String,
    pub key: SigningKey,
    alg: Algorithm,
    pub subject: String,
    pub proofs: Proofs,
    pub token_type: &'static str,
    /// Members of its metadata that say something else.
    pub metadata: BTreeMap<String, Value>,
    /// What it hands out in place of its own ID token.
    pub id_token: Option<String>,
    pub token_calls: usize,
    /// Thumbprints of the keys that were proved.
    pub proved: Vec<String>,
    asked: BTreeMap<String, Asked>,
}

/// A running provider.
#[derive(Clone)]
pub struct Provider(Arc<Mutex<Inner>>);

impl Provider {
    pub async fn start() -> Self {
        Self::signing(Algorithm::Es256, SigningKey::generate(Algorithm::Es256).unwrap()).await
    }

    pub async fn signing(alg: Algorithm, key: SigningKey) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}{REALM}", listener.local_addr().unwrap());
        let provider = Self(Arc::new(Mutex::new(Inner {
            issuer,
            key,
            alg,
            subject: "f:4711:berta".to_owned(),
            proofs: Proofs::NotKnown,
            token_type: "Bearer",
            metadata: BTreeMap::new(),
            id_token: None,
            token_calls: 0,
            proved: Vec::new(),
            asked: BTreeMap::new(),
        })));
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/jwks", get(jwks))
            .route("/token", post(token));
        let app = Router::new().nest(REALM, routes).with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        provider
    }

    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    pub fn issuer(&self) -> String {
        self.lock().issuer.clone()
    }

    /// The provider as a backend offers it.
    pub fn offer(&self, title: &str) -> Value {
        json!({"issuer": self.issuer(), "title": title, "client_id": CLIENT, "scope": "openid profile"})
    }

    /// What a person does here who is sent to `url`, whoever sent them; returns where the browser goes next.
    pub fn authorize(&self, url: &Url) -> Url {
        let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(query["client_id"], CLIENT);
        assert_eq!(query["code_challenge_method"], "S256", "R-272");
        assert!(
            query["redirect_uri"].starts_with("http://127.0.0.1:") && query["redirect_uri"].ends_with("/callback"),
            "R-272: the registered path at any port of the literal loopback address"
        );
        let mut inner = self.lock();
        let code = format!("code-{}", query["state"]);
        let asked = Asked {
            nonce: query["nonce"].clone(),
            challenge: query["code_challenge"].clone(),
            jkt: query.get("dpop_jkt").cloned(),
        };
        inner.asked.insert(code.clone(), asked);
        let mut back = Url::parse(&query["redirect_uri"]).unwrap();
        back.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", &query["state"])
            .append_pair("iss", &inner.issuer);
        back
    }

    /// An ID token of this provider.
    pub fn id_token(&self, nonce: &str) -> String {
        self.lock().id_token(nonce)
    }
}

impl Inner {
    fn id_token(&self, nonce: &str) -> String {
        let now = SystemClock.now() / 1000;
        let claims = json!({
            "iss": self.issuer, "sub": self.subject, "aud": CLIENT, "azp": CLIENT, "typ": "ID", "iat": now, "exp": now + 300,
            "nonce": nonce, "at_hash": digest::token_hash(self.alg, "op-token"),
        });
        self.key.sign("JWT", &claims).unwrap()
    }

    /// What is wrong with the proof of a call of the token endpoint.
    fn proof_problem(&mut self, headers: &HeaderMap, asked: Option<&str>) -> Option<Response> {
        if self.proofs == Proofs::NotKnown {
            assert!(
                !headers.contains_key("dpop"),
                "nothing is proved to who does not ask for it"
            );
            return None;
        }
        let proof = headers["dpop"].to_str().unwrap();
        let expect = Expect {
            typ: Typ::Exactly("dpop+jwt"),
            algs: &[Algorithm::Es256],
            max_len: 4096,
        };
        let verified = countersign_jose::verify_embedded(proof, &expect).unwrap();
        let claims: Value = verified.claims().unwrap();
        assert_eq!(
            (&claims["htm"], &claims["htu"]),
            (&json!("POST"), &json!(format!("{}/token", self.issuer))),
            "S-027: RFC 9449 section 4.2"
        );
        let key = verified.header().jwk.as_ref().map(Jwk::thumbprint).unwrap();
        assert_eq!(
            Some(key.as_str()),
            asked,
            "RFC 9449 section 10: the code is for this key"
        );
        self.proved.push(key);
        let satisfied = match self.proofs {
            Proofs::NotKnown | Proofs::Taken => true,
            Proofs::WithNonce => claims["nonce"] == NONCE,
            Proofs::NeverEnough => false,
        };
        let body = Json(json!({"error": "use_dpop_nonce", "error_description": "once more"}));
        (!satisfied).then(|| (StatusCode::BAD_REQUEST, [("dpop-nonce", NONCE)], body).into_response())
    }
}

async fn metadata(State(provider): State<Provider>) -> Json<Value> {
    let inner = provider.lock();
    let issuer = &inner.issuer;
    let mut document = json!({
        "issuer": issuer, "authorization_endpoint": format!("{issuer}/auth"), "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"), "authorization_response_iss_parameter_supported": true,
    });
    if inner.proofs != Proofs::NotKnown {
        document["dpop_signing_alg_values_supported"] = json!(["PS256", "ES256"]);
    }
    for (name, value) in &inner.metadata {
        document[name] = value.clone();
    }
    Json(document)
}

async fn jwks(State(provider): State<Provider>) -> Json<Value> {
    Json(json!({"keys": [provider.lock().key.public_jwk()]}))
}

async fn token(
    State(provider): State<Provider>,
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    let mut inner = provider.lock();
    inner.token_calls += 1;
    let Some(asked) = inner.asked.remove(&form["code"]) else {
        // An evil provider takes every code it is given.
        let evil = inner.id_token.clone();
        return match evil {
            Some(id_token) => granted("Bearer", &id_token),
            None => (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"}))).into_response(),
        };
    };
    assert_eq!(
        digest::sha256_b64(&form["code_verifier"]),
        asked.challenge,
        "R-272: PKCE S256"
    );
    let problem = inner.proof_problem(&headers, asked.jkt.as_deref());
    if let Some(problem) = problem {
        // The code is not spent by a proof that lacks the nonce.
        inner.asked.insert(form["code"].clone(), asked);
        return problem;
    }
    let own = inner.id_token(&asked.nonce);
    granted(inner.token_type, inner.id_token.as_ref().unwrap_or(&own))
}

fn granted(token_type: &str, id_token: &str) -> Response {
    let body = json!({"access_token": "op-token", "token_type": token_type, "expires_in": 60, "id_token": id_token});
    Json(body).into_response()
}
