use countersign::{
    domain::{ClaimedDebt, ConnectorId, DebtId, DebtKind, Lease, NewDebt, Payment},
    storage::{Claim, ConnectorMark, Intake, Resend, Storage, TakenIn, Telling, Told},
};
use countersign_clock::Millis;
use countersign_protocol::{Delivery, Handle, PromptState};
use futures_util::future::join_all;

use crate::sample::{DEADLINE, NOW, READABLE_UNTIL, approve, deny, hash, new_device, person, prompt, register};

/// Not before the provider can know what it asked.
const RESTED: Millis = NOW + 5000;

fn id(handle: &str) -> DebtId {
    DebtId {
        reference: handle.to_owned(),
        kind: DebtKind::Complete,
    }
}

/// A question for Ada of a provider outside.
fn intake(handle: &str, connector: &str, digest: &str) -> Intake {
    let mut prompt = prompt(handle, "ada");
    prompt.connector = ConnectorId(connector.to_owned());
    prompt.external_ref = Some(format!("request {handle}"));
    Intake {
        prompt,
        digest: hash(digest),
        message: None,
        owed: NewDebt {
            id: id(handle),
            creditor: connector.to_owned(),
            payload: format!("sealed {handle}").into_bytes(),
            not_before: RESTED,
            deadline: READABLE_UNTIL,
        },
        supersede: false,
    }
}

async fn take_in(store: &dyn Storage, handle: &str) {
    let taken = store.take_in(intake(handle, "acme", handle)).await.unwrap();
    assert!(matches!(taken, TakenIn::New(_)), "{taken:?}");
}

