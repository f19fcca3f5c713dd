//! What the provider is told: once as far as it counts, again until it knows or its time is over, and never as a success that it does not know of.

use countersign::{
    consent::{Pins, verify_receipt},
    domain::Payment,
    storage::{Connectors as _, Outbox as _},
};
use countersign_protocol::{Delivery, PromptState};
use serde_json::{Value, json};

use crate::{
    connector_generic_world::{AtProvider, sign},
    device_actor::By,
};

#[tokio::test]
async fn an_approval_is_told_with_its_proof_in_a_signed_call() {
    let at = AtProvider::new().await;
    let device = at.device("anna-uuid").await;
    let handle = at.ask(&at.request()).await;
    let decided = device.approve(&handle).await;
    assert_eq!(decided.json()["delivery"], "owed", "{}", decided.json());
    assert_eq!(at.pay().await, Payment::Done);
    let [heard] = &at.heard()[..] else { panic!("one call") };
    let seconds = at.now() / 1000;
    let expected = sign(&at.key, handle.as_str(), seconds, &heard.body);
    assert_eq!(heard.headers["webhook-id"], handle.as_str(), "S-092");
    assert_eq!(
        heard.headers["webhook-timestamp"],
        seconds.to_string().as_str(),
        "S-092"
    );
    assert_eq!(heard.headers["webhook-signature"], expected.signature.as_str(), "S-092");
    assert_eq!(heard.headers["content-type"], "application/json");
    let mut result: Value = serde_json::from_str(&heard.body).unwrap();
    let mut take = |name: &str| result.as_object_mut().unwrap().remove(name).unwrap();
    let (receipt, auth_time) = (take("receipt"), take("auth_time"));
    assert!(
        (seconds - 5..=seconds).contains(&auth_time.as_i64().unwrap()),
        "when the person was verified"
    );
    assert_eq!(
        result,
        json!({
            "type": "request.settled", "id": "request-1", "sub": "anna-uuid", "result": "approved",
            "amr": ["swk", "pin"], "acr": "urn:countersign:acr:device-verified", "decided_at": at.now(),
        })
    );
    let receipt = serde_json::from_value(receipt).unwrap();
    assert!(
        verify_receipt(&receipt, &Pins::default()).is_ok(),
        "anybody can verify it"
    );
    assert_eq!(at.settled(&handle).await.delivery, Some(Delivery::Done));
    let history = device.call("GET", "/ad/v1/history", None).await.json();
    assert_eq!(history["entries"][0]["delivery"], "done");
    assert_eq!(at.claim().await, [], "once");
}

#[tokio::test]
async fn every_other_end_is_told_with_its_reason() {
    let at = AtProvider::new().await;
    let device = at.device("anna-uuid").await;
    let named = |id: &str| {
        let mut request = at.request();
        request["id"] = json!(id);
        request["client"]["id"] = json!(format!("client-of-{id}"));
        request
    };
    for reason in ["changed_mind", "too_many", "not_me"] {
        let handle = at.ask(&named(reason)).await;
        let object = device.request_object(&handle).await;
        let mut denial = device.decision(&handle, &object, "deny");
        denial["reason"] = json!(reason);
        assert_eq!(device.submit(&handle, &object, &denial, By::Pop).await.status, 200);
        assert_eq!(at.pay().await, Payment::Done);
    }
    let mut typed = named("number_mismatch");
    typed.as_object_mut().unwrap().remove("binding_message");
    typed["binding_code"] = json!("417");
    let handle = at.ask(&typed).await;
    for _ in 0..2 {
        device.approve_typing(&handle, "418").await.refused(422, "match_wrong");
    }
    assert_eq!(at.pay().await, Payment::Done);
    at.ask(&named("superseded")).await;
    let mut newer = named("superseded");
    newer["id"] = json!("newer");
    let newer = at.ask(&newer).await;
    assert_eq!(at.pay().await, Payment::Done);
    at.world.clock.advance(121_000);
    at.world.consent.settle_deadlines().await.unwrap();
    assert_eq!(at.settled(&newer).await.state, PromptState::Expired);
    assert_eq!(at.pay().await, Payment::Done);
    let told: Vec<(Value, Value, Value)> = at
        .results()
        .into_iter()
        .map(|told| {
            assert!(told.get("acr").is_none() && told.get("auth_time").is_none() && told.get("amr").is_none());
            (told["id"].clone(), told["result"].clone(), told["reason"].clone())
        })
        .collect();
    let denied = ["changed_mind", "too_many", "not_me", "number_mismatch", "superseded"];
    let mut expected: Vec<_> = denied
        .map(|reason| (json!(reason), json!("denied"), json!(reason)))
        .into();
    expected.push((json!("newer"), json!("expired"), Value::Null));
    assert_eq!(told, expected);
}

