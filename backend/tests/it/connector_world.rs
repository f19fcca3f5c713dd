//! A backend to which a realm hands over, and devices of the realm's people.

use std::sync::Arc;

use axum::body::Body;
use countersign::{
    connectors::{Paid, handle_of},
    domain::{ClaimedDebt, Lease, Payment},
    storage::{Claim, Outbox as _, Prompts as _},
};
use countersign_clock::Clock as _;
use countersign_jose::{Algorithm, b64, digest};
use countersign_protocol::{Handle, SettledView};
use serde_json::{Value, json};

use crate::{
    connector_provider::Realm,
    device_actor::{TestDevice, fresh},
    device_world::{Answer, World},
};

pub struct AtRealm {
    pub realm: Realm,
    pub world: Arc<World>,
}

impl AtRealm {
    pub async fn new() -> Self {
        Self::signing(Algorithm::Rs256).await
    }

    pub async fn signing(algorithm: Algorithm) -> Self {
        let realm = Realm::start(algorithm).await;
        let config = format!(
            "[[connectors.keycloak]]\nname = \"acme\"\nissuer = \"{}\"\ntitle = \"Acme\"\n\
             app_client_id = \"countersign-app\"\nclients = {{ shop = \"Acme Shop\" }}\nscopes = {{ profile = \"See your name\" }}\n",
            realm.issuer
        );
        let world = World::with(&config).await;
        Self { realm, world }
    }

    pub fn claims(&self) -> Value {
        self.realm.claims(self.world.clock.now())
    }

    pub async fn hand_over(&self, bearer: &str, body: &Value) -> Answer {
        let request = axum::http::Request::post("/connectors/keycloak/authentication")
            .header("authorization", format!("Bearer {bearer}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()));
        self.world.send(request.unwrap()).await
    }

    /// Anna is asked, as Keycloak asks.
    pub async fn ask(&self) -> Handle {
        let bearer = self.realm.bearer(&self.claims());
        let answer = self.hand_over(&bearer, &body()).await;
        assert_eq!(answer.status, 201, "{}", answer.json());
        handle_of("acme", "request-1")
    }

    /// A device of somebody who signed in at the realm.
    pub async fn device(&self, sub: &str) -> TestDevice {
        let mut device = TestDevice::stranger(&self.world);
        let salt = b64::encode([9; 32]);
        let nonce = digest::sha256_b64(format!("{}.{salt}", device.pop.kid()));
        let mut registration = device.registration("anna");
        registration["id_token_hint"] = json!(self.realm.id_token(sub, &nonce, self.world.clock.now()));
        let answer = device.register(&registration).await;
        assert_eq!(answer.status, 201, "{}", answer.json());
        device.adopt(&answer.json());
        device
    }

    pub async fn claim(&self) -> Vec<ClaimedDebt> {
        let now = self.world.clock.now();
        let claim = Claim {
            lease: Lease(fresh()),
            until: now + 20_000,
            limit: 10,
            now,
        };
        self.world.storage.claim_debts(claim).await.unwrap()
    }

    /// Pays the one debt that is due, once.
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
        prompt.view_at(self.world.clock.now())
    }
}

/// What Keycloak sends.
pub fn body() -> Value {
    json!({
        "scope": "openid profile profile", "binding_message": "W4SCT", "login_hint": "anna", "is_consent_required": false,
        "acr_values": null, "client_secret": "do not log me",
    })
}
