//! Nodes come and go while people approve, and nobody has to begin again who keeps to the protocol.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use countersign_clock::{Clock as _, Millis, SystemClock};
use countersign_e2e::{
    Device, NotificationEndpoint, Person, RawDevice, RelyingParty, Says, Started, eventually,
    fleet::{Fleet, Signals},
    raw_device::random_text,
    stage::refusal,
};
use countersign_protocol::{CIBA_GRANT, Verdict};
use reqwest::StatusCode;

use crate::nodes::{HELD, PATIENCE, handle_of};

const PEOPLE: [&str; 3] = ["anna", "ben", "cleo"];
/// How long a node that takes a debt has it for itself.
const LEASE: Millis = 20_000;
/// What a node may take to find a debt whose lease is over, and to call.
const TAKING_OVER: Millis = 3_000;

/// Begins a request. A connection that fails and an answer that says "later" are tried again; the newer request takes the place of the older one.
async fn begin(shop: &RelyingParty, person: &str) -> Started {
    let form = [("login_hint", person), ("scope", "openid profile payment")];
    eventually("a request to be acknowledged", PATIENCE, async || {
        let (status, body) = shop.try_post("backchannel_authentication_endpoint", &form).await?;
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return None;
        }
        assert_eq!(status, StatusCode::OK, "{body}");
        Some(Started {
            auth_req_id: body["auth_req_id"].as_str().expect("an id").to_owned(),
            expires_in: body["expires_in"].as_u64().expect("a time"),
            interval: body["interval"].as_u64().expect("an interval"),
            binding_code: None,
        })
    })
    .await
}

/// Polls at the interval until there are tokens. A connection that fails and an answer that says "later" are polls like others.
async fn redeem(shop: &RelyingParty, started: &Started) {
    let form = [("grant_type", CIBA_GRANT), ("auth_req_id", &started.auth_req_id)];
    let over = Instant::now() + PATIENCE;
    let mut interval = Duration::from_secs(started.interval);
    loop {
        let sent = Instant::now();
        match shop.try_post("token_endpoint", &form).await {
            Some((StatusCode::OK, _)) => return,
            None | Some((StatusCode::SERVICE_UNAVAILABLE, _)) => {}
            Some((_, body)) if body["error"] == "authorization_pending" => {}
            Some((_, body)) if body["error"] == "slow_down" => interval += Duration::from_secs(5),
            Some((status, body)) => panic!("an approved request brings tokens: {status} {body}"),
        }
        assert!(Instant::now() < over, "an approved request brings tokens in time");
        tokio::time::sleep_until((sent + interval).into()).await;
    }
}

/// One person's grants, one after the other, until it is enough.
async fn grants(
    shop: RelyingParty,
    person: &'static str,
    phone: Device,
    enough: Arc<AtomicBool>,
    done: Arc<AtomicU32>,
) {
    let mut own = 0;
    while own < 4 || !enough.load(Ordering::Relaxed) {
        let started = begin(&shop, person).await;
        let redeemed = redeem(&shop, &started);
        let decided = async {
            let handle = handle_of(&started);
            phone.wait_for(&handle).await;
            phone.approve(&handle, None).await;
        };
        tokio::join!(redeemed, decided);
        own += 1;
        done.fetch_add(1, Ordering::Relaxed);
        assert!(own < 200, "the load has an end");
    }
}

