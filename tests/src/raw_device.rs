//! A device that speaks `docs/protocol.md` by hand: for many decisions at once, and for what no app would send.

use countersign_clock::{Clock as _, OsRandom, Random as _, SystemClock};
use countersign_jose::{Algorithm, Jwk, SigningKey, b64, digest};
use countersign_protocol::{
    DECISION_TYP, DPOP_TYP, DecisionClaims, DecisionRequest, DenyReason, DeviceId, Handle, KEY_PROOF_TYP, Pending,
    PendingList, UserVerification, UvMethod, Verdict,
};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use url::Url;

use crate::{Backend, Person, http};

/// Where the app's browser returns to. Nobody listens there: the code is read out of the address.
const REDIRECT_URI: &str = "http://127.0.0.1:9/callback";

/// A status and a JSON body, `Null` where there is none.
pub type Answer = (StatusCode, Value);

/// A registered device.
pub struct RawDevice {
    /// `device_id`.
    pub id: DeviceId,
    /// The proof-of-possession key.
    pub pop: SigningKey,
    /// The user-verification key.
    pub uv: SigningKey,
    /// The device session.
    pub session: String,
    /// Claims and members of its registration, as they were sent.
    pub registration: Value,
    /// Thumbprints of the backend's request keys, pinned at the registration.
    pub request_keys: Vec<String>,
    origin: String,
    address: String,
    http: reqwest::Client,
    access: Mutex<Access>,
}

#[derive(Clone)]
struct Access {
    token: String,
    nonce: String,
}

/// The keys of a device that is not registered yet, and what ties a sign-in to them.
pub struct RawKeys {
    /// The proof-of-possession key.
    pub pop: SigningKey,
    /// The user-verification key.
    pub uv: SigningKey,
    /// 32 bytes, base64url.
    pub salt: String,
}

impl RawKeys {
    /// Makes them.
    #[must_use]
    pub fn generate() -> Self {
        let key = || SigningKey::generate(Algorithm::Es256).expect("a key can be made");
        Self {
            pop: key(),
            uv: key(),
            salt: random_text(),
        }
    }

    /// The `nonce` of a sign-in for these keys.
    #[must_use]
    pub fn nonce(&self) -> String {
        digest::sha256_b64(format!("{}.{}", self.pop.kid(), self.salt))
    }

    /// The body of a registration.
    #[must_use]
    pub fn registration(&self, origin: &str, id_token: &str, name: &str) -> Value {
        let now = SystemClock.now_seconds();
        let proof = json!({ "aud": origin, "iat": now, "exp": now + 60, "jkt": self.pop.kid() });
        json!({
            "id_token_hint": id_token,
            "salt": self.salt,
            "name": name,
            "platform": "linux",
            "app_version": "1.0.0",
            "pop_key": self.pop.public_jwk(),
            "uv_key": self.uv.public_jwk(),
            "uv_proof": self.uv.sign(KEY_PROOF_TYP, &proof).expect("a proof can be signed"),
            "key_level": "software",
            "uv_method": "pin",
            "push": { "type": "stream" },
        })
    }
}

/// Signs `person` in as the app does and returns the whole token response, with the code.
pub async fn sign_in(origin: &str, person: &Person, nonce: &str) -> Value {
    let form = code_exchange(origin, person, nonce).await;
    let answer = http().post(format!("{origin}/token")).form(&form).send().await;
    let answer = answer.expect("the provider answers");
    assert_eq!(answer.status(), StatusCode::OK, "the code is exchanged");
    let mut tokens: Value = answer.json().await.expect("tokens are JSON");
    tokens["code"] = form[2].1.clone().into();
    tokens
}

/// Where the app sends a person's browser, and the PKCE verifier that belongs to it.
#[must_use]
pub fn authorization_url(origin: &str, nonce: &str) -> (Url, String) {
    let verifier = random_text();
    let mut authorize = Url::parse(&format!("{origin}/authorize")).expect("an origin is a URL");
    authorize.query_pairs_mut().extend_pairs([
        ("response_type", "code"),
        ("client_id", "countersign-app"),
        ("redirect_uri", REDIRECT_URI),
        ("scope", "openid profile"),
        ("state", "state"),
        ("nonce", nonce),
        ("code_challenge", &digest::sha256_b64(&verifier)),
        ("code_challenge_method", "S256"),
    ]);
    (authorize, verifier)
}

/// Signs `person` in as the app does and returns the token request that is due then.
pub async fn code_exchange(origin: &str, person: &Person, nonce: &str) -> Vec<(String, String)> {
    let (authorize, verifier) = authorization_url(origin, nonce);
    let back = person.sign_in(&authorize).await;
    let code = back.query_pairs().find(|(name, _)| name == "code");
    let code = code.expect("the provider sends a code").1.into_owned();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "countersign-app"),
        ("code", &code),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", &verifier),
    ];
    form.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

