//! A provider and a device API in process, with a person, a client and a key.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, Request},
    middleware,
};
use countersign::{
    config::Config,
    connectors::Embedded,
    consent::{self, Consent},
    devices::{self, DeviceRegistry},
    domain::{Account, Client, ClientAuthMethod, GrantType, NewAccount},
    http::{DeviceApi, behind_proxy, device_routes, op_routes},
    issuers::Issuers,
    keys::KeyRing,
    op::{self, Provider},
    outbound::{Outbound, SystemLookup},
    storage::{Accounts as _, Clients as _, Role, SqliteStorage},
    wakes::Wakes,
};
use countersign_clock::{ManualClock, OsRandom};
use countersign_jose::{Algorithm, SigningKey, b64, digest, seal::SealingKey};
use countersign_protocol::Subject;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

/// The issuer, and the origin of the device API.
pub const ISSUER: &str = "http://127.0.0.1:8480";
/// The reader's time, milliseconds.
pub const NOW: i64 = 1_795_261_206_000;
/// Where the client may be sent back to.
pub const REDIRECTS: [&str; 3] = [
    "https://shop.example/cb",
    "http://127.0.0.1/callback",
    "https://shop.example/cb?a=1",
];
/// Nothing is limited: whoever is sent away reads nothing.
const CONFIG: &str = "[op]\nunknown_hints = 0\n[registration]\nmode = \"open\"\nper_hour = 100000\nmax_clients = 1000000\nallow_look_alikes = true";
const SECRET: &str = "a-secret-of-the-shop-0123456789";

/// What targets call.
pub struct Server {
    runtime: Runtime,
    router: Router,
    /// The key of the clients.
    pub key: SigningKey,
    _folder: TempDir,
}

/// What came back.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The OAuth error, or an empty string.
    pub fn error(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["error"].as_str().unwrap_or_default().to_owned()
    }
}

/// The one server of this process.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start)
}

impl Server {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime starts");
        // In memory where there is such a place: what is stored is worth nothing, and a disk that is waited for costs most of the time.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let folder = folder.expect("there is room for a folder");
        let key = SigningKey::generate(Algorithm::Es256).expect("a key");
        let router = runtime.block_on(router(&folder, &key));
        Self {
            runtime,
            router,
            key,
            _folder: folder,
        }
    }

    /// The answer to `request`. None of them may blame the server.
    pub fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.expect("a router answers");
            let (parts, body) = response.into_parts();
            (parts, body.collect().await.expect("a body ends").to_bytes())
        });
        assert!(!parts.status.is_server_error(), "{}: {:?}", parts.status, body);
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    /// A form of the shop, already encoded.
    pub fn form(&self, path: &str, form: impl Into<Body>) -> Answer {
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", basic());
        self.send(request.body(form.into()).expect("a request"))
    }

    /// A form of the shop.
    pub fn pairs(&self, path: &str, pairs: &[(&str, &str)]) -> Answer {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        self.form(path, form)
    }
}

/// How the shop authenticates.
pub fn basic() -> String {
    let text = b64::encode(format!("shop:{SECRET}"));
    let padding = "=".repeat((4 - text.len() % 4) % 4);
    format!("Basic {}{padding}", text.replace('-', "+").replace('_', "/"))
}

async fn router(folder: &TempDir, key: &SigningKey) -> Router {
    let config = Config::from_toml(CONFIG).expect("a configuration");
    let store = SqliteStorage::open(&folder.path().join("db"), Role::Server).expect("a store");
    let storage = Arc::new(store);
    let clock = Arc::new(ManualClock::at(NOW));
    let keys = KeyRing::open(
        storage.clone(),
        clock.clone(),
        SealingKey::new([7; 32]),
        ISSUER.to_owned(),
    );
    let keys = Arc::new(keys.await.expect("keys"));
    let wakes = Wakes::new();
    let outbound = Outbound::to_providers(&config.outbound).expect("a way to providers");
    let issuers = Arc::new(Issuers::new(&config.connectors, outbound, clock.clone()));
    let consent = Arc::new(Consent::new(consent::Parts {
        config: config.consent.clone(),
        origin: ISSUER.to_owned(),
        issuer: ISSUER.to_owned(),
        titles: BTreeMap::new(),
        storage: storage.clone(),
        keys: keys.clone(),
        clock: clock.clone(),
        wakes: wakes.clone(),
        owed: Arc::default(),
    }));
    let registry = Arc::new(DeviceRegistry::new(devices::Parts {
        config: config.devices.clone(),
        origin: ISSUER.to_owned(),
        issuer: ISSUER.to_owned(),
        issuers: issuers.clone(),
        embedded: true,
        storage: storage.clone(),
        keys: keys.clone(),
        clock: clock.clone(),
        random: Arc::new(OsRandom),
        several_nodes: false,
        user_codes: config.op.user_code,
    }));
    let provider = Provider::new(op::Parts {
        config: config.op.clone(),
        registration: config.registration.clone(),
        mutual_tls: None,
        issuer: ISSUER.to_owned(),
        storage: storage.clone(),
        keys,
        clock,
        random: Arc::new(OsRandom),
        trigger: Arc::new(Embedded::new(consent.clone())),
        wakes,
        outbound: Outbound::new(&config.outbound, Arc::new(SystemLookup)).expect("a way out"),
    });
    fill(&storage, key).await;
    let devices = device_routes(DeviceApi {
        registry,
        consent,
        backend: ISSUER.to_owned(),
        issuer: ISSUER.to_owned(),
        issuers,
        embedded: true,
        heartbeat_seconds: config.devices.heartbeat_seconds,
    });
    let proxy = SocketAddr::from(([127, 0, 0, 1], 4711));
    op_routes(Arc::new(provider))
        .merge(devices)
        .layer(middleware::from_fn(behind_proxy))
        .layer(axum::Extension(ConnectInfo(proxy)))
}

async fn fill(storage: &SqliteStorage, key: &SigningKey) {
    let account = Account {
        sub: Subject::new("sub-anna"),
        username: "anna".to_owned(),
        name: "Anna".to_owned(),
        attributes: BTreeMap::from([("email".to_owned(), "anna@mail.example".to_owned())]),
        password_hash: String::new(),
        disabled: false,
        created_at: NOW,
    };
    storage.add_account(NewAccount { account }).await.expect("a person");
    let hash = digest::sha256(SECRET)
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let shop = Client {
        secret_sha256: Some(hash),
        jwks: Some(json!({"keys": [key.public_jwk()]})),
        redirect_uris: REDIRECTS.map(str::to_owned).into(),
        grant_types: vec![GrantType::Ciba, GrantType::AuthorizationCode, GrantType::RefreshToken],
        scopes: vec!["profile".to_owned()],
        ..Client::new("shop", "Shop", NOW)
    };
    let mut shop = shop;
    shop.requests.signing_alg = Some("ES256".to_owned());
    let keyed = Client {
        auth_method: ClientAuthMethod::PrivateKeyJwt,
        secret_sha256: None,
        ..Client {
            id: "keyed".into(),
            ..shop.clone()
        }
    };
    for client in [shop, keyed] {
        storage.add_client(client).await.expect("a client");
    }
}
