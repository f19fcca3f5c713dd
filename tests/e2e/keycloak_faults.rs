//! Whatever dies between the person's decision and Keycloak's hearing of it: the decision is kept, told once, or reported as not told.

use std::time::Duration;

use countersign_authenticator::view::RequestState;
use countersign_e2e::{Backend, BackendOptions, Device, Keycloak, RawDevice, eventually};
use countersign_protocol::{Delivery, Verdict};
use reqwest::Method;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_mins(1);

fn breakable() -> BackendOptions {
    BackendOptions {
        failpoints: true,
        ..BackendOptions::default()
    }
}

/// Waits until the device can know that Keycloak was not told, or that nobody knows.
async fn not_told(device: &Device, how: Delivery) {
    eventually("the device to say that the approval was not delivered", PATIENCE, async || {
        let requests = device.authenticator.inbox().requests;
        let failed = |state: &RequestState| matches!(state, RequestState::Failed { settled } if settled.delivery == Some(how));
        requests.iter().any(|view| failed(&view.state)).then_some(())
    })
    .await;
}

/// The newest entry of the device's history, once its provider is not owed anything any more.
async fn last_entry(phone: &RawDevice) -> Value {
    eventually("Keycloak not to be owed anything", PATIENCE, async || {
        let (_, history) = phone.call(Method::GET, "/ad/v1/history", None).await;
        let entry = history["entries"][0].clone();
        entry["delivery"]
            .as_str()
            .is_some_and(|delivery| delivery != "owed")
            .then_some(entry)
    })
    .await
}

/// Anna approves on her phone, and the server dies at `point`; then it comes back.
async fn approve_and_die(backend: &mut Backend, phone: &RawDevice, point: &str) {
    let pending = phone.waiting().await;
    backend.kill();
    backend.fail_at(Some(&format!("{point}:abort")));
    backend.restart();
    let decision = phone.decision(&pending, Verdict::Approve, None);
    phone.try_submit(&pending.handle, &decision).await;
    eventually(&format!("the death at {point}"), PATIENCE, || {
        let dead = backend.has_ended();
        async move { dead.then_some(()) }
    })
    .await;
    backend.kill();
    backend.fail_at(None);
    tokio::task::block_in_place(|| backend.restart());
}

/// S-029, S-092: what was decided is owed to Keycloak, and the server that comes back pays.
#[tokio::test(flavor = "multi_thread")]
async fn keycloak_is_told_by_the_server_that_comes_back() {
    let keycloak = Keycloak::borrow().await;
    let mut backend = keycloak.backend_with(&["acme"], breakable());
    let phone = keycloak.phone(&backend, "acme", "anna").await;
    let mut shop = keycloak.shop("acme", &json!({}));
    shop.started().await;
    approve_and_die(&mut backend, &phone, "CommitAfter:1").await;
    let entry = last_entry(&phone).await;
    assert_eq!(
        (&entry["state"], &entry["delivery"]),
        (&json!("approved"), &json!("done")),
        "S-029: {entry}"
    );
    let result = shop.result().await;
    assert_eq!(result["ok"], true, "{result}");
}

/// S-092: nobody knows what Keycloak heard, and telling it twice would take the grant away; so it is not told again, and that is said.
#[tokio::test(flavor = "multi_thread")]
async fn keycloak_is_not_told_twice_by_a_server_that_died_while_telling() {
    let keycloak = Keycloak::borrow().await;
    let mut backend = keycloak.backend_with(&["acme"], breakable());
    let phone = keycloak.phone(&backend, "acme", "anna").await;
    let mut shop = keycloak.shop("acme", &json!({}));
    shop.started().await;
    approve_and_die(&mut backend, &phone, "Called:1").await;
    let entry = last_entry(&phone).await;
    assert_eq!(
        (&entry["state"], &entry["delivery"]),
        (&json!("failed"), &json!("unclear")),
        "S-092: {entry}"
    );
    let result = shop.result().await;
    assert_eq!(
        result["ok"], true,
        "it had heard, and a second call would have undone it: {result}"
    );
}

/// The person can be quicker than Keycloak, which stores a request when it has our answer.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_overtakes_our_acknowledgement_arrives_all_the_same() {
    let keycloak = Keycloak::borrow().await;
    let backend = keycloak.backend(&["acme"]);
    let phone = keycloak.phone(&backend, "acme", "anna").await;
    keycloak.relay.hold_answers();
    let mut shop = keycloak.shop("acme", &json!({}));
    keycloak.relay.intake(1).await;
    phone.decide(Verdict::Approve, None).await;
    eventually("Keycloak to refuse what it does not know yet", PATIENCE, async || {
        backend.log().contains("answered 403").then_some(())
    })
    .await;
    keycloak.relay.let_answers_through();
    shop.started().await;
    let entry = last_entry(&phone).await;
    assert_eq!(
        (&entry["state"], &entry["delivery"]),
        (&json!("approved"), &json!("done")),
        "{entry}"
    );
    let result = shop.result().await;
    assert_eq!(result["ok"], true, "{result}");
}

/// A Keycloak that restarts has forgotten what waited; the person is not shown a success that nobody has, and the next request works.
#[tokio::test(flavor = "multi_thread")]
async fn a_keycloak_that_restarts_in_between_is_reported_as_not_told() {
    let mut keycloak = Keycloak::borrow().await;
    let backend = keycloak.backend(&["acme"]);
    let phone = keycloak.device(&backend, "acme", "anna", "Anna's phone").await;
    let mut shop = keycloak.shop("acme", &json!({}));
    shop.started().await;
    let request = phone.wait_for_request().await;
    tokio::task::block_in_place(|| keycloak.stop());
    let approved = phone.approve(&request.handle, None).await;
    let owed = |state: &RequestState| matches!(state, RequestState::Decided { settled } if settled.delivery == Some(Delivery::Owed));
    assert!(
        owed(&approved.state),
        "it is being told, and success is not claimed: {:?}",
        approved.state
    );
    tokio::task::block_in_place(|| keycloak.restart());
    not_told(&phone, Delivery::Failed).await;
    drop(shop);
    let mut shop = keycloak.shop("acme", &json!({}));
    shop.started().await;
    let next = phone.wait_for_request().await;
    phone.approve(&next.handle, None).await;
    let result = shop.result().await;
    assert_eq!(result["ok"], true, "{result}");
}

/// A Keycloak that takes the call and never answers: it may have heard or not.
#[tokio::test(flavor = "multi_thread")]
async fn a_keycloak_that_does_not_answer_is_reported_as_unclear() {
    let keycloak = Keycloak::borrow().await;
    let backend = keycloak.backend(&["acme"]);
    let phone = keycloak.device(&backend, "acme", "anna", "Anna's phone").await;
    let mut shop = keycloak.shop("acme", &json!({}));
    shop.started().await;
    let request = phone.wait_for_request().await;
    keycloak.freeze();
    phone.approve(&request.handle, None).await;
    not_told(&phone, Delivery::Unclear).await;
    keycloak.go_on();
}
