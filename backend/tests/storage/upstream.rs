use countersign::{
    domain::{Acr, Approval, AuthRequestState, ClaimedDebt, DebtId, DebtKind, Evidence, Lease, NewDebt},
    storage::{Asking, Claim, Decided, Heard, Redeemed, Storage, UpstreamAnswer},
};
use countersign_clock::Millis;
use countersign_protocol::{DecidedBy, DeviceId, Handle, PromptState};

use crate::sample::{
    DEADLINE, NOW, READABLE_UNTIL, ada_and_the_shop, approval, deny, opening, person, redemption, request_id,
};

/// The shop asks Ada, and the bank is asked as well.
async fn ask(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    let mut opening = opening("h", "ada");
    opening.ask = Some(NewDebt {
        id: id(),
        creditor: "bank".to_owned(),
        payload: b"question".to_vec(),
        not_before: NOW,
        deadline: READABLE_UNTIL,
    });
    store.open(opening).await.unwrap();
}

fn id() -> DebtId {
    DebtId {
        reference: "h".to_owned(),
        kind: DebtKind::Ask,
    }
}

fn handle() -> Handle {
    Handle::from("h")
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

fn by() -> DecidedBy {
    DecidedBy {
        device_id: DeviceId::from("upstream:bank"),
        name: "Example Bank".to_owned(),
    }
}

fn evidence() -> Evidence {
    Evidence {
        connector: "bank".to_owned(),
        id_token: "e.y.J".to_owned(),
        key: "{}".to_owned(),
        at: NOW + 1000,
    }
}

fn yes(lease: &str, now: Millis) -> UpstreamAnswer {
    let approval = Approval {
        device_id: None,
        acr: Acr("0".to_owned()),
        ..approval()
    };
    UpstreamAnswer {
        id: id(),
        lease: Lease(lease.to_owned()),
        connector: "bank".to_owned(),
        by: by(),
        approved: Some((approval, evidence())),
        now,
    }
}

fn no(lease: &str, now: Millis) -> UpstreamAnswer {
    UpstreamAnswer {
        approved: None,
        ..yes(lease, now)
    }
}

async fn state(store: &dyn Storage) -> PromptState {
    let prompt = store.find_prompt(&handle()).await.unwrap().unwrap();
    prompt.view_at(NOW + 1000).state
}

pub async fn a_question_to_another_provider_is_due_at_once_and_goes_on(store: &dyn Storage) {
    ask(store).await;
    let claimed = claim(store, "one", NOW).await;
    assert_eq!((claimed.len(), claimed[0].payload.as_slice()), (1, &b"question"[..]));
    assert_eq!((claimed[0].attempt, claimed[0].id.kind), (1, DebtKind::Ask));
    let mut asking = Asking {
        id: id(),
        lease: Lease("another".to_owned()),
        connector: "bank".to_owned(),
        payload: b"answer?".to_vec(),
        due_at: NOW + 5000,
        now: NOW + 500,
    };
    assert!(
        !store.keep_asking(asking.clone()).await.unwrap(),
        "the lease is another's"
    );
    asking.lease = Lease("one".to_owned());
    assert!(store.keep_asking(asking).await.unwrap());
    let arrears = store.arrears().await.unwrap();
    assert_eq!(
        (arrears.debts, arrears.oldest),
        (1, Some(NOW + 500)),
        "the person takes their time"
    );
    assert!(
        claim(store, "two", NOW + 4999).await.is_empty(),
        "it waits for its time"
    );
    let claimed = claim(store, "two", NOW + 5000).await;
    assert_eq!(claimed[0].payload, b"answer?");
    assert_eq!(claimed[0].attempt, 1, "nothing failed");
    let marks = store.connector_marks().await.unwrap();
    assert_eq!((marks[0].name.as_str(), marks[0].told_at), ("bank", Some(NOW + 500)));
}

pub async fn an_approval_elsewhere_is_redeemed_with_its_evidence(store: &dyn Storage) {
    ask(store).await;
    claim(store, "one", NOW).await;
    let heard = store.settle_upstream(yes("one", NOW + 1000)).await.unwrap();
    assert_eq!(heard, Heard::Recorded(person("ada")));
    assert_eq!(state(store).await, PromptState::Approved);
    let prompt = store.find_prompt(&handle()).await.unwrap().unwrap();
    assert_eq!(prompt.view_at(NOW).decided_by, Some(by()));
    assert_eq!(store.find_evidence(&handle()).await.unwrap(), Some(evidence()));
    assert_eq!(store.find_receipt(&handle()).await.unwrap(), None, "no device signed");
    assert!(claim(store, "two", NOW + 60_000).await.is_empty(), "the debt is paid");
    let redeemed = store.redeem(redemption("h", "1")).await.unwrap();
    let Redeemed::Granted { approval, .. } = redeemed else {
        panic!("{redeemed:?}")
    };
    assert_eq!((approval.device_id, approval.acr), (None, Acr("0".to_owned())));
}

pub async fn a_no_elsewhere_is_a_no(store: &dyn Storage) {
    ask(store).await;
    claim(store, "one", NOW).await;
    let heard = store.settle_upstream(no("one", NOW + 1000)).await.unwrap();
    assert_eq!(heard, Heard::Recorded(person("ada")));
    assert_eq!(state(store).await, PromptState::Denied);
    let request = store.find_auth_request(request_id("h")).await.unwrap().unwrap();
    assert_eq!(request.state, AuthRequestState::Denied);
}

/// S-028.
pub async fn of_a_device_and_another_provider_the_first_one_wins(store: &dyn Storage) {
    ask(store).await;
    claim(store, "one", NOW).await;
    let denied = store.decide(deny("h", "j")).await.unwrap();
    assert!(matches!(denied, Decided::Recorded(_)), "{denied:?}");
    let heard = store.settle_upstream(yes("one", NOW + 1000)).await.unwrap();
    assert_eq!(heard, Heard::Late, "S-028");
    assert_eq!(state(store).await, PromptState::Denied, "S-028");
    assert_eq!(store.find_evidence(&handle()).await.unwrap(), None);
    assert!(
        claim(store, "two", NOW + 60_000).await.is_empty(),
        "there is nothing more to ask"
    );
}

pub async fn a_late_or_lost_answer_changes_nothing(store: &dyn Storage) {
    ask(store).await;
    claim(store, "one", NOW).await;
    let heard = store.settle_upstream(yes("another", NOW + 1000)).await.unwrap();
    assert_eq!(heard, Heard::Lost, "the lease is another's");
    assert_eq!(state(store).await, PromptState::Pending);
    let heard = store.settle_upstream(yes("one", DEADLINE)).await.unwrap();
    assert_eq!(heard, Heard::Late, "the deadline is the first moment of being late");
    assert_eq!(state(store).await, PromptState::Pending);
}
