//! An authentication device that speaks the wire by itself, honestly or not.

use std::sync::{Arc, Mutex};

use axum::{
    body::Body,
    http::{Request, request::Builder},
};
use countersign_clock::{Clock as _, OsRandom, Random as _};
use countersign_jose::{Algorithm, SigningKey, b64, digest};
use countersign_protocol::{DECISION_TYP, Handle, KEY_PROOF_TYP};
use serde_json::{Value, json};

use crate::device_world::{Answer, ORIGIN, World};

pub struct TestDevice {
    pub world: Arc<World>,
    pub pop: SigningKey,
    pub uv: SigningKey,
    pub id: String,
    pub session: String,
    pub token: String,
    /// Everything that was sent to this device.
    pub received: Mutex<Vec<u8>>,
    /// Each exchange, for the examples.
    pub tape: Mutex<Vec<Value>>,
    nonce: Mutex<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Pop,
    Uv,
}

pub fn fresh() -> String {
    let mut bytes = [0; 16];
    OsRandom.fill(&mut bytes);
    b64::encode(bytes)
}

impl TestDevice {
    /// A device whose keys nobody knows yet.
    pub fn stranger(world: &Arc<World>) -> Self {
        Self {
            world: world.clone(),
            pop: SigningKey::generate(Algorithm::Es256).unwrap(),
            uv: SigningKey::generate(Algorithm::Es256).unwrap(),
            id: String::new(),
            session: String::new(),
            token: String::new(),
            received: Mutex::default(),
            tape: Mutex::default(),
            nonce: Mutex::default(),
        }
    }

    pub async fn registered(world: &Arc<World>, person: &str) -> Self {
        let mut device = Self::stranger(world);
        let answer = device.register(&device.registration(person)).await;
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        device.adopt(&answer.json());
        device
    }

    pub fn adopt(&mut self, registered: &Value) {
        let text = |name: &str| registered[name].as_str().unwrap().to_owned();
        self.id = text("device_id");
        self.session = text("device_session");
        self.token = text("access_token");
    }

    pub fn key_proof(&self, key: &SigningKey) -> String {
        let now = self.world.clock.now_seconds();
        let claims = json!({"aud": ORIGIN, "iat": now, "exp": now + 300, "jkt": self.pop.kid()});
        key.sign(KEY_PROOF_TYP, &claims).unwrap()
    }

    pub fn registration(&self, person: &str) -> Value {
        let salt = b64::encode([9; 32]);
        let nonce = digest::sha256_b64(format!("{}.{salt}", self.pop.kid()));
        json!({
            "id_token_hint": self.world.sign_id_token(&self.world.id_token_claims(person, &nonce)),
            "salt": salt,
            "name": "Anna's laptop",
            "platform": "linux",
            "app_version": "1.0.0",
            "pop_key": self.pop.public_jwk(),
            "uv_key": self.uv.public_jwk(),
            "uv_proof": self.key_proof(&self.uv),
            "key_level": "software",
            "uv_method": "pin",
            "push": {"type": "stream"},
        })
    }

    pub async fn register(&self, body: &Value) -> Answer {
        self.call_with("POST", "/bc-deviceRegistration", None, Some(body.to_string()))
            .await
    }

