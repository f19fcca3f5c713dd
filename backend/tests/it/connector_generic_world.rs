//! A provider that hands over in signed calls and hears results, a backend that takes them, and devices of the provider's people.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use countersign::{
    connectors::Paid,
    domain::{ClaimedDebt, Lease, Payment},
    storage::{Claim, Outbox as _, Prompts as _},
};
use countersign_clock::{Clock as _, Millis};
use countersign_jose::{Algorithm, b64, digest};
use countersign_protocol::{Handle, SettledView};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::AbortHandle};

use crate::{
    connector_provider::Realm,
    device_actor::{TestDevice, fresh},
    device_world::{Answer, World},
};

/// Another connector of the same backend, with a secret of its own.
pub const OTHER: &str = "other";

/// What the provider heard.
#[derive(Debug, Clone)]
pub struct Heard {
    pub headers: HeaderMap,
    pub body: String,
}

#[derive(Default)]
struct Memory {
    heard: Vec<Heard>,
    /// Statuses with which it answers, the last one for good.
    says: Vec<u16>,
}

pub struct AtProvider {
    pub world: Arc<World>,
    pub key: [u8; 32],
    pub other_key: [u8; 32],
    realm: Realm,
    memory: Arc<Mutex<Memory>>,
    serving: AbortHandle,
}

/// The headers that sign a call.
#[derive(Debug, Clone)]
pub struct Signed {
    pub id: String,
    pub timestamp: String,
    pub signature: String,
}

impl AtProvider {
    pub async fn new() -> Self {
        Self::with("").await
    }

