//! A decision that another provider has to be told of: success is what it heard.

use countersign_authenticator::view::RequestState;
use countersign_protocol::{Delivery, DenyReason, PromptState};
use serde_json::{Value, json};

use crate::{
    fake::{DEVICE, Fake},
    kit::{Kit, PIN, eventually, quick},
};

fn outcome(state: &str, delivery: &str) -> Value {
    json!({"state": state, "settled_at": 1, "decided_by": {"device_id": DEVICE, "name": "Robot"}, "delivery": delivery})
}

fn delivery(state: &RequestState) -> Option<Delivery> {
    match state {
        RequestState::Decided { settled } | RequestState::Failed { settled } => settled.delivery,
        _ => None,
    }
}

/// A device that has approved `r1`, which its provider is being told.
async fn approved() -> (Fake, Kit) {
    let fake = Fake::start().await;
    fake.lock().tells = true;
    let kit = Kit::live(&fake).await;
    fake.ask("r1");
    kit.until_pending("r1").await;
    kit.present("r1");
    let done = kit.approve("r1", None, Some(PIN)).await.unwrap();
    assert_eq!(
        delivery(&done.state),
        Some(Delivery::Owed),
        "approved, and not yet told"
    );
    (fake, kit)
}

#[tokio::test]
async fn an_approval_is_delivered_when_the_provider_has_heard() {
    let (fake, kit) = approved().await;
    fake.settle("r1", outcome("approved", "done"));
    let request = kit.until("r1", |state| delivery(state) == Some(Delivery::Done)).await;
    assert!(matches!(request.state, RequestState::Decided { settled } if settled.state == PromptState::Approved));
    // Older news that was overtaken.
    fake.settle("r1", outcome("approved", "owed"));
    fake.ask("r2");
    kit.until_pending("r2").await;
    let now = kit.request("r1").unwrap().state;
    assert_eq!(
        delivery(&now),
        Some(Delivery::Done),
        "what is known is never owed again"
    );
}

#[tokio::test]
async fn an_approval_that_did_not_arrive_has_failed_and_says_which_way() {
    for (word, expected) in [("failed", Delivery::Failed), ("unclear", Delivery::Unclear)] {
        let (fake, kit) = approved().await;
        fake.settle("r1", outcome("failed", word));
        let request = kit
            .until("r1", |state| matches!(state, RequestState::Failed { .. }))
            .await;
        assert_eq!(delivery(&request.state), Some(expected), "{word}");
        let entry = &kit.device.history(&kit.account, None).await.unwrap().entries[0];
        assert_eq!(
            (entry.settled.state, entry.settled.delivery),
            (PromptState::Failed, Some(expected))
        );
        assert!(entry.receipt_verified, "the decision is signed and kept, heard or not");
    }
}

#[tokio::test]
async fn a_denial_stays_one_whatever_becomes_of_telling_it() {
    let fake = Fake::start().await;
    fake.lock().tells = true;
    let kit = Kit::live(&fake).await;
    fake.ask("r1");
    kit.until_pending("r1").await;
    kit.deny("r1", DenyReason::NotMe).await.unwrap();
    fake.settle("r1", outcome("denied", "unclear"));
    let request = kit
        .until("r1", |state| delivery(state) == Some(Delivery::Unclear))
        .await;
    assert!(matches!(request.state, RequestState::Decided { settled } if settled.state == PromptState::Denied));
}

/// The first final state stays: news of telling cannot turn a decision into its opposite.
#[tokio::test]
async fn news_of_telling_changes_nothing_of_what_was_decided() {
    let (fake, kit) = approved().await;
    fake.settle("r1", outcome("denied", "done"));
    fake.ask("r2");
    kit.until_pending("r2").await;
    let now = kit.request("r1").unwrap().state;
    assert_eq!(delivery(&now), Some(Delivery::Owed));
    assert!(matches!(now, RequestState::Decided { settled } if settled.state == PromptState::Approved));
}

/// The stream broke while the provider was told: the device asks when it is back.
#[tokio::test]
async fn news_that_was_missed_is_asked_for() {
    let (fake, kit) = approved().await;
    {
        let mut inner = fake.lock();
        inner.prompts.get_mut("r1").unwrap().settled = Some(outcome("failed", "failed"));
    }
    kit.device.refresh();
    kit.until("r1", |state| matches!(state, RequestState::Failed { .. }))
        .await;
}

/// V-021: what the provider is called may change; which one it is may not (`op` is pinned, see `trust`).
#[tokio::test]
async fn the_signed_title_of_the_provider_is_taken_over_and_kept() {
    let fake = Fake::start().await;
    let kit = Kit::paired(&fake, quick()).await;
    let title = || kit.device.status().accounts[0].title.clone();
    assert_eq!(title(), None);
    let data = fake.open("evil", &json!({"mode": "show"}), |claims| {
        claims["op"] = "https://evil.example".into();
        claims["op_title"] = "Acme".into();
    });
    fake.tell("request", data);
    kit.until("evil", |state| *state == RequestState::CannotVerify).await;
    assert_eq!(title(), None, "V-021: another provider's request names nobody");
    let data = fake.open("r1", &json!({"mode": "show"}), |claims| {
        claims["op_title"] = "Acme".into();
    });
    fake.tell("request", data);
    kit.until_pending("r1").await;
    eventually("the title", || title().filter(|title| title == "Acme")).await;
    let (again, _channels) = crate::kit::device(quick(), std::sync::Arc::clone(&kit.secrets)).await;
    assert_eq!(again.status().accounts[0].title.as_deref(), Some("Acme"), "kept");
}
