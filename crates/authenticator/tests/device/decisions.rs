//! Approve and deny.

use std::time::Duration;

use countersign_authenticator::{
    AuthenticatorError,
    view::{ConnectionView, RequestState},
};
use countersign_clock::Clock;
use countersign_protocol::{DenyReason, PromptState, SettledReason, SettledView};
use serde_json::json;

use crate::{
    fake::{DEVICE, Fake},
    kit::{Kit, PIN, quick},
};

fn settled(state: &RequestState) -> SettledView {
    match state {
        RequestState::Decided { settled } => settled.clone(),
        other => panic!("not decided: {other:?}"),
    }
}

/// S-032, S-026: out of view nothing is approved, and never without the PIN.
#[tokio::test]
async fn approval_needs_view_and_pin_and_leaves_a_receipt_that_holds() {
    let fake = Fake::start().await;
    let mut options = quick();
    options.present_for_ms = 80;
    let kit = Kit::paired(&fake, options).await;
    fake.ask("r1");
    let request = kit.until_pending("r1").await;
    let content = request.content.unwrap();
    assert!(content.needs_unlock && content.first_time);
    let refused = kit.approve("r1", None, Some(PIN)).await;
    assert!(
        matches!(refused, Err(AuthenticatorError::NotPresented)),
        "S-032: never in view"
    );
    kit.present("r1");
    let refused = kit.approve("r1", None, Some(PIN)).await;
    assert!(
        matches!(refused, Err(AuthenticatorError::NotPresented)),
        "S-032: not long enough"
    );
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert!(
        matches!(
            kit.approve("r1", None, None).await,
            Err(AuthenticatorError::PinRequired)
        ),
        "S-026"
    );
    assert!(
        matches!(
            kit.approve("r1", None, Some("246801")).await,
            Err(AuthenticatorError::WrongPin)
        ),
        "S-026"
    );
    assert!(fake.lock().decisions.is_empty(), "nothing was signed");
    let done = kit.approve("r1", None, Some(PIN)).await.unwrap();
    assert_eq!(settled(&done.state).state, PromptState::Approved);
    let history = kit.device.history(&kit.account, None).await.unwrap();
    assert!(
        history.entries[0].receipt_verified,
        "S-022: verified again from the receipt alone"
    );
    let receipt = kit.device.receipt(&kit.account, &"r1".into()).await.unwrap();
    assert!(receipt.contains("device_key"));
    kit.device.conceal(&kit.account, &"r1".into());
    fake.ask("r2");
    let next = kit.until_pending("r2").await;
    assert!(!next.content.unwrap().first_time, "the client is known now");
    assert!(matches!(
        kit.approve("r2", None, Some(PIN)).await,
        Err(AuthenticatorError::NotPresented)
    ));
}

/// S-026: denying needs neither PIN nor presentation.
#[tokio::test]
async fn a_denial_is_signed_at_once_with_its_reason() {
    let fake = Fake::start().await;
    let kit = Kit::live(&fake).await;
    fake.ask("r1");
    kit.until_pending("r1").await;
    let done = kit.deny("r1", DenyReason::NotMe).await.unwrap();
    let settled = settled(&done.state);
    assert_eq!(
        (settled.state, settled.reason),
        (PromptState::Denied, Some(SettledReason::NotMe)),
        "S-039"
    );
}

/// S-007: two tries, told by the backend; the number never comes to the device before it is typed (S-002).
#[tokio::test]
async fn a_wrong_number_is_an_answer_and_the_second_ends_the_request() {
    let fake = Fake::start().await;
    let kit = Kit::live(&fake).await;
    let data = fake.open("r1", &json!({"mode": "type"}), |_| {});
    fake.tell("request", data);
    let request = kit.until_pending("r1").await;
    assert!(!serde_json::to_string(&request).unwrap().contains("42"), "S-002");
    kit.present("r1");
    for malformed in [None, Some("4"), Some("123456789"), Some("4a"), Some("")] {
        let refused = kit.approve("r1", malformed, Some(PIN)).await;
        assert!(
            matches!(refused, Err(AuthenticatorError::MatchMalformed)),
            "{malformed:?}"
        );
    }
    let first = kit.approve("r1", Some("41"), Some(PIN)).await.unwrap();
    assert_eq!(first.state, RequestState::Pending { tries_left: Some(1) }, "S-007");
    let second = kit.approve("r1", Some("43"), Some(PIN)).await.unwrap();
    assert_eq!(
        settled(&second.state).reason,
        Some(SettledReason::NumberMismatch),
        "S-007"
    );
    let data = fake.open("r2", &json!({"mode": "type"}), |_| {});
    fake.tell("request", data);
    kit.until_pending("r2").await;
    kit.present("r2");
    let done = kit.approve("r2", Some("42"), Some(PIN)).await.unwrap();
    assert_eq!(settled(&done.state).state, PromptState::Approved);
}

/// S-029: the very same signature is sent again when the answer is lost, so it counts once.
#[tokio::test]
async fn a_lost_answer_is_asked_for_again_with_the_same_signature() {
    let fake = Fake::start().await;
    let kit = Kit::live(&fake).await;
    fake.ask("r1");
    kit.until_pending("r1").await;
    kit.present("r1");
    fake.lock().lose_replies = 2;
    let done = kit.approve("r1", None, Some(PIN)).await.unwrap();
    assert_eq!(settled(&done.state).state, PromptState::Approved);
    let decisions = fake.lock().decisions.clone();
    assert_eq!(decisions.len(), 3, "S-029: two answers were lost");
    assert!(
        decisions.iter().all(|decision| *decision == decisions[0]),
        "S-029: one signature"
    );
}

