//! A backend with its device API, a person to ask and a client that asks.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode},
};
use countersign::{
    config::Config,
    connectors::{self, Connectors, Embedded},
    consent::{self, Consent},
    devices::{self, DeviceRegistry},
    domain::{
        APP_CLIENT_ID, Account, AccountKey, AuthRequestId, Client, GrantType, KeyPurpose, Matching, NewAccount,
        NewAuthRequest, RequestExtras,
    },
    http::{DeviceApi, connector_routes, device_routes},
    issuers::Issuers,
    keys::KeyRing,
    op::{AuthenticationDeviceTrigger as _, Triggered, handle_of},
    outbound::Outbound,
    storage::{Accounts as _, AuthRequests as _, Clients as _, Role, SqliteStorage},
    wakes::Wakes,
};
use countersign_clock::{Clock as _, ManualClock, OsRandom};
use countersign_jose::{Algorithm, digest, password, seal::SealingKey};
use countersign_protocol::{AuthReqId, ClientShown, Handle, ScopeShown, Subject};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::stored;

pub const ORIGIN: &str = "http://127.0.0.1:8480";
/// 2026-11-21 11:40:06 UTC.
pub const START: i64 = 1_795_261_206_000;

pub struct World {
    pub clock: Arc<ManualClock>,
    pub storage: Arc<SqliteStorage>,
    pub keys: Arc<KeyRing>,
    pub consent: Arc<Consent>,
    pub connectors: Arc<Connectors>,
    pub router: Router,
    asked: AtomicU32,
    folder: TempDir,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn field(&self) -> String {
        self.json()["field"].as_str().unwrap_or_default().to_owned()
    }

    /// Status and code in one, as tables compare them.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) {
        let got = (self.status.as_u16(), self.code());
        assert_eq!(
            got,
            (status, code.to_owned()),
            "{}",
            String::from_utf8_lossy(&self.body)
        );
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.headers["cache-control"], "no-store");
    }
}

/// What a backend in process is built of.
struct Node<'a> {
    config: &'a Config,
    storage: &'a Arc<SqliteStorage>,
    keys: &'a Arc<KeyRing>,
    clock: &'a Arc<ManualClock>,
    wakes: &'a Arc<Wakes>,
    several_nodes: bool,
}

impl Node<'_> {
    fn build(&self) -> (Arc<Consent>, Arc<Connectors>, Router) {
        let outbound = Outbound::to_providers(&self.config.outbound).unwrap();
        let issuers = Arc::new(Issuers::new(
            &self.config.connectors,
            outbound.clone(),
            self.clock.clone(),
        ));
        let registry = Arc::new(DeviceRegistry::new(devices::Parts {
            config: self.config.devices.clone(),
            origin: ORIGIN.to_owned(),
            issuer: ORIGIN.to_owned(),
            embedded: self.config.op.enabled,
            issuers: issuers.clone(),
            storage: self.storage.clone(),
            keys: self.keys.clone(),
            clock: self.clock.clone(),
            random: Arc::new(OsRandom),
            several_nodes: self.several_nodes,
            user_codes: self.config.op.user_code,
        }));
        let consent = Arc::new(Consent::new(consent::Parts {
            config: self.config.consent.clone(),
            origin: ORIGIN.to_owned(),
            issuer: ORIGIN.to_owned(),
            titles: issuers.titles(),
            storage: self.storage.clone(),
            keys: self.keys.clone(),
            clock: self.clock.clone(),
            wakes: self.wakes.clone(),
            owed: Arc::default(),
        }));
        let connectors = Arc::new(
            Connectors::new(connectors::Parts {
                config: self.config.connectors.clone(),
                report_seconds: self.config.op.report_seconds,
                message_length: self.config.op.binding_message_length,
                details_types: self.config.op.authorization_details.clone(),
                consent: consent.clone(),
                issuers: issuers.clone(),
                keys: self.keys.clone(),
                outbound,
                storage: self.storage.clone(),
                clock: self.clock.clone(),
            })
            .unwrap(),
        );
        let router = device_routes(DeviceApi {
            registry,
            consent: consent.clone(),
            backend: ORIGIN.to_owned(),
            issuer: ORIGIN.to_owned(),
            embedded: self.config.op.enabled,
            issuers,
            heartbeat_seconds: self.config.devices.heartbeat_seconds,
        });
        let router = router.merge(connector_routes(connectors.clone()));
        (consent, connectors, router)
    }
}

impl World {
    pub async fn new() -> Arc<Self> {
        Self::with("").await
    }