    /// A call as a registered device makes it.
    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let body = body.map(|body| body.to_string());
        self.call_with(method, path, Some(&self.token), body).await
    }

    /// A call with a proof, repeated once with the nonce that the answer tells.
    pub async fn call_with(&self, method: &str, path: &str, token: Option<&str>, body: Option<String>) -> Answer {
        for _ in 0..2 {
            let request = self.request(method, path, token);
            let request = match &body {
                Some(body) => request
                    .header("content-type", "application/json")
                    .body(Body::from(body.clone())),
                None => request.body(Body::empty()),
            };
            let answer = self.world.send(request.unwrap()).await;
            self.keep(method, path, body.as_deref(), &answer);
            self.learn_nonce(&answer);
            if answer.code() != "use_dpop_nonce" {
                return answer;
            }
        }
        panic!("the backend does not accept its own nonce");
    }

    fn keep(&self, method: &str, path: &str, body: Option<&str>, answer: &Answer) {
        self.received.lock().unwrap().extend_from_slice(&answer.body);
        let request: Value = body
            .and_then(|body| serde_json::from_str(body).ok())
            .unwrap_or_default();
        self.tape.lock().unwrap().push(json!({
            "method": method, "path": path, "request": request, "status": answer.status.as_u16(), "response": answer.json(),
        }));
    }

    pub fn learn_nonce(&self, answer: &Answer) {
        answer.headers["dpop-nonce"]
            .to_str()
            .unwrap()
            .clone_into(&mut self.nonce.lock().unwrap());
    }

    /// The head of a call, with a fresh proof.
    pub fn request(&self, method: &str, path: &str, token: Option<&str>) -> Builder {
        let proof = self.prove(&self.proof_claims(method, path, token));
        let request = Request::builder().method(method).uri(path).header("dpop", proof);
        match token {
            Some(token) => request.header("authorization", format!("DPoP {token}")),
            None => request,
        }
    }

    pub fn proof_claims(&self, method: &str, path: &str, token: Option<&str>) -> Value {
        let path = path.split('?').next().unwrap();
        let mut claims = json!({
            "htm": method, "htu": format!("{ORIGIN}{path}"), "iat": self.world.clock.now_seconds(), "jti": fresh(),
            "nonce": *self.nonce.lock().unwrap(),
        });
        if let Some(token) = token {
            claims["ath"] = digest::sha256_b64(token).into();
        }
        claims
    }

    pub fn prove(&self, claims: &Value) -> String {
        self.pop.sign_with_jwk("dpop+jwt", claims).unwrap()
    }

    /// The request object that waits under `handle`.
    pub async fn request_object(&self, handle: &Handle) -> String {
        let answer = self.call("GET", &format!("/ad/v1/requests/{handle}"), None).await;
        let request = answer.json()["request"].as_str().map(str::to_owned);
        request.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&answer.body)))
    }

    /// Claims of a decision that is right in every way; the person was verified a moment ago.
    pub fn decision(&self, handle: &Handle, request: &str, dec: &str) -> Value {
        let now = self.world.clock.now_seconds();
        let mut claims = json!({
            "iss": self.id, "aud": ORIGIN, "iat": now, "exp": now + 60, "jti": fresh(), "req": handle,
            "rh": digest::sha256_b64(request), "dec": dec,
        });
        if dec == "approve" {
            claims["uv"] = json!({"method": "pin", "time": now - 2});
        } else {
            claims["reason"] = "not_me".into();
        }
        claims
    }

    pub fn sign_decision(&self, claims: &Value, by: By) -> String {
        let key = if by == By::Uv { &self.uv } else { &self.pop };
        key.sign(DECISION_TYP, claims).unwrap()
    }

    /// Sends a decision: no token, no proof.
    pub async fn send_decision(&self, handle: &Handle, request: &str, decision: &str) -> Answer {
        let path = format!("/ad/v1/requests/{handle}/decision");
        let body = json!({"request": request, "decision": decision}).to_string();
        let post = Request::post(&path).header("content-type", "application/json");
        let answer = self.world.send(post.body(Body::from(body.clone())).unwrap()).await;
        self.keep("POST", &path, Some(&body), &answer);
        answer
    }

    pub async fn submit(&self, handle: &Handle, request: &str, claims: &Value, by: By) -> Answer {
        self.send_decision(handle, request, &self.sign_decision(claims, by))
            .await
    }

    pub async fn approve(&self, handle: &Handle) -> Answer {
        let request = self.request_object(handle).await;
        let claims = self.decision(handle, &request, "approve");
        self.submit(handle, &request, &claims, By::Uv).await
    }

    pub async fn approve_typing(&self, handle: &Handle, number: &str) -> Answer {
        let request = self.request_object(handle).await;
        let mut claims = self.decision(handle, &request, "approve");
        claims["match"] = number.into();
        self.submit(handle, &request, &claims, By::Uv).await
    }

    pub async fn deny(&self, handle: &Handle) -> Answer {
        let request = self.request_object(handle).await;
        let claims = self.decision(handle, &request, "deny");
        self.submit(handle, &request, &claims, By::Pop).await
    }
}
