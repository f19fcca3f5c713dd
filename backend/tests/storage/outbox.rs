use countersign::{
    domain::{Arrears, ClaimedDebt, DebtId, DebtKind, Lease, NewDebt, Payment},
    storage::{Claim, Opening, Resend, Storage},
};
use countersign_clock::Millis;
use countersign_protocol::ClientId;
use futures_util::future::join_all;

use crate::sample::{DEADLINE, NOW, READABLE_UNTIL, ada_and_the_shop, approve, ask_ada, deny, mistype, opening};

fn id(handle: &str) -> DebtId {
    DebtId {
        reference: handle.to_owned(),
        kind: DebtKind::Ping,
    }
}

/// The shop asks Ada and is to be told.
async fn ask(store: &dyn Storage, handle: &str) {
    store.open(owing(handle)).await.unwrap();
}

fn owing(handle: &str) -> Opening {
    let mut opening = opening(handle, "ada");
    opening.auth_request.as_mut().unwrap().owed = Some(NewDebt {
        id: id(handle),
        creditor: "shop".to_owned(),
        payload: format!("sealed {handle}").into_bytes(),
        not_before: Millis::MIN,
        deadline: READABLE_UNTIL,
    });
    opening
}

async fn claim(store: &dyn Storage, lease: &str, now: Millis) -> Vec<ClaimedDebt> {
    let claim = Claim {
        lease: Lease(lease.to_owned()),
        until: now + 20_000,
        limit: 10,
        now,
    };
    store.claim_debts(claim).await.unwrap()
}

fn names(debts: &[ClaimedDebt]) -> Vec<&str> {
    let mut names: Vec<&str> = debts.iter().map(|debt| debt.id.reference.as_str()).collect();
    names.sort_unstable();
    names
}

async fn settle(store: &dyn Storage, debt: &ClaimedDebt, payment: Payment, now: Millis) -> bool {
    store.settle_debt(&debt.id, &debt.lease, payment, now).await.unwrap()
}

fn dead(error: &str) -> Payment {
    Payment::Dead {
        error: error.to_owned(),
    }
}

/// One debt, due and claimed.
async fn one_claimed(store: &dyn Storage) -> ClaimedDebt {
    ada_and_the_shop(store).await;
    ask(store, "h").await;
    store.decide(approve("h", "j")).await.unwrap();
    claim(store, "first", NOW + 1000).await.remove(0)
}

/// approval, denial, too many wrong numbers, a newer request, expiry.
pub async fn a_debt_is_due_when_its_request_is_settled_however_that_was(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    ask(store, "superseded").await;
    let mut newer = owing("approved");
    newer.supersede = true;
    store.open(newer).await.unwrap();
    assert_eq!(names(&claim(store, "1", NOW).await), ["superseded"]);
    for handle in ["denied", "mistyped", "expired"] {
        ask(store, handle).await;
    }
    store.decide(approve("approved", "j1")).await.unwrap();
    store.decide(deny("denied", "j2")).await.unwrap();
    store.mismatch(mistype("mistyped", "1")).await.unwrap();
    store.mismatch(mistype("mistyped", "2")).await.unwrap();
    assert_eq!(
        names(&claim(store, "2", NOW + 1000).await),
        ["approved", "denied", "mistyped"],
        "R-181: not before it is settled"
    );
    store.expire_prompts(DEADLINE, 10).await.unwrap();
    let expired = claim(store, "3", DEADLINE).await;
    let expected = ClaimedDebt {
        id: id("expired"),
        creditor: "shop".to_owned(),
        payload: b"sealed expired".to_vec(),
        deadline: READABLE_UNTIL,
        attempt: 1,
        interrupted: false,
        lease: Lease("3".to_owned()),
    };
    let expired = expired.into_iter().find(|debt| debt.id == id("expired"));
    assert_eq!(expired, Some(expected), "R-183: it reads back as it was owed");
}

pub async fn a_request_that_owes_nothing_leaves_nothing(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    ask_ada(store, "h").await;
    store.decide(approve("h", "j")).await.unwrap();
    assert_eq!(claim(store, "1", NOW + 1000).await, []);
    assert_eq!(store.arrears().await.unwrap(), Arrears::default());
}