/// An approval that did not get through is not signed again behind the person's back.
#[tokio::test]
async fn without_an_answer_the_request_waits_for_a_new_confirmation() {
    let fake = Fake::start().await;
    let kit = Kit::live(&fake).await;
    fake.ask("r1");
    kit.until_pending("r1").await;
    kit.present("r1");
    fake.lock().unavailable = true;
    let failed = kit.approve("r1", None, Some(PIN)).await;
    assert!(matches!(failed, Err(AuthenticatorError::Offline(_))));
    assert_eq!(
        kit.request("r1").unwrap().state,
        RequestState::Pending { tries_left: None }
    );
    assert_eq!(
        fake.count("POST /ad/v1/requests/r1/decision"),
        3,
        "the one signature was sent three times"
    );
    fake.lock().unavailable = false;
    assert!(
        matches!(
            kit.approve("r1", None, None).await,
            Err(AuthenticatorError::PinRequired)
        ),
        "a new confirmation"
    );
    kit.approve("r1", None, Some(PIN)).await.unwrap();
}

/// S-028: the loser is told what became of the request.
#[tokio::test]
async fn what_another_device_decided_is_shown_as_that() {
    let fake = Fake::start().await;
    let kit = Kit::live(&fake).await;
    let by = json!({"device_id": "device-2", "name": "Anna's phone"});
    let elsewhere = json!({"state": "approved", "settled_at": 1, "decided_by": by});
    fake.ask("r1");
    kit.until_pending("r1").await;
    fake.lock().prompts.get_mut("r1").unwrap().settled = Some(elsewhere.clone());
    let lost = kit.deny("r1", DenyReason::ChangedMind).await.unwrap();
    assert!(
        matches!(lost.state, RequestState::HandledElsewhere { ref by, .. } if by.name == "Anna's phone"),
        "S-028"
    );
    fake.ask("r2");
    kit.until_pending("r2").await;
    fake.settle("r2", elsewhere);
    kit.until("r2", |state| matches!(state, RequestState::HandledElsewhere { .. }))
        .await;
    kit.present("r2");
    let view = kit.approve("r2", None, Some(PIN)).await.unwrap();
    assert!(
        matches!(view.state, RequestState::HandledElsewhere { .. }),
        "a settled request is an answer, not an error"
    );
    let own = json!({"state": "denied", "settled_at": 1, "decided_by": {"device_id": DEVICE, "name": "Robot"}});
    fake.ask("r3");
    kit.until_pending("r3").await;
    fake.settle("r3", own);
    kit.until("r3", |state| matches!(state, RequestState::Decided { .. }))
        .await;
}

/// S-029, S-035: the end of a request, each in its own words.
#[tokio::test]
async fn superseded_cancelled_and_expired_requests_cannot_be_decided() {
    let fake = Fake::start().await;
    let kit = Kit::live(&fake).await;
    fake.ask("old");
    fake.ask("new");
    kit.until_pending("new").await;
    fake.settle("old", json!({"state": "superseded", "settled_at": 1}));
    let old = kit
        .until("old", |state| matches!(state, RequestState::Superseded { .. }))
        .await;
    assert_eq!(
        old.state,
        RequestState::Superseded { by: Some("new".into()) },
        "S-035: the newer one is named"
    );
    fake.settle("new", json!({"state": "cancelled", "settled_at": 1}));
    kit.until("new", |state| *state == RequestState::Cancelled).await;
    let now = countersign_clock::SystemClock.now_seconds();
    let data = fake.open("short", &json!({"mode": "show"}), |claims| {
        claims["exp"] = (now + 2).into();
    });
    fake.tell("request", data);
    kit.until_pending("short").await;
    kit.until("short", |state| *state == RequestState::Expired).await;
    kit.present("short");
    assert_eq!(
        kit.approve("short", None, Some(PIN)).await.unwrap().state,
        RequestState::Expired,
        "S-030"
    );
    assert!(fake.lock().decisions.is_empty());
}

/// S-030: five minutes of skew in either direction change nothing.
#[tokio::test]
async fn a_clock_that_is_five_minutes_off_pairs_and_decides() {
    for skew in [-300_000, 300_000] {
        let fake = Fake::start().await;
        fake.lock().skew = skew;
        let kit = Kit::live(&fake).await;
        fake.ask("r1");
        let content = kit.until_pending("r1").await.content.unwrap();
        let left = content.expires_at - countersign_clock::SystemClock.now();
        assert!(
            (110_000..=121_000).contains(&left),
            "S-030: {left} ms left on the device's own clock"
        );
        kit.present("r1");
        let done = kit.approve("r1", None, Some(PIN)).await.unwrap();
        assert_eq!(settled(&done.state).state, PromptState::Approved, "S-030: skew {skew}");
        assert_eq!(kit.device.status().accounts[0].connection, ConnectionView::Live);
    }
}

/// A caller that gives up leaves no request behind that seems to be on its way for ever.
#[tokio::test]
async fn an_approval_that_is_given_up_leaves_the_request_pending() {
    let fake = Fake::start().await;
    // Time enough between two sendings to give up in.
    let mut options = quick();
    options.timing.backoff_first = Duration::from_secs(20);
    options.timing.backoff_most = Duration::from_secs(20);
    let kit = Kit::paired(&fake, options).await;
    fake.ask("r1");
    kit.until_pending("r1").await;
    kit.present("r1");
    fake.lock().unavailable = true;
    {
        let approving = kit.approve("r1", None, Some(PIN));
        let sent = kit.until("r1", |state| *state == RequestState::Sending);
        tokio::select! {
            biased;
            _ = sent => {}
            answer = approving => panic!("answered: {answer:?}"),
        }
    }
    assert_eq!(
        kit.request("r1").unwrap().state,
        RequestState::Pending { tries_left: None }
    );
}
