//! Provider and device API on one store, where every kind of token is made and presented.

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
use countersign_protocol::{AuthReqId, CIBA_GRANT, Handle, Subject};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{
    device_actor::{By, TestDevice, fresh},
    device_world::{ORIGIN, START, World},
    op_browser::{VERIFIER, between},
    op_registration::{OPEN, polling},
    op_world::{PASSWORD, SECRET, basic, encode, shop},
};

pub const PERSON: &str = "cara";
/// Authenticates with a secret; the tokens are its own.
pub const STORE: &str = "store";
/// Authenticates with a key.
pub const KEYED: &str = "keyed";
/// As the store, but its access tokens are JWTs.
pub const READER: &str = "reader";
pub const HINTS: &str = "https://hints.example";
pub const REDIRECT: &str = "https://shop.example/cb";

/// Provider and device API on one store, with a person, their device and two clients.
pub struct Stage {
    pub world: Arc<World>,
    pub device: TestDevice,
    /// A device that is about to be registered.
    pub newcomer: TestDevice,
    /// A client that registered itself, and what it was told.
    pub registered: Value,
    /// An approved request of the store that nobody has redeemed.
    pub unredeemed: String,
    /// An access token that belongs to the key.
    pub bound: String,
    provider: Router,
    /// The key of whoever signs anything: no signature is refused because of another key.
    pub key: SigningKey,
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
        store.authorization.object_alg = Some(Algorithm::Es256.to_string());
        let mut reader = shop(READER);
        reader.tokens.access_token_alg = Some(Algorithm::Es256.to_string());
        for client in [store, keyed, reader] {
            world.storage.add_client(client).await.unwrap();
        }
        let config = Config::from_toml(&trusting(&key)).unwrap();
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
        let mut stage = Self {
            registered: serde_json::from_slice(&registered).unwrap(),
            device: TestDevice::registered(&world, PERSON).await,
            newcomer: TestDevice::stranger(&world),
            unredeemed: String::new(),
            bound: String::new(),
            provider,
            key,
            requests: Mutex::default(),
            cookie: Mutex::default(),
            world,
        };
        let id = stage.approved(STORE).await;
        stage.bound = text(&stage.redeem(&id, &stage.proof("/token", None)).await.json()["access_token"]);
        stage.unredeemed = stage.approved(STORE).await;
        stage
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

    /// A form of a client with the secret of all clients.
    pub async fn as_client(&self, client: &str, path: &str, form: &[(&str, &str)]) -> Seen {
        self.post(path, &[("authorization", &basic(client, SECRET))], form)
            .await
    }

    pub async fn as_store(&self, path: &str, form: &[(&str, &str)]) -> Seen {
        self.as_client(STORE, path, form).await
    }

    /// Redeems a request of the store, with a proof beside it.
    pub async fn redeem(&self, id: &str, proof: &str) -> Seen {
        let headers = [("authorization", &*basic(STORE, SECRET)), ("dpop", proof)];
        let form = [("grant_type", CIBA_GRANT), ("auth_req_id", id)];
        self.post("/token", &headers, &form).await
    }

    /// A proof for a POST to `path`, with or without an access token.
    pub fn proof(&self, path: &str, token: Option<&str>) -> String {
        let now = self.world.clock.now_seconds();
        let mut claims = json!({"htm": "POST", "htu": format!("{ORIGIN}{path}"), "iat": now, "jti": fresh()});
        if let Some(token) = token {
            claims["ath"] = digest::sha256_b64(token).into();
        }
        self.key.sign_with_jwk("dpop+jwt", &claims).unwrap()
    }

    /// A request that waits for the person.
    pub async fn waiting(&self) -> Waiting {
        self.waiting_for(STORE).await
    }

    async fn waiting_for(&self, client: &str) -> Waiting {
        let form = [("scope", "openid offline_access"), ("login_hint", PERSON)];
        let answer = self.as_client(client, "/bc-authorize", &form).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let auth_req_id = answer.json()["auth_req_id"].as_str().unwrap().to_owned();
        let handle = handle_of(&AuthReqId::new(auth_req_id.as_str()));
        Waiting { auth_req_id, handle }
    }

    pub async fn approved(&self, client: &str) -> String {
        let waiting = self.waiting_for(client).await;
        assert_eq!(self.device.approve(&waiting.handle).await.status, 200);
        waiting.auth_req_id
    }

    /// A token of `client`.
    pub async fn token(&self, client: &str, name: &str) -> String {
        let id = self.approved(client).await;
        let form = [("grant_type", CIBA_GRANT), ("auth_req_id", id.as_str())];
        text(&self.as_client(client, "/token", &form).await.json()[name])
    }

    /// The sign-in page: what its form carries, and the cookie that binds it to the browser.
    pub async fn page(&self) -> (String, String) {
        let query = authorization();
        let query: Vec<_> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
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
}

/// An authorization request of the store.
pub fn authorization() -> [(&'static str, String); 6] {
    [
        ("client_id", STORE.to_owned()),
        ("redirect_uri", REDIRECT.to_owned()),
        ("response_type", "code".to_owned()),
        ("scope", "openid".to_owned()),
        ("code_challenge", digest::sha256_b64(VERIFIER)),
        ("code_challenge_method", "S256".to_owned()),
    ]
}

/// Everybody may register, and whoever has `key` may say who is meant.
fn trusting(key: &SigningKey) -> String {
    let jwk = json!(key.public_jwk());
    let members = jwk.as_object().unwrap().iter();
    let members: Vec<String> = members.map(|(name, value)| format!("{name} = {value}")).collect();
    let keys = members.join(", ");
    format!("{OPEN}\n[[op.login_hint_token_issuers]]\nissuer = \"{HINTS}\"\njwks = {{ keys = [{{ {keys} }}] }}\n")
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
