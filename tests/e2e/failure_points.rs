//! The server dies at each step of a grant, comes back, and the usual repetitions heal what was lost.

use std::{fs, time::Duration};

use countersign_e2e::{
    Backend, BackendOptions, RawDevice, Stage,
    backend::FAILPOINT,
    eventually, program,
    soak::{
        CONFIG, Store,
        calls::{Deciding, Question, World},
        checker,
        history::{RedeemAnswer, RequestHistory},
        ledger,
        load::Cast,
    },
    stage::refusal,
};
use countersign_postgres_cluster::Cluster;
use countersign_protocol::Verdict;
use reqwest::StatusCode;
use serde_json::Value;
use tokio::sync::watch;

const PATIENCE: Duration = Duration::from_secs(30);

/// What a death at a point leaves behind.
struct Death {
    point: &'static str,
    /// A request that nobody knows how to redeem, because its acknowledgement was lost: it waits on the device until somebody denies it.
    orphan: bool,
    /// Whether the client has its tokens in the end, or knows that it has to ask the person again.
    tokens: bool,
}

const fn death(point: &'static str, orphan: bool, tokens: bool) -> Death {
    Death { point, orphan, tokens }
}

/// The first commit of a grant opens it, the second one decides it, the third one redeems it.
const DEATHS: [Death; 14] = [
    death("Open:1", false, true),
    death("CommitBefore:1", false, true),
    death("CommitAfter:1", true, true),
    death("Wake:1", true, true),
    death("Woken:1", true, true),
    death("Decide:1", false, true),
    death("Complete:1", false, true),
    death("CommitBefore:2", false, true),
    death("CommitAfter:2", false, true),
    death("Wake:2", false, true),
    death("Woken:2", false, true),
    death("Redeem:1", false, true),
    death("CommitBefore:3", false, true),
    death("CommitAfter:3", false, false),
];

fn breakable() -> BackendOptions {
    BackendOptions {
        failpoints: true,
        ..BackendOptions::with(CONFIG)
    }
}

/// R-167, S-022, S-029: whatever was acknowledged holds, nothing is doubled, and a repetition gets through.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_grant_in_a_file_survives_the_servers_death_at_every_step() {
    die_at_every_step(Store::Sqlite).await;
}

/// R-167, S-022, S-029: the same promises.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_grant_in_a_database_server_survives_the_servers_death_at_every_step() {
    die_at_every_step(Store::Postgres).await;
}

async fn die_at_every_step(store: Store) {
    let cluster = store.start();
    let mut backend = Backend::start(&BackendOptions {
        database_url: cluster.as_ref().map(Cluster::database),
        ..breakable()
    });
    let cast = Cast::gather(&backend, 0).await;
    let (up, is_up) = watch::channel(true);
    let world = World::new(is_up);
    for Death { point, orphan, tokens } in DEATHS {
        backend.kill();
        backend.fail_at(Some(&format!("{point}:abort")));
        backend.restart();
        let (question, ()) = tokio::join!(grant(&world, &cast), come_back(&mut backend, &up, point));
        let mut histories = [question.history()];
        ledger::tell(&world, &cast, &mut histories).await;
        let [history] = histories;
        if let Err(violation) = checker::check(&history) {
            panic!("dead at {point}: {violation}");
        }
        assert!(redeemed(&history), "dead at {point}: the approval is used: {history}");
        assert_eq!(history.tokens(), tokens, "dead at {point}: {history}");
        let phone = &cast.people[0].devices[0];
        let waiting = phone.pending().await;
        assert_eq!(
            waiting.len(),
            usize::from(orphan),
            "dead at {point}: a commit is all or nothing"
        );
        for pending in waiting {
            let denial = phone.decision(&pending, Verdict::Deny, None);
            let (status, body) = phone.submit(&pending.handle, &denial).await;
            assert_eq!(
                status,
                StatusCode::OK,
                "dead at {point}: an orphan can be denied: {body}"
            );
        }
    }
    assert_eq!(
        world.surprises(),
        Vec::<String>::new(),
        "every answer is one that a sound server gives"
    );
}

fn redeemed(history: &RequestHistory) -> bool {
    history.told.as_ref().is_some_and(|told| told.redeemed)
}

/// One grant, by a client and a device that repeat what was not answered.
async fn grant(world: &World, cast: &Cast) -> Question {
    let (person, client) = (&cast.people[0], &cast.clients[0]);
    let [phone, _] = &person.devices;
    let question = loop {
        if let Some(question) = world.open(client, &person.name, 60).await {
            break question;
        }
    };
    let pending = world.look(phone, &question).await.expect("it waits");
    let approve = Deciding {
        verdict: Verdict::Approve,
        not_before: 0,
        perseveres: true,
    };
    world.decide(&question, phone, &pending, approve).await;
    while world.redeem(&question, client).await.0 == RedeemAnswer::Unknown {}
    question
}

