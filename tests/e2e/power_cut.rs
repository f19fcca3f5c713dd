//! The power fails while people decide: what was answered is true afterwards, and nothing else is.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use countersign_clock::{OsRandom, Random, SeededRandom};
use countersign_e2e::{Backend, BackendOptions, Person, RawDevice, RelyingParty, stage::refusal};
use countersign_protocol::{DecisionRequest, Handle, Verdict};
use reqwest::StatusCode;
use tokio::{sync::Barrier, task::JoinSet};

const GRANTS: usize = 200;
const PEOPLE: usize = 4;
/// The power fails when this many decisions are answered at the latest.
const LATEST_CUT: u64 = 60;
const FEWEST_IN_FLIGHT: usize = 50;
const CONFIG: &str = "[op]\ninterval = 1\nexpires_in = 300\n[consent]\nsupersede = false\n";

/// What is known about a grant when the power is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// The person was told so.
    Answered(Verdict),
    /// The decision was on its way: it may have arrived or not.
    InFlight(Verdict),
    /// Nobody decided.
    Undecided,
}

struct Grant {
    auth_req_id: String,
    device: Arc<RawDevice>,
    handle: Handle,
    decision: Option<(Verdict, DecisionRequest)>,
}

/// Two hundred grants, a quarter of them never decided, the others approved or denied at random, all at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn after_a_power_cut_what_was_approved_is_redeemed_once_and_nothing_else_is() {
    let mut seed = [0; 8];
    OsRandom.fill(&mut seed);
    let seed = u64::from_le_bytes(seed);
    println!("seed {seed}");
    let chance = SeededRandom::new(seed);

    let mut backend = Backend::start(&BackendOptions::with(CONFIG));
    let shop = RelyingParty::add(&backend, "shop", &[]).await;
    let grants = open(&backend, &shop, &chance).await;
    let cut_after = 10 + usize::try_from(draw(&chance, LATEST_CUT - 10)).expect("a small number");

    let answered = Arc::new(AtomicUsize::new(0));
    let in_flight = Arc::new(AtomicUsize::new(0));
    let deciding = grants.iter().filter(|grant| grant.decision.is_some()).count();
    let start = Arc::new(Barrier::new(deciding + 1));
    let flying = Arc::new(AtomicUsize::new(0));
    let server = backend.pid();
    let mut people = JoinSet::new();
    for (index, grant) in grants.iter().enumerate() {
        let Some((verdict, decision)) = grant.decision.clone() else {
            continue;
        };
        let (device, handle, start) = (grant.device.clone(), grant.handle.clone(), start.clone());
        let (answered, in_flight, flying) = (answered.clone(), in_flight.clone(), flying.clone());
        people.spawn(async move {
            start.wait().await;
            in_flight.fetch_add(1, Ordering::SeqCst);
            let answer = device.try_submit(&handle, &decision).await;
            in_flight.fetch_sub(1, Ordering::SeqCst);
            let known = match answer {
                Some((StatusCode::OK, _)) => Known::Answered(verdict),
                Some((status, body)) => panic!("a first decision is taken: {status} {body}"),
                None => Known::InFlight(verdict),
            };
            if known == Known::Answered(verdict) && answered.fetch_add(1, Ordering::SeqCst) + 1 == cut_after {
                cut_the_power(server);
                flying.store(in_flight.load(Ordering::SeqCst), Ordering::SeqCst);
            }
            (index, known)
        });
    }
    start.wait().await;
    let known: HashMap<usize, Known> = people.join_all().await.into_iter().collect();
    let flying = flying.load(Ordering::SeqCst);
    backend.kill();
    let lost = known
        .values()
        .filter(|known| matches!(known, Known::InFlight(_)))
        .count();
    println!(
        "{flying} decisions in flight at the cut, {lost} without an answer, {} answered",
        known.len() - lost
    );
    assert!(
        flying >= FEWEST_IN_FLIGHT,
        "the cut comes in the middle: {flying} in flight (seed {seed})"
    );

    backend.restart();
    let mut redeemed = JoinSet::new();
    for (index, grant) in grants.iter().enumerate() {
        let (shop, id) = (shop.clone(), grant.auth_req_id.clone());
        let known = known.get(&index).copied().unwrap_or(Known::Undecided);
        redeemed.spawn(async move {
            let (first, second) = tokio::join!(shop.poll(&id), shop.poll(&id));
            let third = shop.poll(&id).await;
            (known, [refusal(first), refusal(second), refusal(third)])
        });
    }
    for (known, ends) in redeemed.join_all().await {
        let tokens = ends.iter().filter(|end| *end == "tokens").count();
        let why = format!("{known:?} became {ends:?} (seed {seed})");
        match known {
            Known::Answered(Verdict::Approve) => {
                assert_eq!(tokens, 1, "an answered approval brings tokens once: {why}");
            }
            Known::Answered(Verdict::Deny) => {
                assert!(
                    ends.iter().all(|end| end == "access_denied"),
                    "an answered denial holds: {why}"
                );
            }
            Known::InFlight(Verdict::Approve) => assert!(tokens <= 1, "nothing is redeemable twice: {why}"),
            Known::InFlight(Verdict::Deny) | Known::Undecided => {
                assert_eq!(tokens, 0, "what nobody approved is not redeemable: {why}");
            }
        }
    }
}

fn cut_the_power(server: u32) {
    let server = i32::try_from(server).expect("a process id");
    let server = rustix::process::Pid::from_raw(server).expect("a process id");
    rustix::process::kill_process(server, rustix::process::Signal::KILL).expect("SIGKILL can be sent");
}

/// Opens all requests and has a decision ready for three of four.
async fn open(backend: &Backend, shop: &RelyingParty, chance: &dyn Random) -> Vec<Grant> {
    let mut grants = Vec::new();
    for person in 0..PEOPLE {
        let username = format!("person{person}");
        let device = Person::add(backend, &username);
        let device = Arc::new(RawDevice::register(backend, &device, "Phone").await);
        let mut ids = HashMap::new();
        for _ in 0..GRANTS / PEOPLE {
            let started = shop.start(&[("login_hint", &username)]).await;
            let digest = format!("countersign-prompt{}", started.auth_req_id);
            let handle = countersign_jose::digest::sha256_b64(digest);
            ids.insert(Handle::new(handle), started.auth_req_id);
        }
        for pending in device.pending().await {
            let decision = match draw(chance, 4) {
                0 => None,
                1 => Some(Verdict::Deny),
                _ => Some(Verdict::Approve),
            };
            grants.push(Grant {
                auth_req_id: ids
                    .remove(&pending.handle)
                    .expect("section 5: the handle follows from auth_req_id"),
                device: device.clone(),
                decision: decision.map(|verdict| (verdict, device.decision(&pending, verdict, None))),
                handle: pending.handle,
            });
        }
    }
    assert_eq!(grants.len(), GRANTS, "everybody is asked everything");
    grants
}

/// A number below `below`.
fn draw(chance: &dyn Random, below: u64) -> u64 {
    let mut bytes = [0; 8];
    chance.fill(&mut bytes);
    u64::from_le_bytes(bytes) % below
}
