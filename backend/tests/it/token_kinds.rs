//! One token of each kind that we issue or read, all of the same person, the same client and the same device, all good at the same time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Body, http::Request};
use countersign::{
    config::Config,
    connectors::Embedded,
    domain::{Account, Client, ClientAuthMethod, NewAccount},
    http::op_routes,
    op::{Parts, Provider, handle_of},
    outbound::{Outbound, SystemLookup},
    storage::{Accounts as _, Clients as _},
    wakes::Wakes,
};
use countersign_clock::{Clock as _, OsRandom};
use countersign_jose::{Algorithm, SigningKey, digest, password};
use countersign_protocol::{AuthReqId, CIBA_GRANT, Handle, KEY_ROTATION_TYP, Subject};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{
    device_actor::{By, TestDevice, fresh},
    device_upkeep::rotation,
    device_world::{ORIGIN, START, World},
    op_browser::{VERIFIER, between},
    op_registration::{OPEN, polling},
    op_world::{PASSWORD, SECRET, basic, encode, shop},
};

/// What is issued or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    IdToken,
    AppIdToken,
    AccessToken,
    RefreshToken,
    Code,
    AuthReqId,
    Handle,
    ClientAssertion,
    ClientSecret,
    SignedRequest,
    AuthorizationRequest,
    Proof,
    DeviceProof,
    DeviceRequest,
    Decision,
    KeyProof,
    KeyRotation,
    DeviceAccess,
    DeviceSession,
    SignInState,
    SignInCookie,
    NotificationToken,
    RegistrationToken,
}

pub const KINDS: [Kind; 23] = [
    Kind::IdToken,
    Kind::AppIdToken,
    Kind::AccessToken,
    Kind::RefreshToken,
    Kind::Code,
    Kind::AuthReqId,
    Kind::Handle,
    Kind::ClientAssertion,
    Kind::ClientSecret,
    Kind::SignedRequest,
    Kind::AuthorizationRequest,
    Kind::Proof,
    Kind::DeviceProof,
    Kind::DeviceRequest,
    Kind::Decision,
    Kind::KeyProof,
    Kind::KeyRotation,
    Kind::DeviceAccess,
    Kind::DeviceSession,
    Kind::SignInState,
    Kind::SignInCookie,
    Kind::NotificationToken,
    Kind::RegistrationToken,
];

pub const PERSON: &str = "cara";
/// Authenticates with a secret; the tokens are its own.
pub const STORE: &str = "store";
/// Authenticates with a key.
pub const KEYED: &str = "keyed";
pub const REDIRECT: &str = "https://shop.example/cb";

/// Provider and device API on one store, with a person, their device and two clients.
pub struct Stage {
    pub world: Arc<World>,
    pub device: TestDevice,
    /// A device that is about to be registered.
    pub newcomer: TestDevice,
    /// A client that registered itself, and what it was told.
    pub registered: Value,
    provider: Router,
    key: SigningKey,
    /// The request objects that the device was sent: each is signed anew for each look.
    requests: Mutex<HashMap<String, String>>,
    /// What binds sign-in pages to this browser, once it has one.
    cookie: Mutex<String>,
}

/// What came back: all that readers are judged by.
pub struct Seen {
    pub status: u16,
    pub location: String,
    pub cookie: String,
    pub body: String,
}

impl Seen {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }
}

/// A request that the person has not decided.
pub struct Waiting {
    pub auth_req_id: String,
    pub handle: Handle,
}

