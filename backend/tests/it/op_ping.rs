//! Clients are called when there is a result.

use std::sync::Arc;

use countersign::{
    config::Config,
    domain::{Arrears, DeadDebt},
    jobs::OutboxWorker,
    op::Delivery,
    outbound::{Outbound, SystemLookup},
    storage::{Outbox as _, Prompts as _},
};
use countersign_clock::{Clock as _, OsRandom};
use countersign_protocol::{AuthReqId, CIBA_GRANT};
use tokio::{sync::oneshot, task::JoinHandle};

use crate::{
    op_notification_token::pinged,
    op_receiver::{Receiver, Says, eventually},
    op_world::World,
};

const TOKEN: &str = "8d67dc78-7faa-4d41-aabd-67707b374255";
const LOOPBACK: &str = "[outbound]\nallow = [\"127.0.0.1/32\"]";

/// A provider that calls.
struct Calling {
    world: World,
    receiver: Receiver,
    stop: Option<oneshot::Sender<()>>,
    working: JoinHandle<()>,
}

impl Calling {
    /// A provider whose client answers `script`.
    async fn new(script: &[Says]) -> Self {
        Self::with(script, LOOPBACK).await
    }

    async fn with(script: &[Says], config: &str) -> Self {
        let world = World::new().await;
        let receiver = Receiver::start(script).await;
        world.add_client(pinged("pinged", &receiver.endpoint)).await;
        let (stop, working) = work(&world, config);
        Self {
            world,
            receiver,
            stop: Some(stop),
            working,
        }
    }

    async fn ask(&self) -> AuthReqId {
        let form = [
            ("scope", "openid"),
            ("login_hint", "anna"),
            ("client_notification_token", TOKEN),
        ];
        let answer = self.world.post_as("pinged", "/bc-authorize", &form).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        AuthReqId::new(answer.json()["auth_req_id"].as_str().unwrap())
    }

    /// A request that is approved.
    async fn approved(&self) -> AuthReqId {
        let auth_req_id = self.ask().await;
        self.world.approve().await;
        auth_req_id
    }

    async fn arrears(&self) -> Arrears {
        self.world.storage.arrears().await.unwrap()
    }

