//! A provider in process, with a person, clients, and a trigger that remembers what it was given.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use countersign::{
    config::Config,
    domain::{
        Account, AccountKey, Acr, Amr, Approval, Client, Decision, DeviceKeys, GrantType, NewAccount, NewDevice,
        SignedReceipt, TokenHash,
    },
    http::op_routes,
    keys::KeyRing,
    op::{MutualTls, Parts, Provider},
    outbound::{Outbound, SystemLookup},
    storage::{Accounts as _, Clients as _, Decide, Decided, Devices as _, Prompts as _, Role, SqliteStorage},
    wakes::{Topic, Wakes},
};
use countersign_clock::{Clock as _, ManualClock, Millis, OsRandom, Random as _};
use countersign_jose::{b64, digest, password, seal::SealingKey};
use countersign_protocol::{
    CIBA_GRANT, DenyReason, DeviceId, KeyLevel, Platform, PublicJwk, PushTarget, Subject, UvMethod,
};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::{op_trigger::RecordingTrigger, stored};

pub const ISSUER: &str = "http://127.0.0.1:8480";
/// 2026-11-21 11:40:06 UTC.
pub const START: i64 = 1_795_261_206_000;
pub const PASSWORD: &str = "correct horse anna";
pub const SECRET: &str = "a-secret-of-the-shop-0123456789";
pub const DEVICE: &str = "device-1";

pub struct World {
    pub clock: Arc<ManualClock>,
    pub storage: Arc<SqliteStorage>,
    pub keys: Arc<KeyRing>,
    pub trigger: Arc<RecordingTrigger>,
    pub wakes: Arc<Wakes>,
    pub provider: Arc<Provider>,
    /// Whether decisions are told to who waits for them, as they are on the node that takes them.
    pub tells: AtomicBool,
    pub router: Router,
    folder: tempfile::TempDir,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    pub fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// A refusal: its status and code, in a body that has nothing it must not have.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str, why: &str) {
        assert_eq!(
            (self.status.as_u16(), self.error().as_str()),
            (status, code),
            "{why}: {}",
            self.body
        );
        let body = self.json();
        let members: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(members, ["error", "error_description"], "R-129, R-130: {why}");
        let description = body["error_description"].as_str().unwrap();
        let allowed = |c: char| matches!(c, ' ' | '!' | '#'..='[' | ']'..='~');
        assert!(description.chars().all(allowed), "R-128: {description}");
        assert_eq!(self.header(header::CACHE_CONTROL), "no-store", "R-170: {why}");
        assert_eq!(self.header(header::CONTENT_TYPE), "application/json", "R-127: {why}");
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with("").await
    }

    pub async fn with(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let storage = Arc::new(SqliteStorage::open(&folder.path().join("db"), Role::Server).unwrap());
        let clock = Arc::new(ManualClock::at(START));
        let sealing = SealingKey::new([7; 32]);
        let keys = KeyRing::open(storage.clone(), clock.clone(), sealing, ISSUER.to_owned());
        let keys = Arc::new(keys.await.unwrap());
        let trigger = Arc::new(RecordingTrigger {
            storage: storage.clone(),
            clock: clock.clone(),
            seen: std::sync::Mutex::default(),
        });
        let wakes = Wakes::new();
        let config = Config::from_toml(config).unwrap();
        let provider = Provider::new(Parts {
            config: config.op,
            registration: config.registration,
            issuer: ISSUER.to_owned(),
            storage: storage.clone(),
            keys: keys.clone(),
            clock: clock.clone(),
            random: Arc::new(OsRandom),
            trigger: trigger.clone(),
            wakes: wakes.clone(),
            outbound: Outbound::new(&config.outbound, Arc::new(SystemLookup)).unwrap(),
            mutual_tls: MutualTls::open(&config.mtls).unwrap(),
        });
        let provider = Arc::new(provider);
        let world = Self {
            clock,
            storage,
            keys,
            trigger,
            wakes,
            provider: provider.clone(),
            tells: AtomicBool::new(true),
            router: op_routes(provider),
            folder,
        };
        world.add_person("anna").await;
        world.add_client(shop("shop")).await;
        world
    }

    pub async fn add_person(&self, username: &str) {
        let account = Account {
            sub: Subject::new(format!("sub-{username}")),
            username: username.to_owned(),
            name: format!("{username} Example"),
            attributes: BTreeMap::from([
                ("email".to_owned(), format!("{username}@mail.example")),
                ("phone".to_owned(), format!("+49{username}")),
            ]),
            password_hash: password::hash(PASSWORD).unwrap(),
            disabled: false,
            created_at: START,
        };
        self.storage.add_account(NewAccount { account }).await.unwrap();
    }

    pub async fn add_client(&self, client: Client) {
        self.storage.add_client(client).await.unwrap();
    }

    /// Everything that is stored, row by row, as text: to see that a refusal changed nothing.
    pub fn stored(&self) -> Vec<String> {
        stored::rows(&self.folder.path().join("db"))
    }

    /// The bytes of the database, what is not yet in its place included.
    pub fn file(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        files
            .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .collect()
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// A form with these headers.
    pub async fn form(&self, path: &str, headers: &[(&str, &str)], form: &[(&str, &str)]) -> Answer {
        let mut request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(encode(form))).unwrap()).await
    }

    /// A form of a client with the secret of all clients.
    pub async fn post_as(&self, client: &str, path: &str, form: &[(&str, &str)]) -> Answer {
        self.form(path, &[("authorization", &basic(client, SECRET))], form)
            .await
    }

    /// A form of the shop.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.post_as("shop", path, form).await
    }

    /// An acknowledged request for Anna.
    pub async fn start(&self, more: &[(&str, &str)]) -> String {
        let form = [&[("scope", "openid profile"), ("login_hint", "anna")], more].concat();
        let answer = self.post("/bc-authorize", &form).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["auth_req_id"].as_str().unwrap().to_owned()
    }

    pub async fn poll(&self, auth_req_id: &str) -> Answer {
        self.post("/token", &[("grant_type", CIBA_GRANT), ("auth_req_id", auth_req_id)])
            .await
    }

    /// Records a decision on the last request, as the consent service does after it verified one.
    pub async fn decide(&self, decision: Decision) {
        let decided = self.decide_at(decision, self.clock.now()).await;
        assert!(matches!(decided, Decided::Recorded(_)), "{decided:?}");
    }

    /// A decision that arrived at `now` and reaches the store just now.
    pub async fn decide_at(&self, decision: Decision, now: Millis) -> Decided {
        let account = anna();
        let new = NewDevice {
            id: DeviceId::new(DEVICE),
            account: account.clone(),
            name: "phone".to_owned(),
            keys: Some(device_keys()),
            push: PushTarget::Stream,
            now: self.clock.now(),
        };
        let _registered = self.storage.register_device(new).await.unwrap();
        let handle = self.trigger.seen.lock().unwrap().last().unwrap().handle.clone();
        let decide = Decide {
            handle: handle.clone(),
            account,
            device_id: DeviceId::new(DEVICE),
            key_thumbprint: "uv".to_owned(),
            jti: unique(),
            decision,
            receipt: SignedReceipt {
                request: "r".to_owned(),
                decision: "d".to_owned(),
                device_key: "{}".to_owned(),
                request_key: "{}".to_owned(),
                at: now,
            },
            now,
        };
        let decided = self.storage.decide(decide).await.unwrap();
        if self.tells.load(Ordering::Relaxed) {
            self.wakes.notify(&Topic::Request(handle));
        }
        decided
    }

    pub async fn approve(&self) {
        self.decide(Decision::Approve(Approval {
            auth_time: self.clock.now_seconds(),
            amr: vec![Amr::Swk, Amr::Pin],
            acr: Acr(Acr::DEVICE_VERIFIED.to_owned()),
            device_id: Some(DeviceId::new(DEVICE)),
        }))
        .await;
    }

    pub async fn deny(&self) {
        self.decide(Decision::Deny(DenyReason::ChangedMind)).await;
    }
}