impl Stage {
    pub async fn set() -> Self {
        let world = World::new().await;
        let account = Account {
            sub: Subject::new(format!("sub-{PERSON}")),
            username: PERSON.to_owned(),
            name: "Cara".to_owned(),
            attributes: std::collections::BTreeMap::new(),
            password_hash: password::hash(PASSWORD).unwrap(),
            disabled: false,
            created_at: START,
        };
        world.storage.add_account(NewAccount { account }).await.unwrap();
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let keyed = Client {
            auth_method: ClientAuthMethod::PrivateKeyJwt,
            secret_sha256: None,
            jwks: Some(json!({"keys": [key.public_jwk()]})),
            ..shop(KEYED)
        };
        let mut store = Client {
            jwks: keyed.jwks.clone(),
            ..shop(STORE)
        };
        store.requests.signing_alg = Some(Algorithm::Es256.to_string());
        for client in [store, keyed] {
            world.storage.add_client(client).await.unwrap();
        }
        let config = Config::from_toml(OPEN).unwrap();
        let provider = Provider::new(Parts {
            config: config.op,
            registration: config.registration,
            issuer: ORIGIN.to_owned(),
            storage: world.storage.clone(),
            keys: world.keys.clone(),
            clock: world.clock.clone(),
            random: Arc::new(OsRandom),
            trigger: Arc::new(Embedded::new(world.consent.clone())),
            wakes: Wakes::new(),
            outbound: Outbound::new(&config.outbound, Arc::new(SystemLookup)).unwrap(),
            mutual_tls: None,
        });
        let provider = op_routes(Arc::new(provider));
        let body = Body::from(polling("Till").to_string());
        let register = Request::post("/register")
            .header("content-type", "application/json")
            .body(body);
        let registered = provider.clone().oneshot(register.unwrap()).await.unwrap();
        let registered = registered.into_body().collect().await.unwrap().to_bytes();
        Self {
            registered: serde_json::from_slice(&registered).unwrap(),
            device: TestDevice::registered(&world, PERSON).await,
            newcomer: TestDevice::stranger(&world),
            provider,
            key,
            requests: Mutex::default(),
            cookie: Mutex::default(),
            world,
        }
    }

    /// Asks the provider.
    pub async fn ask(&self, request: Request<Body>) -> Seen {
        let response = self.provider.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let header = |name| {
            parts
                .headers
                .get(name)
                .map_or("", |value| value.to_str().unwrap())
                .to_owned()
        };
        Seen {
            status: parts.status.as_u16(),
            location: header("location"),
            cookie: header("set-cookie").split(';').next().unwrap().to_owned(),
            body: String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap(),
        }
    }

    pub async fn post(&self, path: &str, headers: &[(&str, &str)], form: &[(&str, &str)]) -> Seen {
        let mut request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.ask(request.body(Body::from(encode(form))).unwrap()).await
    }

    /// A form of the store.
    pub async fn as_store(&self, path: &str, form: &[(&str, &str)]) -> Seen {
        self.post(path, &[("authorization", &basic(STORE, SECRET))], form).await
    }

    /// A request that waits for the person.
    pub async fn waiting(&self) -> Waiting {
        let form = [("scope", "openid offline_access"), ("login_hint", PERSON)];
        let answer = self.as_store("/bc-authorize", &form).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let auth_req_id = answer.json()["auth_req_id"].as_str().unwrap().to_owned();
        let handle = handle_of(&AuthReqId::new(auth_req_id.as_str()));
        Waiting { auth_req_id, handle }
    }

    async fn approved(&self) -> String {
        let waiting = self.waiting().await;
        assert_eq!(self.device.approve(&waiting.handle).await.status, 200);
        waiting.auth_req_id
    }

    async fn tokens(&self) -> Value {
        let id = self.approved().await;
        let form = [("grant_type", CIBA_GRANT), ("auth_req_id", id.as_str())];
        self.as_store("/token", &form).await.json()
    }

    /// The sign-in page: what its form carries, and the cookie that binds it to the browser.
    pub async fn page(&self) -> (String, String) {
        let query = [
            ("client_id", STORE),
            ("redirect_uri", REDIRECT),
            ("response_type", "code"),
            ("scope", "openid"),
            ("code_challenge", &digest::sha256_b64(VERIFIER)),
            ("code_challenge_method", "S256"),
        ];
        let own = self.cookie.lock().unwrap().clone();
        let get = Request::get(format!("/authorize?{}", encode(&query))).header("cookie", own);
        let page = self.ask(get.body(Body::empty()).unwrap()).await;
        let state = between(&page.body, "name=\"request\" value=\"", "\"").to_owned();
        self.cookie.lock().unwrap().clone_from(&page.cookie);
        (state, page.cookie)
    }