    /// Waits until nothing is owed, moving the clock so that waits between tries are over.
    async fn paid(&self) {
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

    async fn dead(&self) -> Vec<DeadDebt> {
        self.world.storage.dead_debts(10).await.unwrap()
    }

    async fn poll(&self, auth_req_id: &AuthReqId) -> crate::op_world::Answer {
        let form = [("grant_type", CIBA_GRANT), ("auth_req_id", auth_req_id.expose())];
        self.world.post_as("pinged", "/token", &form).await
    }
}

/// A worker for this provider, and how it is told to stop.
fn work(world: &World, config: &str) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let config = Config::from_toml(config).unwrap();
    let outbound = Outbound::new(&config.outbound, Arc::new(SystemLookup)).unwrap();
    let worker = OutboxWorker {
        storage: world.storage.clone(),
        delivery: Arc::new(Delivery::new(world.keys.clone(), outbound)),
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

#[tokio::test]
async fn a_client_is_called_once_however_its_request_ended() {
    let calling = Calling::new(&[]).await;
    let approved = calling.ask().await;
    assert_eq!(
        calling.arrears().await,
        Arrears::default(),
        "R-182: nothing before the decision"
    );
    calling.world.approve().await;
    calling.receiver.heard(1).await[0].is_ping(TOKEN, &approved);
    assert_eq!(
        calling.poll(&approved).await.status,
        200,
        "R-163: it fetches the result"
    );

    let denied = calling.ask().await;
    calling.world.deny().await;
    calling.receiver.heard(2).await[1].is_ping(TOKEN, &denied);
    calling.poll(&denied).await.refused(400, "access_denied", "R-181");

    let expired = calling.ask().await;
    calling.world.clock.advance(120_000);
    calling
        .world
        .storage
        .expire_prompts(calling.world.clock.now(), 10)
        .await
        .unwrap();
    calling.receiver.heard(3).await[2].is_ping(TOKEN, &expired);
    calling.poll(&expired).await.refused(400, "expired_token", "R-183");

    calling.paid().await;
    assert_eq!(calling.receiver.calls().len(), 3, "R-181: one call each");
    let left = calling.world.file();
    let sealed_or_gone = |secret: &str| !left.windows(secret.len()).any(|window| window == secret.as_bytes());
    assert!(
        sealed_or_gone(TOKEN) && sealed_or_gone(approved.expose()),
        "nothing in clear"
    );
}

///
#[tokio::test]
async fn a_client_that_is_called_may_poll_too() {
    let calling = Calling::new(&[Says::Status(401)]).await;
    let asked = calling.ask().await;
    calling
        .poll(&asked)
        .await
        .refused(400, "authorization_pending", "R-162");
    calling.poll(&asked).await.refused(400, "slow_down", "R-162");
    calling.world.approve().await;
    assert_eq!(
        calling.poll(&asked).await.status,
        200,
        "R-162: served like a client that polls"
    );
    calling.receiver.heard(1).await[0].is_ping(TOKEN, &asked);
    calling.poll(&asked).await.refused(400, "invalid_grant", "R-167");
}

#[tokio::test]
async fn what_may_pass_is_tried_again_until_the_client_knows() {
    let script = [500, 503, 429, 502].map(Says::Status);
    let calling = Calling::new(&script).await;
    let asked = calling.approved().await;
    calling.paid().await;
    let calls = calling.receiver.calls();
    assert_eq!(calls.len(), 5, "R-154: four times in vain");
    for call in &calls {
        call.is_ping(TOKEN, &asked);
    }
    assert_eq!(calling.dead().await, []);
}

#[tokio::test]
async fn a_client_that_asks_to_be_left_alone_is() {
    let calling = Calling::new(&[Says::Later(503, 30)]).await;
    calling.approved().await;
    calling.receiver.heard(1).await;
    eventually("the try to be settled", || {
        calling.world.stored().iter().any(|row| row.contains("answered 503"))
    })
    .await;
    calling.world.clock.advance(29_000);
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert_eq!(calling.receiver.calls().len(), 1, "R-154: not before 30 s");
    calling.world.clock.advance(1_000);
    calling.receiver.heard(2).await;
}

#[tokio::test]
async fn a_no_is_final_and_redirects_lead_nowhere() {
    let says = [301, 302, 303, 307, 308].map(Says::Elsewhere);
    let says = [&says[..], &[400, 401, 403, 404, 410].map(Says::Status)].concat();
    let calling = Calling::new(&says).await;
    for tries in 1..=says.len() {
        let asked = calling.approved().await;
        calling.receiver.heard(tries).await;
        calling.paid().await;
        assert_eq!(calling.poll(&asked).await.status, 200, "R-154: the result stays");
    }
    let calls = calling.receiver.calls();
    assert_eq!(calls.len(), says.len(), "R-152, R-154, V-004: no second call");
    assert!(
        calls.iter().all(|call| call.path == "/cb?shop=1"),
        "R-152, V-004: nobody went elsewhere"
    );
    let mut recorded: Vec<String> = calling.dead().await.into_iter().map(|dead| dead.error).collect();
    recorded.sort();
    let expected = [301, 302, 303, 307, 308, 400, 401, 403, 404, 410].map(|status| format!("answered {status}"));
    assert_eq!(recorded, expected, "R-154: recorded for an administrator");
}

/// V-043, R-153.
#[tokio::test]
async fn a_body_is_never_waited_for() {
    let calling = Calling::new(&[Says::Endless, Says::Status(200)]).await;
    calling.approved().await;
    calling.paid().await;
    calling.approved().await;
    calling.paid().await;
    assert_eq!(
        calling.receiver.calls().len(),
        2,
        "V-043, R-153: 200 is 200, whatever follows"
    );
    assert_eq!(calling.dead().await, []);
}

/// V-003: what was allowed when the client was registered may not be any more.
#[tokio::test]
async fn an_endpoint_that_must_not_be_called_is_not() {
    let calling = Calling::with(&[], "").await;
    calling.approved().await;
    calling.paid().await;
    let dead = calling.dead().await;
    assert_eq!(dead.len(), 1, "V-003");
    assert!(dead[0].error.contains("must not be called"), "{dead:?}");
    assert!(calling.receiver.calls().is_empty(), "V-003: nobody was called");
}

#[tokio::test]
async fn what_cannot_be_delivered_in_time_is_given_up_on() {
    let calling = Calling::new(&[Says::Status(500); 400]).await;
    calling.approved().await;
    calling.receiver.heard(1).await;
    calling.world.clock.advance(120_000 + 60_000 - 1_000);
    calling.paid().await;
    let dead = calling.dead().await;
    assert_eq!(
        (dead.len(), dead[0].error.as_str()),
        (1, "answered 500"),
        "V-043: not for ever"
    );
}

#[tokio::test]
async fn a_worker_that_stops_finishes_what_it_began_and_begins_nothing() {
    let mut calling = Calling::new(&[Says::WhenTold]).await;
    calling.approved().await;
    calling.receiver.heard(1).await;
    drop(calling.stop.take());
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let late = calling.approved().await;
    calling.receiver.go_on();
    (&mut calling.working).await.unwrap();
    assert_eq!(calling.receiver.calls().len(), 1, "nothing new was begun");
    assert_eq!(
        calling.arrears().await.debts,
        1,
        "what was under way is paid, the other is owed"
    );
    let (_stop, _working) = work(&calling.world, LOOPBACK);
    calling.receiver.heard(2).await[1].is_ping(TOKEN, &late);
}

/// What a dead worker took on is taken over when its lease is over.
#[tokio::test]
async fn a_worker_that_died_is_taken_over() {
    let calling = Calling::new(&[Says::WhenTold]).await;
    let asked = calling.approved().await;
    calling.receiver.heard(1).await;
    calling.working.abort();
    let (_stop, _working) = work(&calling.world, LOOPBACK);
    calling.world.clock.advance(19_000);
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert_eq!(calling.receiver.calls().len(), 1, "its lease holds");
    calling.world.clock.advance(1_000);
    calling.receiver.heard(2).await[1].is_ping(TOKEN, &asked);
    calling.paid().await;
    assert_eq!(
        calling.receiver.calls().len(),
        2,
        "twice, because the first worker died"
    );
}

#[tokio::test]
async fn many_are_told_at_once_and_each_one_once() {
    let calling = Calling::new(&[]).await;
    let mut asked = Vec::new();
    for _ in 0..200 {
        asked.push(calling.approved().await.expose().to_owned());
    }
    calling.paid().await;
    let mut told: Vec<String> = calling
        .receiver
        .calls()
        .iter()
        .map(|call| serde_json::from_str::<serde_json::Value>(&call.body).unwrap())
        .map(|body| body["auth_req_id"].as_str().unwrap().to_owned())
        .collect();
    told.sort();
    asked.sort();
    assert_eq!(told, asked, "R-181: one call each");
}