impl RawDevice {
    /// Registers a new device called `name` for `person`.
    pub async fn register(backend: &Backend, person: &Person, name: &str) -> Self {
        let keys = RawKeys::generate();
        let tokens = sign_in(&backend.origin, person, &keys.nonce()).await;
        let id_token = tokens["id_token"].as_str().expect("there is an ID token");
        Self::register_with(&backend.origin, keys, id_token, name).await
    }

    /// Registers a new device called `name` with an ID token that is good for `keys`.
    pub async fn register_with(origin: &str, keys: RawKeys, id_token: &str, name: &str) -> Self {
        let registration = keys.registration(origin, id_token, name);
        let nonce = fresh_nonce(origin).await;
        let url = format!("{origin}/bc-deviceRegistration");
        let proof = dpop(&keys.pop, "POST", &url, &nonce, None);
        let request = http().post(url).header("dpop", proof).json(&registration);
        let (status, body) = answered(request).await;
        assert_eq!(status, StatusCode::CREATED, "the device is registered: {body}");
        let text = |name: &str| body[name].as_str().expect("a text").to_owned();
        let request_keys = body["request_keys"].as_array().expect("there are request keys");
        let thumbprint = |key: &Value| Jwk::parse(&key.to_string()).expect("a public key").thumbprint();
        Self {
            request_keys: request_keys.iter().map(thumbprint).collect(),
            id: DeviceId::new(text("device_id")),
            pop: keys.pop,
            uv: keys.uv,
            session: text("device_session"),
            registration,
            origin: origin.to_owned(),
            address: origin.to_owned(),
            http: http(),
            access: Mutex::new(Access {
                token: text("access_token"),
                nonce,
            }),
        }
    }

    /// The same device, which reaches the backend at `address` although it is called something else.
    #[must_use]
    pub fn by_way_of(mut self, address: &str) -> Self {
        address.clone_into(&mut self.address);
        self
    }

