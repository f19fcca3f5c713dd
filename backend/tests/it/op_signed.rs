//! Makes signed authentication requests, good ones and others.

use countersign::domain::{Client, RequestRules};
use countersign_clock::Clock as _;
use countersign_jose::{Algorithm, SigningKey, b64};
use rcgen::SigningKey as _;
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};

use crate::op_world::{Answer, ISSUER, World, shop, unique};

/// A request on its way to be signed: good for a minute, for Anna, unless it is changed.
#[derive(Clone)]
pub struct SignedRequest {
    claims: Value,
    typ: String,
}

impl SignedRequest {
    /// A good request of the client `id`.
    pub fn of(world: &World, id: &str) -> Self {
        let now = world.clock.now_seconds();
        Self {
            claims: json!({
                "iss": id, "aud": ISSUER, "iat": now, "nbf": now, "exp": now + 60, "jti": unique(),
                "scope": "openid payment", "login_hint": "anna",
            }),
            typ: "oauth-authz-req+jwt".to_owned(),
        }
    }

    /// With this claim; without it, where `value` is null.
    pub fn with(mut self, claim: &str, value: Value) -> Self {
        let claims = self.claims.as_object_mut().unwrap();
        match value {
            Value::Null => claims.remove(claim),
            value => claims.insert(claim.to_owned(), value),
        };
        self
    }

    /// Of this type.
    pub fn typ(mut self, typ: &str) -> Self {
        typ.clone_into(&mut self.typ);
        self
    }

    pub fn claims(&self) -> &Value {
        &self.claims
    }

    pub fn sign(&self, key: &SigningKey) -> String {
        key.sign(&self.typ, &self.claims).unwrap()
    }

    /// Signed under this header, whatever it says, by an ES256 key.
    pub fn sign_as(&self, key: &SigningKey, header: &Value) -> String {
        sign_bytes(key, &header.to_string(), &self.claims.to_string())
    }
}

/// A compact JWS of exactly these texts. `key` is an ES256 key.
pub fn sign_bytes(key: &SigningKey, header: &str, payload: &str) -> String {
    let input = format!("{}.{}", b64::encode(header), b64::encode(payload));
    let pair = rcgen::KeyPair::try_from(&PrivatePkcs8KeyDer::from(key.to_pkcs8())).unwrap();
    let signature = raw(&pair.sign(input.as_bytes()).unwrap());
    format!("{input}.{}", b64::encode(signature))
}

/// From a DER signature to the one of JWS (RFC 7518 section 3.4).
fn raw(der: &[u8]) -> Vec<u8> {
    let integer = |at: usize| {
        let len = usize::from(der[at + 1]);
        let bytes = &der[at + 2..at + 2 + len];
        let bytes = &bytes[bytes.len().saturating_sub(32)..];
        let mut padded = vec![0; 32 - bytes.len()];
        padded.extend_from_slice(bytes);
        (padded, at + 2 + len)
    };
    let (r, next) = integer(2);
    let (s, _) = integer(next);
    [r, s].concat()
}

/// A client that authenticates by its secret and signs its requests with a key of its own.
pub fn signing_shop(id: &str, algorithm: Algorithm) -> (Client, SigningKey) {
    let key = SigningKey::generate(algorithm).unwrap();
    (signing_with(id, &key), key)
}

/// The same, with this key.
pub fn signing_with(id: &str, key: &SigningKey) -> Client {
    Client {
        jwks: Some(json!({"keys": [key.public_jwk()]})),
        requests: RequestRules {
            signing_alg: Some(key.algorithm().to_string()),
            ..RequestRules::default()
        },
        ..shop(id)
    }
}

impl World {
    /// Sends a signed request of the client `id`, which authenticates by its secret.
    pub async fn ask_signed(&self, id: &str, request: &str) -> Answer {
        self.post_as(id, "/bc-authorize", &[("request", request)]).await
    }

    /// A world with the client "signer", which signs with ES256.
    pub async fn with_signer(config: &str) -> (Self, SigningKey) {
        let world = Self::with(config).await;
        let (client, key) = signing_shop("signer", Algorithm::Es256);
        world.add_client(client).await;
        (world, key)
    }
}