pub async fn a_claimed_debt_is_left_alone_until_its_lease_is_over(store: &dyn Storage) {
    let debt = one_claimed(store).await;
    assert_eq!(debt.attempt, 1);
    assert_eq!(claim(store, "second", NOW + 20_999).await, []);
    let again = claim(store, "second", NOW + 21_000).await.remove(0);
    assert_eq!((again.attempt, again.lease.0.as_str()), (2, "second"));
}

pub async fn of_many_parallel_claims_each_debt_goes_to_one(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    for debt in 0..20 {
        let handle = format!("h{debt:02}");
        ask(store, &handle).await;
        store.decide(approve(&handle, &handle)).await.unwrap();
    }
    let mut all = Vec::new();
    for round in 0..10 {
        let leases: Vec<String> = (0..8).map(|worker| format!("{round}-{worker}")).collect();
        let claims = leases.iter().map(|lease| {
            store.claim_debts(Claim {
                lease: Lease(lease.clone()),
                until: NOW + 20_000,
                limit: 5,
                now: NOW + 1000,
            })
        });
        for (claimed, lease) in join_all(claims).await.into_iter().zip(&leases) {
            let claimed = claimed.unwrap();
            assert!(claimed.len() <= 5, "no more than asked for");
            assert!(claimed.iter().all(|debt| debt.lease.0 == *lease));
            all.extend(claimed);
        }
    }
    let names = names(&all);
    assert_eq!(names.len(), 20, "each once: {names:?}");
    assert!(
        names.windows(2).all(|pair| pair[0] != pair[1]),
        "each to one: {names:?}"
    );
}

pub async fn a_late_worker_changes_nothing(store: &dyn Storage) {
    let late = one_claimed(store).await;
    let taker = claim(store, "second", NOW + 21_000).await.remove(0);
    let retry = Payment::Retry {
        due_at: NOW,
        error: "late".to_owned(),
    };
    for payment in [Payment::Done, retry, dead("late")] {
        assert!(!settle(store, &late, payment, NOW + 22_000).await);
    }
    assert_eq!(claim(store, "third", NOW + 22_000).await, [], "the lease holds");
    assert!(settle(store, &taker, Payment::Done, NOW + 22_000).await);
    assert!(!settle(store, &taker, Payment::Done, NOW + 22_000).await, "once");
    assert_eq!(claim(store, "third", NOW + 100_000).await, [], "paid is paid");
}

pub async fn a_debt_that_is_tried_again_waits_for_its_time(store: &dyn Storage) {
    let debt = one_claimed(store).await;
    let retry = Payment::Retry {
        due_at: NOW + 5000,
        error: "answered 503".to_owned(),
    };
    assert!(settle(store, &debt, retry, NOW + 1500).await);
    assert_eq!(claim(store, "second", NOW + 4999).await, []);
    let again = claim(store, "second", NOW + 5000).await.remove(0);
    assert_eq!(again.attempt, 2);
    assert_eq!(again.payload, b"sealed h");
}

/// recorded for the operator.
pub async fn a_dead_debt_is_listed_and_can_be_sent_again_in_time(store: &dyn Storage) {
    let debt = one_claimed(store).await;
    assert_eq!(
        store.resend_debt(&debt.id, NOW).await.unwrap(),
        Resend::Unknown,
        "not dead"
    );
    assert!(settle(store, &debt, dead("answered 401"), NOW + 1500).await);
    assert_eq!(
        claim(store, "second", NOW + 100_000).await,
        [],
        "R-154: not tried again"
    );
    let listed = store.dead_debts(10).await.unwrap();
    let [listed] = &listed[..] else {
        panic!("R-154: {listed:?}")
    };
    assert_eq!(
        (
            &listed.id,
            listed.creditor.as_str(),
            listed.attempts,
            listed.died_at,
            listed.deadline
        ),
        (&id("h"), "shop", 1, NOW + 1500, READABLE_UNTIL)
    );
    assert_eq!(listed.error, "answered 401");
    assert_eq!(store.resend_debt(&id("other"), NOW).await.unwrap(), Resend::Unknown);
    assert_eq!(
        store.resend_debt(&debt.id, READABLE_UNTIL).await.unwrap(),
        Resend::TimeOver
    );
    assert_eq!(store.resend_debt(&debt.id, NOW + 3000).await.unwrap(), Resend::Owed);
    assert_eq!(store.dead_debts(10).await.unwrap(), []);
    let again = claim(store, "second", NOW + 3000).await.remove(0);
    assert_eq!((again.attempt, again.payload.as_slice()), (1, &b"sealed h"[..]));
}