    /// Makes a call with DPoP proof and access token; follows a new nonce and renews a token that is not good any more, each once.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let answer = self.try_call(method.clone(), path, body).await;
        answer.unwrap_or_else(|| {
            panic!("{method} {path} is not answered, or refused for its nonce or token again and again")
        })
    }

    /// As [`Self::call`]. `None` when a connection failed, or nonce or token were refused again and again.
    pub async fn try_call(&self, method: Method, path: &str, body: Option<&Value>) -> Option<Answer> {
        for _ in 0..3 {
            let mut request = self.proven(method.clone(), path).await;
            if let Some(body) = body {
                request = request.json(body);
            }
            let (status, answer) = try_answered(request).await?;
            match answer["code"].as_str() {
                Some("use_dpop_nonce") => self.access.lock().await.nonce = try_fresh_nonce(&self.address).await?,
                Some("invalid_token") => self.renew().await?,
                _ => return Some((status, answer)),
            }
        }
        None
    }

    /// A call that carries what it needs, before its body is put on.
    pub async fn proven(&self, method: Method, path: &str) -> RequestBuilder {
        let access = self.access.lock().await.clone();
        let htu = format!("{}{}", self.origin, path.split('?').next().unwrap_or_default());
        let proof = dpop(&self.pop, method.as_str(), &htu, &access.nonce, Some(&access.token));
        let url = format!("{}{path}", self.address);
        let request = self.http.request(method, url).header("dpop", proof);
        request.header("authorization", format!("DPoP {}", access.token))
    }

    /// The access token and the nonce in use.
    pub async fn access(&self) -> (String, String) {
        let access = self.access.lock().await.clone();
        (access.token, access.nonce)
    }

    async fn renew(&self) -> Option<()> {
        let nonce = try_fresh_nonce(&self.address).await?;
        let proof = dpop(
            &self.pop,
            "POST",
            &format!("{}/ad/v1/session", self.origin),
            &nonce,
            None,
        );
        let url = format!("{}/ad/v1/session", self.address);
        let request = self.http.post(url).header("dpop", proof);
        let (status, body) = try_answered(request.json(&json!({ "device_session": self.session }))).await?;
        if status.is_server_error() {
            return None;
        }
        assert_eq!(status, StatusCode::OK, "the session buys a token: {body}");
        let token = body["access_token"].as_str().expect("a token").to_owned();
        *self.access.lock().await = Access { token, nonce };
        Some(())
    }

    /// What waits.
    pub async fn pending(&self) -> Vec<Pending> {
        let (status, body) = self.call(Method::GET, "/ad/v1/requests", None).await;
        assert_eq!(status, StatusCode::OK, "the list is answered: {body}");
        let list: PendingList = serde_json::from_value(body).expect("a list of requests");
        list.requests
    }

    /// The claims of a fresh decision over `pending`.
    #[must_use]
    pub fn claims(&self, pending: &Pending, verdict: Verdict, matched: Option<&str>) -> DecisionClaims {
        let now = SystemClock.now_seconds();
        let approves = verdict == Verdict::Approve;
        DecisionClaims {
            iss: self.id.clone(),
            aud: self.origin.clone(),
            iat: now,
            exp: now + 60,
            jti: random_text(),
            req: pending.handle.clone(),
            rh: digest::sha256_b64(&pending.request),
            dec: verdict,
            reason: (!approves).then_some(DenyReason::ChangedMind),
            matched: matched.map(str::to_owned),
            uv: approves.then_some(UserVerification {
                method: UvMethod::Pin,
                time: now,
            }),
        }
    }

    /// Signs a decision: approvals by the user-verification key, denials by the other one.
    #[must_use]
    pub fn sign(&self, pending: &Pending, claims: &DecisionClaims) -> DecisionRequest {
        let key = if claims.dec == Verdict::Approve {
            &self.uv
        } else {
            &self.pop
        };
        DecisionRequest {
            request: pending.request.clone(),
            decision: key.sign(DECISION_TYP, claims).expect("a decision can be signed"),
        }
    }

    /// A fresh signed decision over `pending`.
    #[must_use]
    pub fn decision(&self, pending: &Pending, verdict: Verdict, matched: Option<&str>) -> DecisionRequest {
        self.sign(pending, &self.claims(pending, verdict, matched))
    }

    /// Sends a decision once. `None` when the connection failed.
    pub async fn try_submit(&self, handle: &Handle, decision: &DecisionRequest) -> Option<Answer> {
        let url = format!("{}/ad/v1/requests/{handle}/decision", self.address);
        try_answered(self.http.post(url).json(decision)).await
    }

    /// The one request that waits.
    pub async fn waiting(&self) -> Pending {
        let mut requests = self.pending().await;
        assert_eq!(requests.len(), 1, "one request is expected");
        requests.remove(0)
    }

    /// Decides the one request that waits; the decision has to be taken.
    pub async fn decide(&self, verdict: Verdict, matched: Option<&str>) -> Value {
        let pending = self.waiting().await;
        let decision = self.decision(&pending, verdict, matched);
        let (status, body) = self.submit(&pending.handle, &decision).await;
        assert_eq!(status, StatusCode::OK, "the decision is taken: {body}");
        body
    }

    /// Sends a decision that has to be answered.
    pub async fn submit(&self, handle: &Handle, decision: &DecisionRequest) -> Answer {
        let answer = self.try_submit(handle, decision).await;
        answer.expect("the backend answers")
    }
}

/// Sends a request and reads its JSON.
pub async fn answered(request: RequestBuilder) -> Answer {
    try_answered(request).await.expect("the backend answers")
}

/// Sends a request and reads its JSON. `None` when the connection failed.
pub async fn try_answered(request: RequestBuilder) -> Option<Answer> {
    let answer = request.send().await.ok()?;
    let status = answer.status();
    let body = answer.bytes().await.ok()?;
    Some((status, serde_json::from_slice(&body).unwrap_or_default()))
}

/// The nonce that the backend at `origin` wants in proofs now.
pub async fn fresh_nonce(origin: &str) -> String {
    try_fresh_nonce(origin).await.expect("the backend answers")
}

async fn try_fresh_nonce(origin: &str) -> Option<String> {
    let answer = http().get(format!("{origin}/ad/v1/requests")).send().await.ok()?;
    let nonce = answer.headers().get("dpop-nonce").expect("a refusal carries the nonce");
    Some(nonce.to_str().expect("a nonce is ASCII").to_owned())
}

/// A DPoP proof (RFC 9449 section 4.2).
#[must_use]
pub fn dpop(key: &SigningKey, method: &str, url: &str, nonce: &str, token: Option<&str>) -> String {
    let mut claims = json!({
        "htm": method,
        "htu": url,
        "iat": SystemClock.now_seconds(),
        "jti": random_text(),
        "nonce": nonce,
    });
    if let Some(token) = token {
        claims["ath"] = digest::sha256_b64(token).into();
    }
    key.sign_with_jwk(DPOP_TYP, &claims).expect("a proof can be signed")
}

/// 256 random bits as text.
#[must_use]
pub fn random_text() -> String {
    let mut bytes = [0; 32];
    OsRandom.fill(&mut bytes);
    b64::encode(bytes)
}