async fn ada_is_asked(store: &dyn Storage, handle: &str) {
    register(store, new_device("phone", "ada")).await;
    take_in(store, handle).await;
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

/// Ada has approved, and a worker is about to tell.
async fn one_claimed(store: &dyn Storage) -> ClaimedDebt {
    ada_is_asked(store, "h").await;
    store.decide(approve("h", "j")).await.unwrap();
    claim(store, "first", RESTED).await.remove(0)
}

fn telling(debt: &ClaimedDebt, payment: Payment, now: Millis) -> Telling {
    Telling {
        id: debt.id.clone(),
        lease: debt.lease.clone(),
        connector: debt.creditor.clone(),
        payment,
        now,
    }
}

fn unclear() -> Payment {
    Payment::Unclear {
        error: "no answer".to_owned(),
    }
}

/// What devices are told of the request, and the number of that change.
async fn said(store: &dyn Storage, handle: &str) -> (PromptState, Option<Delivery>, i64) {
    let prompt = store.find_prompt(&Handle::from(handle)).await.unwrap().unwrap();
    let view = prompt.view_at(NOW);
    (view.state, view.delivery, prompt.seq)
}

/// V-013: the same again is no second question, and another one under the same name is none at all.
pub async fn a_question_is_taken_in_once(store: &dyn Storage) {
    ada_is_asked(store, "h").await;
    let kept = store.find_prompt(&Handle::from("h")).await.unwrap().unwrap();
    let again = store.take_in(intake("h", "acme", "h")).await.unwrap();
    assert_eq!(again, TakenIn::Again(Box::new(kept)), "V-013");
    let mut other = intake("h", "acme", "something else");
    other.prompt.client.name = "Evil".to_owned();
    assert_eq!(store.take_in(other).await.unwrap(), TakenIn::Other, "V-013");
    let waiting = store.pending_prompts(&person("ada"), NOW, 10).await.unwrap();
    assert_eq!(waiting.len(), 1, "V-013");
    assert_eq!(waiting[0].client.name, "The shop", "V-013: the first one stands");
    assert_eq!(store.last_seq(&person("ada")).await.unwrap(), 1, "nobody was told anew");
    store.decide(approve("h", "j")).await.unwrap();
    let late = store.take_in(intake("h", "acme", "h")).await.unwrap();
    let TakenIn::Again(late) = late else {
        panic!("V-013: {late:?}")
    };
    assert_eq!(
        late.view_at(NOW).state,
        PromptState::Approved,
        "V-013: it stays decided"
    );
    assert_eq!(claim(store, "one", RESTED).await.len(), 1, "V-013: and is told once");
}

/// V-013.
pub async fn of_the_same_question_many_times_at_once_one_is_new(store: &dyn Storage) {
    register(store, new_device("phone", "ada")).await;
    let digests = (0..24).map(|n| if n % 4 == 3 { "another" } else { "the same" });
    let taken = join_all(digests.map(|digest| store.take_in(intake("h", "acme", digest)))).await;
    let (mut new, mut again, mut other) = (0, 0, 0);
    for taken in taken {
        match taken.unwrap() {
            TakenIn::New(_) => new += 1,
            TakenIn::Again(_) => again += 1,
            TakenIn::Other => other += 1,
        }
    }
    assert_eq!(new, 1, "V-013");
    assert!(
        (again, other) == (17, 6) || (again, other) == (5, 18),
        "V-013: whichever came first: {again} again, {other} other"
    );
    let waiting = store.pending_prompts(&person("ada"), NOW, 10).await.unwrap();
    assert_eq!(waiting.len(), 1, "V-013");
}

pub async fn a_result_is_owed_with_the_decision_and_told_when_its_provider_can_know(store: &dyn Storage) {
    ada_is_asked(store, "approved").await;
    for handle in ["denied", "expired"] {
        take_in(store, handle).await;
    }
    assert_eq!(claim(store, "early", RESTED).await, [], "nothing is decided");
    store.decide(approve("approved", "j1")).await.unwrap();
    store.decide(deny("denied", "j2")).await.unwrap();
    let [mark] = &store.connector_marks().await.unwrap()[..] else {
        panic!("one connector")
    };
    assert_eq!((mark.debts, mark.oldest), (2, Some(NOW + 1000)), "in the same commit");
    assert_eq!(claim(store, "soon", RESTED - 1).await, [], "it may not know yet");
    let mut told: Vec<String> = claim(store, "then", RESTED)
        .await
        .into_iter()
        .map(|debt| debt.id.reference)
        .collect();
    told.sort();
    assert_eq!(told, ["approved", "denied"]);
    store.expire_prompts(DEADLINE, 10).await.unwrap();
    let expired = claim(store, "late", DEADLINE).await;
    let expired = expired.iter().find(|debt| debt.id == id("expired")).unwrap();
    assert_eq!(
        (
            expired.creditor.as_str(),
            expired.payload.as_slice(),
            expired.attempt,
            expired.interrupted
        ),
        ("acme", &b"sealed expired"[..], 1, false),
        "it reads back as it was owed"
    );
    assert_eq!(said(store, "approved").await.1, Some(Delivery::Owed));
    assert_eq!(said(store, "denied").await.1, Some(Delivery::Owed));
    assert_eq!(
        said(store, "expired").await.1,
        None,
        "nobody on the device waits for that"
    );
}

/// S-092.
pub async fn only_who_has_the_lease_begins_to_tell_and_says_how_it_ended(store: &dyn Storage) {
    let late = one_claimed(store).await;
    let stranger = Lease("somebody".to_owned());
    assert!(!store.mark_telling(&late.id, &stranger).await.unwrap(), "S-092");
    let taker = claim(store, "second", RESTED + 20_000).await.remove(0);
    assert!(!taker.interrupted, "nothing was begun");
    assert!(
        !store.mark_telling(&late.id, &late.lease).await.unwrap(),
        "S-092: its time is over"
    );
    for payment in [Payment::Done, unclear()] {
        let lost = store.settle_telling(telling(&late, payment, RESTED + 20_001)).await;
        assert_eq!(lost.unwrap(), Told::Lost);
    }
    assert_eq!(said(store, "h").await, (PromptState::Approved, Some(Delivery::Owed), 2));
    let untouched = &store.connector_marks().await.unwrap()[0];
    assert_eq!(
        (untouched.told_at, untouched.failed_at),
        (None, None),
        "nothing changed"
    );
    assert!(store.mark_telling(&taker.id, &taker.lease).await.unwrap());
    let recorded = store
        .settle_telling(telling(&taker, Payment::Done, RESTED + 20_002))
        .await;
    assert_eq!(recorded.unwrap(), Told::Recorded(Some(person("ada"))));
    assert!(
        !store.mark_telling(&taker.id, &taker.lease).await.unwrap(),
        "S-092: it is over"
    );
    assert_eq!(claim(store, "third", RESTED + 50_000).await, [], "paid is paid");
}

/// S-092: whoever comes after a worker that died while it told knows that the provider may have heard.
pub async fn a_try_that_was_begun_and_never_ended_says_so(store: &dyn Storage) {
    let died = one_claimed(store).await;
    assert!(store.mark_telling(&died.id, &died.lease).await.unwrap());
    let next = claim(store, "second", RESTED + 20_000).await.remove(0);
    assert_eq!((next.attempt, next.interrupted), (2, true), "S-092");
    let due_at = RESTED + 21_000;
    let again = Payment::Retry {
        due_at,
        error: "refused".to_owned(),
    };
    let recorded = store.settle_telling(telling(&next, again, RESTED + 20_500)).await;
    assert_eq!(
        recorded.unwrap(),
        Told::Recorded(None),
        "devices have nothing to hear of a retry"
    );
    assert_eq!(said(store, "h").await, (PromptState::Approved, Some(Delivery::Owed), 2));
    assert_eq!(claim(store, "third", due_at - 1).await, []);
    let third = claim(store, "third", due_at).await.remove(0);
    assert_eq!((third.attempt, third.interrupted), (3, false), "it said how it ended");
}

/// An approval that its provider may not know of is never shown as a success.
pub async fn devices_are_told_whether_the_provider_knows(store: &dyn Storage) {
    register(store, new_device("phone", "ada")).await;
    let mut changes = 0;
    for (handle, payment, state, delivery) in [
        ("done", Payment::Done, PromptState::Approved, Delivery::Done),
        ("unclear", unclear(), PromptState::Failed, Delivery::Unclear),
        (
            "dead",
            Payment::Dead {
                error: "answered 401".to_owned(),
            },
            PromptState::Failed,
            Delivery::Failed,
        ),
    ] {
        take_in(store, handle).await;
        store.decide(approve(handle, handle)).await.unwrap();
        changes += 2;
        assert_eq!(
            said(store, handle).await,
            (PromptState::Approved, Some(Delivery::Owed), changes)
        );
        let debt = claim(store, handle, RESTED).await.remove(0);
        let told = store.settle_telling(telling(&debt, payment, RESTED)).await;
        assert_eq!(told.unwrap(), Told::Recorded(Some(person("ada"))), "{handle}");
        changes += 1;
        assert_eq!(
            said(store, handle).await,
            (state, Some(delivery), changes),
            "a change of its own"
        );
        let since = store.prompts_since(&person("ada"), changes - 1, 10).await.unwrap();
        assert_eq!(since.len(), 1, "streams find it: {handle}");
    }
    take_in(store, "denied").await;
    store.decide(deny("denied", "denied")).await.unwrap();
    let debt = claim(store, "denied", RESTED).await.remove(0);
    store.settle_telling(telling(&debt, unclear(), RESTED)).await.unwrap();
    let (state, delivery, _) = said(store, "denied").await;
    assert_eq!(
        (state, delivery),
        (PromptState::Denied, Some(Delivery::Unclear)),
        "nothing was lost by it"
    );
}

pub async fn how_each_connector_fares_is_told(store: &dyn Storage) {
    assert_eq!(store.connector_marks().await.unwrap(), []);
    let first = one_claimed(store).await;
    store
        .settle_telling(telling(&first, Payment::Done, RESTED))
        .await
        .unwrap();
    for (handle, connector) in [("i", "acme"), ("j", "beta"), ("k", "beta")] {
        store.take_in(intake(handle, connector, handle)).await.unwrap();
        store.decide(approve(handle, handle)).await.unwrap();
    }
    let debts = claim(store, "second", RESTED + 1000).await;
    let of = |handle: &str| debts.iter().find(|debt| debt.id == id(handle)).unwrap();
    let done = telling(of("i"), Payment::Done, RESTED + 1000);
    store.settle_telling(done).await.unwrap();
    store
        .settle_telling(telling(of("j"), unclear(), RESTED + 3000))
        .await
        .unwrap();
    let acme = ConnectorMark {
        name: "acme".to_owned(),
        // A second later is not worth a write that all others wait for.
        told_at: Some(RESTED),
        ..ConnectorMark::default()
    };
    let beta = ConnectorMark {
        name: "beta".to_owned(),
        failed_at: Some(RESTED + 3000),
        error: Some("no answer".to_owned()),
        debts: 1,
        oldest: Some(NOW + 1000),
        dead: 1,
        ..ConnectorMark::default()
    };
    let marks = store.connector_marks().await.unwrap();
    assert_eq!(marks[1], beta);
    assert_eq!((marks.len(), marks[0].debts, marks[0].dead), (2, 0, 0));
    assert_eq!(marks[0], acme, "to within a few seconds");
}

/// A provider that nobody reached in time.
pub async fn a_result_that_is_given_up_on_in_time_says_so(store: &dyn Storage) {
    ada_is_asked(store, "h").await;
    store.decide(approve("h", "j")).await.unwrap();
    assert_eq!(store.sweep_debts(NOW, READABLE_UNTIL - 1, 10).await.unwrap(), 0);
    assert_eq!(said(store, "h").await.1, Some(Delivery::Owed));
    store.sweep_debts(NOW, READABLE_UNTIL, 10).await.unwrap();
    assert_eq!(said(store, "h").await, (PromptState::Failed, Some(Delivery::Failed), 3));
    let dead = store.dead_debts(10).await.unwrap();
    assert_eq!((dead.len(), &dead[0].id), (1, &id("h")));
    assert_eq!(
        store.resend_debt(&id("h"), READABLE_UNTIL).await.unwrap(),
        Resend::TimeOver
    );
}

pub async fn a_result_that_is_sent_again_is_owed_again(store: &dyn Storage) {
    let debt = one_claimed(store).await;
    assert!(store.mark_telling(&debt.id, &debt.lease).await.unwrap());
    store.settle_telling(telling(&debt, unclear(), RESTED)).await.unwrap();
    assert_eq!(
        claim(store, "by itself", RESTED + 50_000).await,
        [],
        "S-092: never by itself"
    );
    assert_eq!(
        store.resend_debt(&debt.id, RESTED + 50_000).await.unwrap(),
        Resend::Owed
    );
    assert_eq!(said(store, "h").await, (PromptState::Approved, Some(Delivery::Owed), 4));
    let again = claim(store, "again", RESTED + 50_000).await.remove(0);
    assert_eq!(
        (again.attempt, again.interrupted),
        (1, false),
        "an operator knows better"
    );
    assert_eq!(again.payload, b"sealed h", "what telling needs is still there");
}

pub async fn the_end_of_a_question_is_read_with_its_proof(store: &dyn Storage) {
    ada_is_asked(store, "approved").await;
    for handle in ["denied", "expired"] {
        take_in(store, handle).await;
    }
    let end = async |handle: &str| store.settled_question(&Handle::from(handle)).await.unwrap();
    assert_eq!(end("approved").await, None, "it waits");
    assert_eq!(end("nobody's").await, None);
    store.decide(approve("approved", "j1")).await.unwrap();
    store.decide(deny("denied", "j2")).await.unwrap();
    store.expire_prompts(DEADLINE, 10).await.unwrap();
    let approved = end("approved").await.unwrap();
    assert_eq!(approved.approval, Some(crate::sample::approval()));
    assert_eq!(approved.receipt, Some(crate::sample::receipt("j1")));
    assert_eq!(approved.prompt.external_ref.as_deref(), Some("request approved"));
    let denied = end("denied").await.unwrap();
    assert_eq!(
        (denied.approval, denied.receipt),
        (None, Some(crate::sample::receipt("j2")))
    );
    let expired = end("expired").await.unwrap();
    assert_eq!((expired.approval, expired.receipt), (None, None));
    assert_eq!(expired.prompt.view_at(NOW).state, PromptState::Expired);
}