async fn several(done: &AtomicU32, more: u32) {
    let before = done.load(Ordering::Relaxed);
    eventually("grants to go on", PATIENCE, async || {
        (done.load(Ordering::Relaxed) >= before + more).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_rolling_restart_under_load_fails_no_grant() {
    let mut fleet = Fleet::start(3, Signals::Told, HELD).await;
    let shop = RelyingParty::add(&fleet.nodes[0], "shop", &[]).await;
    let (enough, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let mut people = tokio::task::JoinSet::new();
    for name in PEOPLE {
        let person = Person::add(&fleet.nodes[0], name);
        let phone = Device::pair(&fleet.nodes[0], &person, "a phone").await;
        people.spawn(grants(shop.clone(), name, phone, enough.clone(), done.clone()));
    }
    several(&done, 3).await;
    for node in &mut fleet.nodes {
        let ended = tokio::task::block_in_place(|| node.stop());
        assert_eq!(ended.code(), Some(0), "an orderly end");
        several(&done, 4).await;
        tokio::task::block_in_place(|| node.restart());
        several(&done, 4).await;
    }
    enough.store(true, Ordering::Relaxed);
    while let Some(ended) = people.join_next().await {
        ended.expect("nobody fails");
    }
    let granted = fleet.query("select count(*) from auth_requests where state = 'redeemed'");
    println!(
        "{} grants over the restarts, {granted} redeemed",
        done.load(Ordering::Relaxed)
    );
    assert!(done.load(Ordering::Relaxed) >= 25, "the load was worth its name");
}

/// A node that is killed takes nothing with it: what it began is listed, approved and redeemed on the others, and its devices find them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_killed_node_began_is_finished_by_the_others() {
    let mut fleet = Fleet::start(2, Signals::Told, HELD).await;
    let shop = RelyingParty::add(&fleet.nodes[0], "shop", &[]).await;
    let mut phones = Vec::new();
    // Streams go to the nodes in turn, so some are on the one that dies.
    for name in PEOPLE {
        let person = Person::add(&fleet.nodes[0], name);
        phones.push(Device::pair(&fleet.nodes[0], &person, "a phone").await);
    }
    let dying = shop.clone().by_way_of(&fleet.address(0));
    let mut begun = Vec::new();
    for name in PEOPLE {
        begun.push(dying.start(&[("login_hint", name)]).await);
    }
    let held = tokio::spawn({
        let (dying, id) = (dying.clone(), begun[0].auth_req_id.clone());
        let form = [("grant_type", CIBA_GRANT.to_owned()), ("auth_req_id", id)];
        async move {
            let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
            dying.try_post("token_endpoint", &form).await
        }
    });
    let approved = phones[2].wait_for(&handle_of(&begun[2])).await;
    phones[2].approve(&approved.handle, None).await;
    fleet.nodes[0].kill();
    let lost = held.await.expect("the client goes on");
    assert!(
        lost.is_none_or(|(_, body)| body["error"] == "authorization_pending"),
        "a held poll of a dead node brings nothing"
    );
    for (phone, started) in phones.iter().zip(&begun).take(2) {
        let handle = handle_of(started);
        phone.wait_for(&handle).await;
        phone.approve(&handle, None).await;
    }
    for started in &begun {
        redeem(&shop, started).await;
    }
    // A new request reaches every phone, whichever node its stream was on.
    for (phone, name) in phones.iter().zip(PEOPLE) {
        let started = begin(&shop, name).await;
        phone.wait_for(&handle_of(&started)).await;
    }
}

/// A node that is killed in the middle of a call leaves the debt under its lease. Another one leaves it alone for as long, and pays it then.
/// The client hears of it once from each of the two and no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_ping_that_a_killed_node_owed_is_paid_by_another_when_the_lease_is_over() {
    let endpoint = NotificationEndpoint::start(&[Says::Nothing]);
    let config = format!("[op]\ninterval = 1\n{}", endpoint.allowed());
    let mut fleet = Fleet::start(2, Signals::Told, &config).await;
    let anna = Person::add(&fleet.nodes[0], "anna");
    let delivery = ["--delivery-mode", "ping", "--notification-endpoint", &endpoint.url()];
    let shop = RelyingParty::add(&fleet.nodes[0], "shop", &delivery).await;
    let phone = RawDevice::register(&fleet.nodes[0], &anna, "Anna's phone").await;
    // Whoever is alone is the one that takes the debt.
    tokio::task::block_in_place(|| fleet.nodes[1].stop());

    let token = random_text();
    let started = shop
        .start(&[("login_hint", "anna"), ("client_notification_token", &token)])
        .await;
    let pending = phone.pending().await.remove(0);
    let decision = phone.decision(&pending, Verdict::Approve, None);
    let before = SystemClock.now();
    let (status, body) = phone.submit(&pending.handle, &decision).await;
    assert_eq!(status, StatusCode::OK, "the decision is taken: {body}");
    let first = endpoint.heard(1).await.remove(0);
    fleet.nodes[0].kill();
    let over = fleet.query("select due_at from outbox where state = 'owed' and lease is not null and attempt = 1");
    let over: Millis = over
        .parse()
        .expect("the node died in the middle of its try, and the debt is under its lease");
    assert!(
        (before + LEASE..=first.at + LEASE).contains(&over),
        "the lease began between the decision and the call"
    );

    tokio::task::block_in_place(|| fleet.nodes[1].restart());
    let ready = SystemClock.now();
    assert!(
        ready + 2_000 < over,
        "the other node looks often before the lease is over"
    );
    let second = endpoint.heard(2).await.remove(1);
    println!(
        "called {} ms after the lease, which the other node watched for {} ms",
        second.at - over,
        over - ready
    );
    assert!(second.at >= over, "a lease holds, whether its node lives or not");
    assert!(
        second.at <= over + TAKING_OVER,
        "and not for longer: {} ms",
        second.at - over
    );
    eventually("the debt to be paid", PATIENCE, async || {
        let paid = fleet.query("select count(*) from outbox where state = 'done' and attempt = 2");
        (paid == "1").then_some(())
    })
    .await;
    let tokens = shop.poll(&started.auth_req_id).await;
    assert!(tokens.is_ok(), "R-163: the result is there: {}", refusal(tokens));
    let again = refusal(shop.poll(&started.auth_req_id).await);
    assert_eq!(again, "invalid_grant", "R-167: once");
    let calls = endpoint.calls();
    assert_eq!(calls.len(), 2, "one call by each node that took the debt");
    for call in calls {
        call.is_ping(&token, &started.auth_req_id);
    }
}