/// S-092: it is the same result each time, in the same message, signed anew; the first 2xx ends it.
#[tokio::test]
async fn what_may_pass_is_told_again_in_the_same_message() {
    let at = AtProvider::new().await;
    let device = at.device("anna-uuid").await;
    let handle = at.ask(&at.request()).await;
    device.approve(&handle).await;
    let statuses = [425, 429, 500, 502, 503, 504, 599];
    at.says(&[&statuses[..], &[200]].concat());
    for status in statuses {
        assert!(matches!(at.pay().await, Payment::Retry { .. }), "{status}");
        assert_eq!(at.settled(&handle).await.delivery, Some(Delivery::Owed), "{status}");
        at.world.clock.advance(1000);
    }
    assert_eq!(at.pay().await, Payment::Done);
    let heard = at.heard();
    assert_eq!(heard.len(), statuses.len() + 1);
    for (number, call) in heard.iter().enumerate() {
        assert_eq!(call.headers["webhook-id"], handle.as_str(), "S-092");
        assert_eq!(call.body, heard[0].body, "S-092: the same result");
        let seconds = at.now() / 1000 - i64::try_from(statuses.len() - number).unwrap();
        let expected = sign(&at.key, handle.as_str(), seconds, &call.body);
        assert_eq!(
            call.headers["webhook-signature"],
            expected.signature.as_str(),
            "V-013: of this time"
        );
    }
    assert_eq!(at.settled(&handle).await.state, PromptState::Approved);
}

/// S-092, V-004: a no is final; the person and the operator are told, and nobody is told that it worked.
#[tokio::test]
async fn a_no_is_final_and_never_a_success() {
    for status in [301, 302, 303, 307, 308, 400, 401, 403, 405, 409, 410, 422] {
        let at = AtProvider::new().await;
        let device = at.device("anna-uuid").await;
        let handle = at.ask(&at.request()).await;
        device.approve(&handle).await;
        at.says(&[status]);
        assert!(matches!(at.pay().await, Payment::Dead { .. }), "{status}");
        at.world.clock.advance(60_000);
        assert_eq!(at.claim().await, [], "S-092: {status}: not again by itself");
        assert_eq!(at.heard().len(), 1, "V-004: {status}: nobody goes elsewhere");
        let settled = at.settled(&handle).await;
        let expected = (PromptState::Failed, Some(Delivery::Failed));
        assert_eq!((settled.state, settled.delivery), expected, "{status}");
        let path = format!("/ad/v1/requests/{}", handle.as_str());
        let shown = device.call("GET", &path, None).await.json();
        assert_eq!(
            (&shown["state"], &shown["delivery"]),
            (&json!("failed"), &json!("failed"))
        );
        let history = device.call("GET", "/ad/v1/history", None).await.json();
        let entry = &history["entries"][0];
        assert_eq!(
            (&entry["state"], &entry["delivery"]),
            (&json!("failed"), &json!("failed"))
        );
        assert!(entry["receipt"].is_object(), "S-092: the decision is kept");
        let dead = at.world.storage.dead_debts(10).await.unwrap();
        let error = &dead[0].error;
        assert!(error.contains(&status.to_string()), "the operator reads why: {error}");
        assert!(!error.contains("callback"), "and no address: {error}");
        let [mark] = &at.world.storage.connector_marks().await.unwrap()[..] else {
            panic!("one connector")
        };
        assert!(mark.failed_at.is_some() && mark.told_at.is_none() && mark.dead == 1);
    }
}

/// A provider may store its request after it was acknowledged: for a moment it does not know it.
#[tokio::test]
async fn an_unknown_request_is_told_again_for_a_moment_only() {
    let at = AtProvider::new().await;
    let device = at.device("anna-uuid").await;
    let handle = at.ask(&at.request()).await;
    device.approve(&handle).await;
    at.says(&[404, 204]);
    assert!(matches!(at.pay().await, Payment::Retry { .. }), "not yet");
    at.world.clock.advance(250);
    assert_eq!(at.pay().await, Payment::Done);
    let late = AtProvider::new().await;
    let device = late.device("anna-uuid").await;
    let handle = late.ask(&late.request()).await;
    late.world.clock.advance(5_000);
    late.says(&[404]);
    device.approve(&handle).await;
    assert!(matches!(late.pay().await, Payment::Dead { .. }), "unknown for good");
    assert_eq!(late.settled(&handle).await.state, PromptState::Failed);
}

/// A provider that is gone for good: told until a minute after the deadline, then given up, and never a success.
#[tokio::test]
async fn a_provider_that_stays_away_is_given_up_on() {
    let at = AtProvider::new().await;
    let device = at.device("anna-uuid").await;
    let handle = at.ask(&at.request()).await;
    device.approve(&handle).await;
    at.says(&[503]);
    assert!(matches!(at.pay().await, Payment::Retry { .. }));
    at.world.clock.advance(178_000);
    assert!(
        matches!(at.pay().await, Payment::Retry { .. }),
        "until a minute after the deadline"
    );
    at.world.clock.advance(1_500);
    assert!(matches!(at.pay().await, Payment::Dead { .. }));
    let settled = at.settled(&handle).await;
    assert_eq!(
        (settled.state, settled.delivery),
        (PromptState::Failed, Some(Delivery::Failed))
    );
}

/// A worker that died while it told is no reason to say nothing: the provider knows the message.
#[tokio::test]
async fn a_worker_that_died_is_followed_by_another() {
    let at = AtProvider::new().await;
    let device = at.device("anna-uuid").await;
    let handle = at.ask(&at.request()).await;
    device.approve(&handle).await;
    let [debt] = &at.claim().await[..] else {
        panic!("one debt is due")
    };
    assert_eq!(debt.attempt, 1);
    at.world.clock.advance(20_000);
    assert_eq!(at.pay().await, Payment::Done);
    assert_eq!(at.settled(&handle).await.delivery, Some(Delivery::Done));
}