    pub async fn sign_in(&self, state: &str, cookie: &str) -> Seen {
        let form = [("request", state), ("username", PERSON), ("password", PASSWORD)];
        self.post("/sign-in", &[("cookie", cookie)], &form).await
    }

    /// The request object that the device has of `waiting`.
    pub async fn request(&self, waiting: &Waiting) -> String {
        let known = self.requests.lock().unwrap().get(waiting.handle.as_str()).cloned();
        if let Some(known) = known {
            return known;
        }
        let request = self.device.request_object(&waiting.handle).await;
        let mut requests = self.requests.lock().unwrap();
        requests.insert(waiting.handle.to_string(), request.clone());
        request
    }

    /// A decision about `waiting`, over these bytes.
    pub fn decision(&self, waiting: &Waiting, request: &str) -> String {
        let claims = self.device.decision(&waiting.handle, request, "approve");
        self.device.sign_decision(&claims, By::Uv)
    }

    /// A fresh, good token of `kind`. Those about a request are about `waiting`.
    pub async fn make(&self, kind: Kind, waiting: &Waiting) -> String {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let now = self.world.clock.now_seconds();
        let common = json!({"iss": KEYED, "aud": ORIGIN, "iat": now, "nbf": now, "exp": now + 60, "jti": fresh()});
        let with = |more: Value| {
            let mut claims = common.clone();
            claims
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            claims
        };
        match kind {
            Kind::IdToken => text(&self.tokens().await["id_token"]),
            Kind::AppIdToken => text(&self.newcomer.registration(PERSON)["id_token_hint"]),
            Kind::AccessToken => text(&self.tokens().await["access_token"]),
            Kind::RefreshToken => text(&self.tokens().await["refresh_token"]),
            Kind::Code => {
                let (state, cookie) = self.page().await;
                let back = self.sign_in(&state, &cookie).await;
                crate::op_browser::parameter(&back.location, "code").unwrap()
            }
            Kind::AuthReqId => self.approved().await,
            Kind::Handle => waiting.handle.to_string(),
            Kind::ClientAssertion => self.key.sign("JWT", &with(json!({"sub": KEYED}))).unwrap(),
            Kind::ClientSecret => SECRET.to_owned(),
            Kind::SignedRequest => {
                let claims = with(json!({"iss": STORE, "scope": "openid", "login_hint": PERSON}));
                self.key.sign("JWT", &claims).unwrap()
            }
            Kind::AuthorizationRequest => {
                let claims = with(json!({
                    "client_id": KEYED, "redirect_uri": REDIRECT, "response_type": "code", "scope": "openid",
                    "code_challenge": digest::sha256_b64(VERIFIER), "code_challenge_method": "S256",
                }));
                self.key.sign("oauth-authz-req+jwt", &claims).unwrap()
            }
            Kind::Proof => {
                let claims = json!({"htm": "POST", "htu": format!("{ORIGIN}/token"), "iat": now, "jti": fresh()});
                self.key.sign_with_jwk("dpop+jwt", &claims).unwrap()
            }
            Kind::DeviceProof => {
                let claims = self
                    .device
                    .proof_claims("GET", "/ad/v1/requests", Some(&self.device.token));
                self.device.prove(&claims)
            }
            Kind::DeviceRequest => self.request(waiting).await,
            Kind::Decision => self.decision(waiting, &self.request(waiting).await),
            Kind::KeyProof => self.newcomer.key_proof(&self.newcomer.uv),
            Kind::KeyRotation => {
                let new = [(); 2].map(|()| SigningKey::generate(Algorithm::Es256).unwrap());
                let statement = rotation(&self.device, &new[0], &new[1]);
                self.device.pop.sign(KEY_ROTATION_TYP, &statement).unwrap()
            }
            Kind::DeviceAccess => self.device.token.clone(),
            Kind::DeviceSession => self.device.session.clone(),
            Kind::SignInState => self.page().await.0,
            Kind::SignInCookie => self.page().await.1.split_once('=').unwrap().1.to_owned(),
            Kind::NotificationToken => fresh(),
            Kind::RegistrationToken => text(&self.registered["registration_access_token"]),
        }
    }
}
