//! A provider that calls, and a client that is called.

use std::sync::Arc;

use countersign::{
    config::Config,
    domain::{Arrears, Client, DeadDebt},
    jobs::OutboxWorker,
    op::Delivery,
    outbound::{Outbound, SystemLookup},
    storage::Outbox as _,
};
use countersign_clock::{Clock as _, OsRandom};
use countersign_protocol::{AuthReqId, CIBA_GRANT};
use tokio::{sync::oneshot, task::JoinHandle};

use crate::{
    no_connectors,
    op_receiver::{Receiver, Says, eventually},
    op_world::{Answer, World},
};

pub const TOKEN: &str = "8d67dc78-7faa-4d41-aabd-67707b374255";
pub const LOOPBACK: &str = "[outbound]\nallow = [\"127.0.0.1/32\"]\n";

/// A provider, its worker, and a client with an endpoint.
pub struct Calling {
    pub world: World,
    pub receiver: Receiver,
    pub stop: Option<oneshot::Sender<()>>,
    pub working: JoinHandle<()>,
    client: String,
}

impl Calling {
    /// `client` has its endpoint at the address that it is given, where `script` is answered.
    pub async fn with(client: impl FnOnce(&str) -> Client, script: &[Says], config: &str) -> Self {
        let world = World::with(config).await;
        let receiver = Receiver::start(script).await;
        let client = client(&receiver.endpoint);
        let id = client.id.as_str().to_owned();
        world.add_client(client).await;
        let (stop, working) = work(&world, config);
        Self {
            world,
            receiver,
            stop: Some(stop),
            working,
            client: id,
        }
    }

    /// What the client gets when it asks for Anna.
    pub async fn answer(&self, scope: &str) -> Answer {
        let form = [
            ("scope", scope),
            ("login_hint", "anna"),
            ("client_notification_token", TOKEN),
        ];
        self.world.post_as(&self.client, "/bc-authorize", &form).await
    }

    pub async fn ask(&self) -> AuthReqId {
        let answer = self.answer("openid").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        AuthReqId::new(answer.json()["auth_req_id"].as_str().unwrap())
    }

    /// A request that is approved.
    pub async fn approved(&self) -> AuthReqId {
        let auth_req_id = self.ask().await;
        self.world.approve().await;
        auth_req_id
    }

    pub async fn arrears(&self) -> Arrears {
        self.world.storage.arrears().await.unwrap()
    }

    /// Waits until nothing is owed, moving the clock so that waits between tries are over.
    pub async fn paid(&self) {
        for _ in 0..6000 {
            if self.arrears().await.debts == 0 {
                return;
            }
            self.world.clock.advance(20);
            // As the jobs of a server do.
            let now = self.world.clock.now();
            self.world.storage.sweep_debts(0, now, 10).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        panic!("waited in vain for the debts: {:?}", self.arrears().await);
    }

    /// Waits until a try is written down as failed with `error`: the wait for the next one is counted from then, by the worker's clock.
    pub async fn failed(&self, error: &str) {
        eventually("the try to be settled", || {
            self.world.stored().iter().any(|row| row.contains(error))
        })
        .await;
    }

    pub async fn dead(&self) -> Vec<DeadDebt> {
        self.world.storage.dead_debts(10).await.unwrap()
    }

    pub async fn poll(&self, auth_req_id: &AuthReqId) -> Answer {
        let form = [("grant_type", CIBA_GRANT), ("auth_req_id", auth_req_id.expose())];
        self.world.post_as(&self.client, "/token", &form).await
    }

    /// Whether this token of the client is good.
    pub async fn active(&self, token: &str) -> bool {
        let form = [("token", token)];
        let answer = self.world.post_as(&self.client, "/introspect", &form).await;
        answer.json()["active"].as_bool().unwrap()
    }
}

/// A worker for this provider, and how it is told to stop.
pub fn work(world: &World, config: &str) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let config = Config::from_toml(config).unwrap();
    let outbound = Outbound::new(&config.outbound, Arc::new(SystemLookup)).unwrap();
    let worker = OutboxWorker {
        storage: world.storage.clone(),
        connectors: no_connectors::of(world, &config),
        upstreams: no_connectors::to_ask(world, &config),
        delivery: Arc::new(Delivery::new(world.provider.clone(), outbound)),
        clock: world.clock.clone(),
        random: Arc::new(OsRandom),
        owed: Arc::default(),
    };
    let (stop, told) = oneshot::channel();
    let working = tokio::spawn(worker.run(async {
        told.await.ok();
    }));
    (stop, working)
}
