//! What another process does reaches who waits here, although nobody tells this server.

use std::{collections::BTreeMap, pin::pin, sync::Arc, sync::atomic::Ordering, time::Duration};

use countersign::{
    config::Config,
    consent::{self, Consent},
    jobs::Jobs,
    keys::KeyRing,
    storage::{Accounts as _, Clients as _, Devices as _, SqliteStorage},
    wakes::Wakes,
};
use countersign_clock::{Clock as _, ManualClock, OsRandom};
use countersign_jose::Algorithm;
use countersign_protocol::{PromptState, StreamEvent};
use tokio::{task::AbortHandle, time::timeout};

use crate::{
    device_actor::TestDevice,
    device_stream::Listening,
    device_world::{self, ORIGIN},
    op_world,
};

/// Shorter than a heartbeat, at which streams look by themselves.
const BEFORE_A_HEARTBEAT: Duration = Duration::from_secs(12);

/// The jobs of a server; they end with the test.
struct Running(AbortHandle);

impl Running {
    fn start(storage: &Arc<SqliteStorage>, keys: &Arc<KeyRing>, clock: &Arc<ManualClock>, wakes: &Arc<Wakes>) -> Self {
        let config = Config::from_toml("").unwrap();
        let consent = Arc::new(Consent::new(consent::Parts {
            config: config.consent.clone(),
            origin: ORIGIN.to_owned(),
            issuer: ORIGIN.to_owned(),
            titles: BTreeMap::new(),
            storage: storage.clone(),
            keys: keys.clone(),
            clock: clock.clone(),
            wakes: wakes.clone(),
            owed: Arc::default(),
        }));
        let jobs = Jobs {
            consent,
            keys: keys.clone(),
            storage: storage.clone(),
            clock: clock.clone(),
            random: Arc::new(OsRandom),
            wakes: wakes.clone(),
            reread_seconds: config.keys.reread_seconds,
            expire_seconds: config.consent.expire_seconds,
            expire_rows: config.consent.expire_rows,
            history_days: config.consent.history_days,
        };
        Self(tokio::spawn(jobs.run()).abort_handle())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Proves S-053, S-061: what a command beside the server changes reaches an open stream.
#[tokio::test]
async fn an_open_stream_hears_what_another_process_did() {
    let world = device_world::World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let (account, now) = (device_world::World::account("anna"), world.clock.now());
    world.ask("anna", device_world::World::show("W4SCT")).await;
    let mut stream = Listening::open(&device, None).await;
    stream.event().await.unwrap();
    let _jobs = Running::start(&world.storage, &world.keys, &world.clock, world.consent.wakes());

    assert!(world.storage.remove_client(&"shop".into(), now).await.unwrap());
    let heard = timeout(BEFORE_A_HEARTBEAT, stream.event())
        .await
        .expect("S-061")
        .unwrap();
    let Some(StreamEvent::Settled(settled)) = heard.event else {
        panic!("S-061: {heard:?}");
    };
    assert_eq!(settled.settled.state, PromptState::Cancelled, "S-061");

    let id = device.id.as_str().into();
    assert!(world.storage.revoke_device(&account, &id, now).await.unwrap());
    let heard = timeout(BEFORE_A_HEARTBEAT, stream.event()).await.expect("S-053");
    assert!(matches!(heard.unwrap().event, Some(StreamEvent::Removed)), "S-053");

    let other = TestDevice::registered(&world, "ben").await;
    let mut stream = Listening::open(&other, None).await;
    stream.event().await.unwrap();
    world.storage.set_account_disabled("ben", true).await.unwrap();
    let end = timeout(BEFORE_A_HEARTBEAT, stream.event()).await.expect("S-053");
    assert!(end.is_none(), "S-053: a person who is switched off hears nothing more");
}

/// Proves: a decision that another node took is found without its signal.
#[tokio::test]
async fn a_held_poll_hears_what_another_node_took() {
    let world = op_world::World::with("[op]\nlong_poll_seconds = 30").await;
    world.tells.store(false, Ordering::Relaxed);
    let _jobs = Running::start(&world.storage, &world.keys, &world.clock, &world.wakes);
    let id = world.start(&[]).await;
    let mut poll = pin!(world.poll(&id));
    let held = timeout(Duration::from_millis(100), &mut poll).await;
    assert!(held.is_err(), "R-159");
    world.approve().await;
    let answer = timeout(Duration::from_secs(20), poll)
        .await
        .expect("R-165: long before its time");
    assert_eq!(answer.status, 200, "R-165: {}", answer.body);
}

/// Keys that a command rotated are read at once when it says so.
#[tokio::test]
async fn a_signal_lets_the_keys_be_read() {
    let world = op_world::World::new().await;
    let _jobs = Running::start(&world.storage, &world.keys, &world.clock, &world.wakes);
    let elsewhere = KeyRing::open(
        world.storage.clone(),
        world.clock.clone(),
        countersign_jose::seal::SealingKey::new([7; 32]),
        op_world::ISSUER.to_owned(),
    );
    let (elsewhere, purpose) = (
        elsewhere.await.unwrap(),
        countersign::domain::KeyPurpose::IdToken(Algorithm::Es256),
    );
    // The jobs read once when they start; only what comes after it shows the signal.
    timeout(BEFORE_A_HEARTBEAT, async {
        while world.wakes.listened().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the jobs listen");
    elsewhere.rotate(purpose, 600_000).await.unwrap();
    let read = timeout(BEFORE_A_HEARTBEAT, async {
        while world.keys.snapshot().public(&[purpose]).len() < 2 {
            world.wakes.notify(&countersign::wakes::Topic::Keys);
            tokio::task::yield_now().await;
        }
    });
    read.await.expect("the next key is published here, too");
}