    pub async fn with(config: &str) -> Self {
        let realm = Realm::start(Algorithm::Es256).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let callback = format!("http://{}/countersign/callback", listener.local_addr().unwrap());
        let memory = Arc::new(Mutex::new(Memory::default()));
        let router = Router::new()
            .route("/countersign/callback", post(hear))
            .with_state(memory.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        let folder = tempfile::tempdir().unwrap();
        let (key, other_key) = (digest::sha256(fresh()), digest::sha256(fresh()));
        let mut config = config.to_owned();
        for (name, key, issuer) in [
            ("acme", key, realm.issuer.as_str()),
            (OTHER, other_key, "https://other.example"),
        ] {
            let secret = folder.path().join(name).display().to_string();
            std::fs::write(&secret, format!("whsec_{}\n", b64::encode_padded(key))).unwrap();
            write!(
                config,
                "\n[[connectors.generic]]\nname = \"{name}\"\nissuer = \"{issuer}\"\ntitle = \"Acme\"\n\
                 app_client_id = \"countersign-app\"\nclients = {{ bank = \"Acme Bank\" }}\n\
                 scopes = {{ profile = \"See your name\" }}\nsecret_file = {secret:?}\ncallback_url = \"{callback}\"\n"
            )
            .unwrap();
        }
        let world = World::with(&config).await;
        Self {
            world,
            key,
            other_key,
            realm,
            memory,
            serving: serving.abort_handle(),
        }
    }

    pub fn now(&self) -> Millis {
        self.world.clock.now()
    }

    /// A request for Anna that waits two minutes.
    pub fn request(&self) -> Value {
        json!({
            "id": "request-1",
            "sub": "anna-uuid",
            "client": { "id": "shop", "name": "Demo Shop" },
            "scope": "openid profile",
            "binding_message": "W4SCT",
            "expires_at": self.now() + 120_000,
        })
    }

    pub fn signed(&self, body: &str) -> Signed {
        self.signed_as(&format!("msg_{}", fresh()), body)
    }

    pub fn signed_as(&self, id: &str, body: &str) -> Signed {
        sign(&self.key, id, self.now() / 1000, body)
    }

    pub async fn hand_over(&self, body: &Value) -> Answer {
        let body = body.to_string();
        let signed = self.signed(&body);
        self.send("acme", &signed, &body).await
    }

    /// Hands over to the connector `name`, signed like that.
    pub async fn send(&self, name: &str, signed: &Signed, body: &str) -> Answer {
        let request = axum::http::Request::post(format!("/connectors/{name}/requests"))
            .header("content-type", "application/json")
            .header("webhook-id", &signed.id)
            .header("webhook-timestamp", &signed.timestamp)
            .header("webhook-signature", &signed.signature)
            .body(Body::from(body.to_owned()));
        self.world.send(request.unwrap()).await
    }

    /// Hands over a request that has to be taken in.
    pub async fn ask(&self, body: &Value) -> Handle {
        let answer = self.hand_over(body).await;
        assert_eq!(answer.status, 201, "{}", answer.json());
        answer.json()["handle"].as_str().unwrap().into()
    }

    /// A device of somebody who signed in at the provider.
    pub async fn device(&self, sub: &str) -> TestDevice {
        let mut device = TestDevice::stranger(&self.world);
        let salt = b64::encode([9; 32]);
        let nonce = digest::sha256_b64(format!("{}.{salt}", device.pop.kid()));
        let mut registration = device.registration("anna");
        registration["id_token_hint"] = json!(self.realm.id_token(sub, &nonce, self.now()));
        let answer = device.register(&registration).await;
        assert_eq!(answer.status, 201, "{}", answer.json());
        device.adopt(&answer.json());
        device
    }

    /// The issuer of its people.
    pub fn issuer(&self) -> &str {
        &self.realm.issuer
    }

    /// Answers with these from now on, one after the other, the last one for good.
    pub fn says(&self, statuses: &[u16]) {
        self.memory.lock().unwrap().says = statuses.to_vec();
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.memory.lock().unwrap().heard.clone()
    }

    /// The bodies that it heard.
    pub fn results(&self) -> Vec<Value> {
        let bodies = self.heard().into_iter();
        bodies.map(|heard| serde_json::from_str(&heard.body).unwrap()).collect()
    }

    pub async fn claim(&self) -> Vec<ClaimedDebt> {
        let now = self.now();
        let claim = Claim {
            lease: Lease(fresh()),
            until: now + 20_000,
            limit: 10,
            now,
        };
        self.world.storage.claim_debts(claim).await.unwrap()
    }

    /// Pays the one debt that is due, once; what failed is due again a second later.
    pub async fn pay(&self) -> Payment {
        let [debt] = &self.claim().await[..] else {
            panic!("one debt is due");
        };
        match self.world.connectors.pay(debt, |now| now + 1000).await.unwrap() {
            Paid::Recorded(payment) => payment,
            Paid::Lost => panic!("the debt is this worker's"),
        }
    }

    pub async fn settled(&self, handle: &Handle) -> SettledView {
        let prompt = self.world.storage.find_prompt(handle).await.unwrap().unwrap();
        prompt.view_at(self.now())
    }

    /// How many requests wait for whoever has `device`.
    pub async fn waiting(&self, device: &TestDevice) -> usize {
        let listed = device.call("GET", "/ad/v1/requests", None).await.json();
        listed["requests"].as_array().unwrap().len()
    }

    /// The claims that `device` shows of a request.
    pub async fn shown(&self, device: &TestDevice, handle: &Handle) -> Value {
        let object = device.request_object(handle).await;
        let claims = b64::decode(object.split('.').nth(1).unwrap()).unwrap();
        serde_json::from_slice(&claims).unwrap()
    }
}

impl Drop for AtProvider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// As Standard Webhooks says, written out once more.
pub fn sign(key: &[u8], id: &str, seconds: i64, body: &str) -> Signed {
    let tag = digest::hmac_sha256(key, format!("{id}.{seconds}.{body}").as_bytes());
    Signed {
        id: id.to_owned(),
        timestamp: seconds.to_string(),
        signature: format!("v1,{}", b64::encode_padded(tag)),
    }
}

async fn hear(State(memory): State<Arc<Mutex<Memory>>>, request: Request) -> StatusCode {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let mut memory = memory.lock().unwrap();
    memory.heard.push(Heard {
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    let status = if memory.says.len() > 1 {
        memory.says.remove(0)
    } else {
        memory.says.first().copied().unwrap_or(204)
    };
    StatusCode::from_u16(status).unwrap()
}