fn device_keys() -> DeviceKeys {
    DeviceKeys {
        pop: PublicJwk(json!({})),
        pop_thumbprint: "pop".to_owned(),
        uv: PublicJwk(json!({})),
        uv_thumbprint: "uv".to_owned(),
        level: KeyLevel::Software,
        uv_method: UvMethod::Pin,
        platform: Platform::Linux,
        app_version: "1".to_owned(),
        session: TokenHash([1; 32]),
    }
}

/// A confidential client that may do everything.
pub fn shop(id: &str) -> Client {
    Client {
        uri: Some("https://shop.example/".to_owned()),
        secret_sha256: Some(digest::sha256_hex(SECRET)),
        redirect_uris: vec!["https://shop.example/cb".to_owned()],
        grant_types: vec![GrantType::Ciba, GrantType::AuthorizationCode, GrantType::RefreshToken],
        scopes: ["profile", "email", "phone", "payment", "offline_access"]
            .map(str::to_owned)
            .into(),
        ..Client::new(id, "Demo Shop", START)
    }
}

pub fn anna() -> AccountKey {
    AccountKey {
        iss: ISSUER.to_owned(),
        sub: Subject::new("sub-anna"),
    }
}

pub fn encode(form: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish()
}

/// The header of HTTP Basic.
pub fn basic(id: &str, secret: &str) -> String {
    let url_safe = b64::encode(format!("{}:{}", encode_one(id), encode_one(secret)));
    let padding = "=".repeat((4 - url_safe.len() % 4) % 4);
    format!("Basic {}{padding}", url_safe.replace('-', "+").replace('_', "/"))
}

fn encode_one(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

pub fn unique() -> String {
    let mut bytes = [0; 16];
    OsRandom.fill(&mut bytes);
    b64::encode(bytes)
}

/// Claims of a token, unverified.
pub fn claims(token: &str) -> Value {
    serde_json::from_slice(&b64::decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}