/// Waits until the server is dead and starts it again, sound this time.
async fn come_back(backend: &mut Backend, up: &watch::Sender<bool>, point: &str) {
    eventually(&format!("the death at {point}"), PATIENCE, || {
        let dead = backend.has_ended();
        async move { dead.then_some(()) }
    })
    .await;
    up.send_replace(false);
    backend.kill();
    backend.fail_at(None);
    tokio::task::block_in_place(|| backend.restart());
    up.send_replace(true);
}

/// A decision on its way when the server is held up at `point`; returns once it is held up.
async fn held_up(stage: &mut Stage, point: &str) -> (String, RawDecision) {
    stage.backend.kill();
    stage.backend.fail_at(Some(&format!("{point}:stall")));
    stage.backend.restart();
    let started = stage.ask(&[]).await;
    let pending = stage.waiting().await;
    let decision = stage.phone.decision(&pending, Verdict::Approve, None);
    let url = format!("{}/ad/v1/requests/{}/decision", stage.backend.origin, pending.handle);
    let sent = countersign_e2e::http().post(&url).json(&decision);
    let unanswered = tokio::spawn(countersign_e2e::raw_device::try_answered(sent));
    eventually("the server to be held up", PATIENCE, async || {
        stage.backend.log().contains("the process fails here").then_some(())
    })
    .await;
    let repeat = countersign_e2e::http().post(&url).json(&decision);
    (started.auth_req_id, RawDecision { unanswered, repeat })
}

struct RawDecision {
    unanswered: tokio::task::JoinHandle<Option<(StatusCode, Value)>>,
    repeat: reqwest::RequestBuilder,
}

impl RawDecision {
    /// The power fails; the device sends the same again afterwards.
    async fn after_a_power_cut(self, stage: &mut Stage) -> (StatusCode, Value) {
        stage.backend.kill();
        let answer = self.unanswered.await.expect("sending does not panic");
        assert_eq!(answer, None, "nobody was told anything");
        stage.backend.fail_at(None);
        stage.backend.restart();
        countersign_e2e::raw_device::answered(self.repeat).await
    }
}

/// S-029: what is on disk counts, whether the device heard of it or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_approval_that_is_on_disk_is_redeemable_before_its_device_is_answered() {
    let mut stage = Stage::with(&breakable()).await;
    let (auth_req_id, decision) = held_up(&mut stage, "Wake:2").await;
    let tokens = stage.shop.poll(&auth_req_id).await;
    assert!(tokens.is_ok(), "it is on disk");
    let (status, body) = decision.after_a_power_cut(&mut stage).await;
    assert_eq!(
        (status, body["state"].as_str()),
        (StatusCode::OK, Some("approved")),
        "S-029"
    );
    let again = refusal(stage.shop.poll(&auth_req_id).await);
    assert_eq!(again, "invalid_grant", "R-167: tokens exactly once");
}

/// S-029: nobody hears of what is not on disk, and the client cannot use it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_approval_that_is_not_on_disk_is_not_answered_and_not_redeemable() {
    let mut stage = Stage::with(&breakable()).await;
    let (auth_req_id, decision) = held_up(&mut stage, "CommitBefore:2").await;
    let early = refusal(stage.shop.poll(&auth_req_id).await);
    assert_eq!(early, "authorization_pending", "S-029: it is not on disk");
    let (status, body) = decision.after_a_power_cut(&mut stage).await;
    assert_eq!(
        (status, body["state"].as_str()),
        (StatusCode::OK, Some("approved")),
        "S-029"
    );
    assert!(
        stage.shop.poll(&auth_req_id).await.is_ok(),
        "the repetition got through"
    );
}

/// S-028: an approval that did not come as far as the store is no decision; the denial beside it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_denial_overtakes_an_approval_that_is_held_up() {
    let mut stage = Stage::with(&breakable()).await;
    let laptop = RawDevice::register(&stage.backend, &stage.person, "Anna's laptop").await;
    let (auth_req_id, decision) = held_up(&mut stage, "Decide:1").await;
    let pending = laptop.pending().await.remove(0);
    let denial = laptop.decision(&pending, Verdict::Deny, None);
    let (status, body) = laptop.submit(&pending.handle, &denial).await;
    assert_eq!(status, StatusCode::OK, "S-028: it is the first: {body}");
    let (status, body) = decision.after_a_power_cut(&mut stage).await;
    assert_eq!(
        (status, body["settled"]["state"].as_str()),
        (StatusCode::CONFLICT, Some("denied")),
        "S-028: the approval comes too late"
    );
    assert_eq!(refusal(stage.shop.poll(&auth_req_id).await), "access_denied", "S-028");
}

/// The program that people install does not know how to fail on demand.
#[test]
fn failure_points_are_in_the_build_for_tests_alone() {
    let knows = |path| {
        let program = fs::read(path).expect("the program can be read");
        program
            .windows(FAILPOINT.len())
            .any(|bytes| bytes == FAILPOINT.as_bytes())
    };
    let breakable = program::build("countersign", "countersign-failpoints", &["failpoints"]);
    assert!(knows(breakable), "the build for tests reads the variable");
    assert!(
        !knows(program::build("countersign", "countersign", &[])),
        "no other build does"
    );
}
