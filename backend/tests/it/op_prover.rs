//! A client that has a key and proves it (RFC 9449).

use countersign_clock::Clock as _;
use countersign_jose::{Algorithm, SigningKey, digest};
use serde_json::{Value, json};

use crate::op_world::{Answer, ISSUER, SECRET, World, basic, unique};

pub struct Prover(pub SigningKey);

impl Prover {
    pub fn new(algorithm: Algorithm) -> Self {
        Self(SigningKey::generate(algorithm).unwrap())
    }

    pub fn thumbprint(&self) -> String {
        self.0.kid().to_owned()
    }

    /// A proof for `path`, with `changes`; a change to null leaves a claim out.
    pub fn proof(&self, world: &World, method: &str, path: &str, changes: &Value) -> String {
        let mut claims = json!({
            "jti": unique(), "htm": method, "htu": format!("{ISSUER}{path}"), "iat": world.clock.now_seconds(),
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        self.0.sign_with_jwk("dpop+jwt", &claims).unwrap()
    }

    pub fn at_token(&self, world: &World) -> String {
        self.proof(world, "POST", "/token", &json!({}))
    }

    /// A form of a client with this key.
    pub async fn post_as(&self, world: &World, client: &str, path: &str, form: &[(&str, &str)]) -> Answer {
        let proof = self.proof(world, "POST", path, &json!({}));
        post_with(world, client, path, &proof, form).await
    }

    pub async fn userinfo(&self, world: &World, token: &str) -> Answer {
        let proof = self.proof(world, "GET", "/userinfo", &json!({"ath": digest::sha256_b64(token)}));
        userinfo(world, &format!("DPoP {token}"), &[("dpop", &proof)]).await
    }
}

/// A form of a client with the secret of all clients, and this proof.
pub async fn post_with(world: &World, client: &str, path: &str, proof: &str, form: &[(&str, &str)]) -> Answer {
    let header = basic(client, SECRET);
    let headers = [("authorization", header.as_str()), ("dpop", proof)];
    world.form(path, &headers, form).await
}

pub async fn userinfo(world: &World, authorization: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = axum::http::Request::get("/userinfo").header("authorization", authorization);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world.send(request.body(axum::body::Body::empty()).unwrap()).await
}

/// An approved request of the client for Anna.
pub async fn approved(world: &World, client: &str, scope: &str) -> String {
    let asked = [("scope", scope), ("login_hint", "anna")];
    let answer = world.post_as(client, "/bc-authorize", &asked).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    world.approve().await;
    answer.json()["auth_req_id"].as_str().unwrap().to_owned()
}

pub fn text(tokens: &Value, name: &str) -> String {
    let value = tokens[name].as_str();
    value.unwrap_or_else(|| panic!("no {name} in {tokens}")).to_owned()
}