pub async fn a_debt_past_its_deadline_is_given_up_on(store: &dyn Storage) {
    let debt = one_claimed(store).await;
    assert_eq!(
        claim(store, "second", READABLE_UNTIL).await,
        [],
        "nobody could do anything with it"
    );
    assert_eq!(store.sweep_debts(NOW, READABLE_UNTIL - 1, 10).await.unwrap(), 0);
    assert_eq!(store.sweep_debts(NOW, READABLE_UNTIL, 10).await.unwrap(), 1);
    let listed = store.dead_debts(10).await.unwrap();
    assert_eq!((listed.len(), listed[0].died_at), (1, READABLE_UNTIL));
    assert!(!settle(store, &debt, Payment::Done, READABLE_UNTIL).await);
    assert_eq!(
        store.resend_debt(&debt.id, READABLE_UNTIL).await.unwrap(),
        Resend::TimeOver
    );
    assert_eq!(
        store.sweep_debts(READABLE_UNTIL, READABLE_UNTIL, 10).await.unwrap(),
        0,
        "kept"
    );
    assert_eq!(
        store.sweep_debts(READABLE_UNTIL + 1, READABLE_UNTIL, 10).await.unwrap(),
        1
    );
    assert_eq!(store.dead_debts(10).await.unwrap(), []);
}

/// What a sweep still finds to do shows what was kept.
pub async fn payloads_are_erased_when_nobody_needs_them(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    for handle in ["dead", "never", "paid"] {
        ask(store, handle).await;
    }
    store.decide(approve("dead", "j1")).await.unwrap();
    store.decide(approve("paid", "j2")).await.unwrap();
    for debt in claim(store, "1", NOW + 1000).await {
        let payment = match debt.id.reference.as_str() {
            "paid" => Payment::Done,
            _ => dead("answered 401"),
        };
        assert!(settle(store, &debt, payment, NOW + 1000).await);
    }
    assert_eq!(store.sweep_debts(NOW, READABLE_UNTIL - 1, 10).await.unwrap(), 0);
    let erased_and_deleted = store.sweep_debts(NOW, READABLE_UNTIL, 10).await.unwrap();
    assert_eq!(erased_and_deleted, 3, "erased the dead one's, deleted the other two");
    assert_eq!(store.sweep_debts(NOW, READABLE_UNTIL, 10).await.unwrap(), 0, "once");
    assert_eq!(
        store.dead_debts(10).await.unwrap().len(),
        1,
        "the dead one stays on record"
    );
}

pub async fn a_removed_client_is_owed_nothing(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    for handle in ["approved", "waiting"] {
        ask(store, handle).await;
    }
    store.decide(approve("approved", "j")).await.unwrap();
    store.remove_client(&ClientId::from("shop"), NOW + 2000).await.unwrap();
    assert_eq!(
        claim(store, "1", NOW + 2000).await,
        [],
        "its endpoint is somebody else's now"
    );
    assert_eq!(store.sweep_debts(NOW, READABLE_UNTIL, 10).await.unwrap(), 0);
}

pub async fn arrears_count_what_is_due_and_tell_since_when(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    for handle in ["a", "b", "waiting"] {
        ask(store, handle).await;
    }
    store.decide(approve("a", "j1")).await.unwrap();
    let mut later = deny("b", "j2");
    later.now = NOW + 4000;
    store.decide(later).await.unwrap();
    let owed = |debts, oldest, dead| Arrears { debts, oldest, dead };
    assert_eq!(store.arrears().await.unwrap(), owed(2, Some(NOW + 1000), 0));
    let mut claimed = claim(store, "1", NOW + 4000).await;
    assert_eq!(
        store.arrears().await.unwrap(),
        owed(2, Some(NOW + 1000), 0),
        "claimed is not paid"
    );
    claimed.sort_by(|one, other| one.id.reference.cmp(&other.id.reference));
    settle(store, &claimed[0], Payment::Done, NOW + 4000).await;
    assert_eq!(store.arrears().await.unwrap(), owed(1, Some(NOW + 4000), 0));
    settle(store, &claimed[1], dead("answered 404"), NOW + 4000).await;
    assert_eq!(store.arrears().await.unwrap(), owed(0, None, 1));
}