    pub async fn with(toml: &str) -> Arc<Self> {
        let config = Config::from_toml(toml).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let storage = Arc::new(SqliteStorage::open(&folder.path().join("test.db"), Role::Server).unwrap());
        let clock = Arc::new(ManualClock::at(START));
        let sealing = SealingKey::new([7; 32]);
        let keys = KeyRing::open(storage.clone(), clock.clone(), sealing, ORIGIN.to_owned());
        let keys = Arc::new(keys.await.unwrap());
        let wakes = Wakes::new();
        let node = Node {
            config: &config,
            storage: &storage,
            keys: &keys,
            clock: &clock,
            wakes: &wakes,
            several_nodes: false,
        };
        let (consent, connectors, router) = node.build();
        let world = Arc::new(Self {
            clock,
            storage,
            keys,
            consent,
            connectors,
            router,
            asked: AtomicU32::new(0),
            folder,
        });
        for name in ["anna", "ben"] {
            world.add_person(name).await;
        }
        world.add_client("shop").await;
        world
    }

    /// Where everything is stored.
    pub fn database(&self) -> PathBuf {
        self.folder.path().join("test.db")
    }

    /// Everything that is stored, row by row, as text.
    pub fn stored(&self) -> Vec<String> {
        stored::rows(&self.database())
    }

    /// One node among several that share the world's store and keys.
    pub fn node(&self) -> Router {
        let node = Node {
            config: &Config::from_toml("").unwrap(),
            storage: &self.storage,
            keys: &self.keys,
            clock: &self.clock,
            wakes: &Wakes::among_nodes(),
            several_nodes: true,
        };
        node.build().2
    }

    async fn add_person(&self, name: &str) {
        let account = Account {
            sub: Subject::new(format!("sub-{name}")),
            username: name.to_owned(),
            name: format!("{name} Example"),
            attributes: BTreeMap::new(),
            password_hash: password::hash(&format!("the password of {name}")).unwrap(),
            disabled: false,
            created_at: START,
        };
        self.storage.add_account(NewAccount { account }).await.unwrap();
    }

    pub async fn add_client(&self, id: &str) {
        let client = Client {
            grant_types: vec![GrantType::Ciba],
            scopes: vec!["openid".to_owned(), "payment".to_owned()],
            ..Client::new(id, format!("The {id}"), START)
        };
        self.storage.add_client(client).await.unwrap();
    }

    pub fn account(name: &str) -> AccountKey {
        AccountKey {
            iss: ORIGIN.to_owned(),
            sub: Subject::new(format!("sub-{name}")),
        }
    }

    pub fn show(message: &str) -> Matching {
        Matching::Show {
            message: Some(message.to_owned()),
        }
    }

    pub fn typed(code: &str) -> Matching {
        Matching::Type { code: code.to_owned() }
    }

    /// The client `shop` asks this person; two minutes to decide.
    pub async fn ask(&self, person: &str, matching: Matching) -> Handle {
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        self.ask_as("shop", person, matching, &format!("auth-req-{number}"))
            .await
    }

    pub async fn ask_as(&self, client: &str, person: &str, matching: Matching, auth_req_id: &str) -> Handle {
        self.ask_for(self.triggered(client, person, matching, auth_req_id))
            .await
    }

    pub async fn ask_for(&self, triggered: Triggered) -> Handle {
        let handle = triggered.handle.clone();
        let embedded = Embedded::new(self.consent.clone());
        embedded.trigger_authentication_device(triggered).await.unwrap();
        handle
    }

    /// What the provider hands over.
    pub fn triggered(&self, client: &str, person: &str, matching: Matching, auth_req_id: &str) -> Triggered {
        let (now, handle) = (self.clock.now(), handle_of(&AuthReqId::new(auth_req_id)));
        let account = Self::account(person);
        Triggered {
            handle,
            request: NewAuthRequest {
                id: AuthRequestId(digest::sha256(auth_req_id)),
                client_id: client.into(),
                sub: account.sub.clone(),
                scope: "openid payment".to_owned(),
                created_at: now,
                expires_at: now + 120_000,
                readable_until: now + 180_000,
                interval: 5,
                extras: RequestExtras::default(),
                owed: None,
            },
            account,
            client: ClientShown {
                id: client.into(),
                name: format!("The {client}"),
                uri: None,
            },
            scopes: vec![ScopeShown {
                name: "payment".to_owned(),
                text: "Make the payment described here".to_owned(),
            }],
            details: None,
            matching,
            acr_values: None,
            needs_user_verification: false,
            context: None,
            now,
        }
    }

    /// The embedded provider's side of a request made by [`World::ask_as`].
    pub async fn auth_request(&self, auth_req_id: &str) -> countersign::domain::AuthRequest {
        let id = AuthRequestId(digest::sha256(auth_req_id));
        self.storage.find_auth_request(id).await.unwrap().unwrap()
    }

    /// Claims of an ID token of a sign-in just now.
    pub fn id_token_claims(&self, person: &str, nonce: &str) -> Value {
        let now = self.clock.now_seconds();
        json!({
            "iss": ORIGIN, "sub": format!("sub-{person}"), "aud": APP_CLIENT_ID, "iat": now, "exp": now + 600,
            "auth_time": now, "nonce": nonce,
        })
    }

    pub fn sign_id_token(&self, claims: &Value) -> String {
        let key = self.keys.signer(KeyPurpose::IdToken(Algorithm::Es256)).unwrap();
        key.sign("JWT", claims).unwrap()
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes().to_vec(),
        }
    }
}
