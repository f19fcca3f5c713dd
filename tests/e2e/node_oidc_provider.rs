//! People of a real node-oidc-provider, asked through our package for it, decide on real devices.

use std::time::Duration;

use countersign_authenticator::view::{RequestState, RequestView};
use countersign_e2e::{
    Backend, BackendOptions, Device, NodeOp, NotificationEndpoint, PollError, RelyingParty, Started, Tokens,
    eventually, raw_device::random_text, stage::refusal,
};
use countersign_protocol::{Delivery, DenyReason, Handle, PromptState};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(30);
/// Longer than a worker may keep what it has claimed, which is 20 seconds.
const LEASE_AND_MORE: Duration = Duration::from_mins(1);

/// A provider, a backend that serves it, Anna's phone and a shop.
struct Cast {
    op: NodeOp,
    backend: Backend,
    phone: Device,
    shop: RelyingParty,
}

impl Cast {
    async fn new() -> Self {
        let op = NodeOp::start("acme");
        let backend = NodeOp::backend(&[&op], BackendOptions::default()).await;
        let phone = op.phone(&backend, "anna", "Anna's phone").await;
        let shop = op.client("shop").await;
        Self {
            op,
            backend,
            phone,
            shop,
        }
    }

    async fn ask(&self, more: &[(&str, &str)]) -> (Started, RequestView) {
        let started = ask(&self.shop, more).await;
        let request = self.phone.wait_for_request().await;
        (started, request)
    }
}

async fn ask(shop: &RelyingParty, more: &[(&str, &str)]) -> Started {
    let mut parameters = vec![("login_hint", "anna"), ("scope", "openid profile")];
    parameters.extend(more);
    shop.start(&parameters).await
}

/// Polls until there is a result: this provider does not mind how often.
async fn result(shop: &RelyingParty, started: &Started) -> Result<Tokens, PollError> {
    eventually("the result at the client", PATIENCE, async || {
        let answer = shop.poll(&started.auth_req_id).await;
        let waits = matches!(&answer, Err(PollError(code)) if code == "authorization_pending");
        (!waits).then_some(answer)
    })
    .await
}

/// Waits until the device knows that the provider was told.
async fn told(phone: &Device, handle: &Handle) -> PromptState {
    let known = |state: &RequestState| delivery(state).is_some_and(|delivery| delivery != Delivery::Owed);
    let view = phone.wait_until(handle, known).await;
    let (RequestState::Decided { settled } | RequestState::HandledElsewhere { settled, .. }) = view.state else {
        panic!("the provider was told: {:?}", view.state)
    };
    assert_eq!(settled.delivery, Some(Delivery::Done));
    settled.state
}

fn delivery(state: &RequestState) -> Option<Delivery> {
    match state {
        RequestState::Decided { settled }
        | RequestState::HandledElsewhere { settled, .. }
        | RequestState::Failed { settled } => settled.delivery,
        _ => None,
    }
}

#[tokio::test]
async fn an_approval_on_the_device_brings_tokens_of_the_provider_that_say_how() {
    let cast = Cast::new().await;
    let (started, request) = cast.ask(&[("binding_message", "W4SCT")]).await;
    let content = request.content.as_ref().expect("the request object is verified");
    assert_eq!(content.client.name, "Demo Shop", "the client's name is the provider's");
    assert_eq!(
        refusal(cast.shop.poll(&started.auth_req_id).await),
        "authorization_pending"
    );
    cast.phone.approve(&request.handle, None).await;
    let tokens = result(&cast.shop, &started).await.expect("the client redeems");
    assert_eq!(tokens.claims["sub"], "anna", "V-012: tokens of who was asked");
    assert_eq!(
        tokens.claims["amr"],
        json!(["swk", "pin"]),
        "S-089: how it was decided goes to the client"
    );
    assert!(tokens.claims["acr"].is_string(), "S-089: {}", tokens.claims);
    assert_eq!(told(&cast.phone, &request.handle).await, PromptState::Approved);
    let calls = cast.op.calls().await;
    assert_eq!(calls.intakes.len(), 1, "one request, one call");
    assert_eq!(calls.callbacks.len(), 1, "one decision, one call");
    assert_eq!(calls.callbacks[0].status, 204);
    assert!(
        !calls.intakes[0].body.contains(&started.auth_req_id),
        "what the client redeems stays between provider and client"
    );
    let log = cast.backend.log();
    for secret in ["W4SCT", &started.auth_req_id] {
        assert!(!log.contains(secret), "V-013: the log has nothing to steal");
    }
}

#[tokio::test]
async fn a_number_is_typed_on_the_device_and_denied_when_it_is_wrong_twice() {
    let cast = Cast::new().await;
    let (started, request) = cast.ask(&[("binding_message", "471")]).await;
    cast.phone.approve(&request.handle, Some("471")).await;
    result(&cast.shop, &started)
        .await
        .expect("the right number is an approval");

    let (started, request) = cast.ask(&[("binding_message", "4711")]).await;
    cast.phone.approve(&request.handle, Some("1234")).await;
    cast.phone.approve(&request.handle, Some("1235")).await;
    assert_eq!(refusal(result(&cast.shop, &started).await), "access_denied");
    let calls = cast.op.calls().await;
    assert_eq!(calls.callbacks[1].json()["reason"], "number_mismatch");
}

#[tokio::test]
async fn a_denial_is_access_denied_and_says_why_to_the_provider_alone() {
    let cast = Cast::new().await;
    let (started, request) = cast.ask(&[]).await;
    cast.phone.deny(&request.handle, DenyReason::NotMe).await;
    assert_eq!(refusal(result(&cast.shop, &started).await), "access_denied");
    assert_eq!(told(&cast.phone, &request.handle).await, PromptState::Denied);
    let heard = cast.op.calls().await.callbacks[0].json();
    assert_eq!(
        (&heard["result"], &heard["reason"]),
        (&json!("denied"), &json!("not_me"))
    );
}

#[tokio::test]
async fn nobody_decides_and_the_client_hears_that_it_expired() {
    let cast = Cast::new().await;
    let (started, request) = cast.ask(&[("requested_expiry", "4")]).await;
    assert_eq!(refusal(result(&cast.shop, &started).await), "expired_token");
    let over = |state: &RequestState| matches!(state, RequestState::Expired);
    cast.phone.wait_until(&request.handle, over).await;
    let heard = eventually("the provider to hear of it", PATIENCE, async || {
        cast.op.calls().await.callbacks.first().cloned()
    })
    .await;
    assert_eq!((heard.json()["result"].as_str(), heard.status), (Some("expired"), 204));
}

/// The provider takes contradicting results; the backend sends it one.
#[tokio::test]
async fn of_two_devices_that_decide_at_once_one_wins_and_the_provider_hears_only_that() {
    let cast = Cast::new().await;
    let laptop = cast.op.phone(&cast.backend, "anna", "Anna's laptop").await;
    let (started, request) = cast.ask(&[]).await;
    let handle = &request.handle;
    laptop.wait_for(handle).await;
    tokio::join!(cast.phone.approve(handle, None), laptop.approve(handle, None));
    result(&cast.shop, &started).await.expect("approved, by one of them");
    let states = [told(&cast.phone, handle).await, told(&laptop, handle).await];
    assert_eq!(states, [PromptState::Approved; 2]);
    assert_eq!(
        cast.op.calls().await.callbacks.len(),
        1,
        "S-092: the provider hears of it once"
    );

    let (started, request) = cast.ask(&[]).await;
    let handle = &request.handle;
    laptop.wait_for(handle).await;
    tokio::join!(
        cast.phone.approve(handle, None),
        laptop.deny(handle, DenyReason::ChangedMind)
    );
    assert_eq!(
        refusal(result(&cast.shop, &started).await),
        "access_denied",
        "the first decision wins"
    );
    assert_eq!(told(&cast.phone, handle).await, PromptState::Denied);
    assert_eq!(
        cast.op.calls().await.callbacks.len(),
        2,
        "S-092: and the provider hears of it once"
    );
}

#[tokio::test]
async fn a_provider_that_was_restarted_knows_its_request_and_takes_the_result() {
    let mut cast = Cast::new().await;
    let (started, request) = cast.ask(&[]).await;
    cast.op.restart();
    cast.phone.approve(&request.handle, None).await;
    result(&cast.shop, &started).await.expect("it knew its request");
    assert_eq!(told(&cast.phone, &request.handle).await, PromptState::Approved);
}

/// The decision is on disk before the device hears that it counts; the provider is told by whoever lives.
#[tokio::test]
async fn a_decision_outlives_the_provider_that_is_down_and_the_backend_that_is_killed() {
    let mut cast = Cast::new().await;
    let (started, request) = cast.ask(&[]).await;
    cast.op.kill();
    let view = cast.phone.approve(&request.handle, None).await;
    assert_eq!(
        delivery(&view.state),
        Some(Delivery::Owed),
        "approved, and nobody says that it succeeded"
    );
    cast.backend.kill();
    cast.op.restart();
    cast.backend.restart();
    result(&cast.shop, &started).await.expect("the decision was kept");
    assert_eq!(told(&cast.phone, &request.handle).await, PromptState::Approved);
}

/// What is not known to have been heard is said again, and the provider answers the same again.
#[tokio::test]
async fn a_backend_that_dies_when_the_provider_has_answered_tells_it_again_without_harm() {
    let op = NodeOp::start("acme");
    let options = BackendOptions {
        failpoints: true,
        ..BackendOptions::default()
    };
    let mut backend = NodeOp::backend(&[&op], options).await;
    backend.fail_at(Some("Called:1:abort"));
    backend.kill();
    backend.restart();
    let phone = op.phone(&backend, "anna", "Anna's phone").await;
    let shop = op.client("shop").await;
    let started = ask(&shop, &[]).await;
    let request = phone.wait_for_request().await;
    phone.approve(&request.handle, None).await;
    eventually("the backend to end", PATIENCE, || {
        std::future::ready(backend.has_ended().then_some(()))
    })
    .await;
    result(&shop, &started).await.expect("the provider has heard");
    backend.kill();
    backend.fail_at(None);
    backend.restart();
    // What the dead process had taken on is nobody else's until its lease is over.
    eventually("the provider to be told again", LEASE_AND_MORE, async || {
        (op.calls().await.callbacks.len() == 2).then_some(())
    })
    .await;
    assert_eq!(told(&phone, &request.handle).await, PromptState::Approved);
    let calls = op.calls().await.callbacks;
    let statuses: Vec<u16> = calls.iter().map(|call| call.status).collect();
    assert_eq!(statuses, [204, 204], "the same again is answered the same");
    assert_eq!(calls[0].body, calls[1].body, "it is the same result");
    assert_eq!(
        calls[0].headers["webhook-id"], calls[1].headers["webhook-id"],
        "in the same message"
    );
    assert_eq!(refusal(shop.poll(&started.auth_req_id).await), "invalid_grant", "once");
}

#[tokio::test]
async fn a_client_in_ping_mode_is_called_and_redeems() {
    let endpoint = NotificationEndpoint::start(&[]);
    let op = NodeOp::start_with(
        "acme",
        &json!({ "ping": endpoint.url(), "ca_file": endpoint.ca_file() }),
    );
    let backend = NodeOp::backend(&[&op], BackendOptions::default()).await;
    let phone = op.phone(&backend, "anna", "Anna's phone").await;
    let shop = op.client("shop-ping").await;
    let token = random_text();
    let started = ask(&shop, &[("client_notification_token", &token)]).await;
    let request = phone.wait_for_request().await;
    phone.approve(&request.handle, None).await;
    let calls = endpoint.heard(1).await;
    calls[0].is_ping(&token, &started.auth_req_id);
    shop.poll(&started.auth_req_id)
        .await
        .expect("the client redeems when it is called");
    assert_eq!(told(&phone, &request.handle).await, PromptState::Approved);
}

/// openid-client as the client: it discovers, asks, polls at its own pace and verifies.
#[tokio::test]
async fn a_strangers_client_is_told_of_every_end() {
    let op = NodeOp::start_with("acme", &json!({ "people": ["anna", "bert", "cleo"] }));
    let backend = NodeOp::backend(&[&op], BackendOptions::default()).await;
    let play = async |sub: &str, ends: &str, more: Value| {
        let phone = op.phone(&backend, sub, "Phone").await;
        let mut story = json!({ "story": ends, "login_hint": sub, "scope": "openid profile" });
        for (name, value) in more.as_object().expect("a story is an object") {
            story[name] = value.clone();
        }
        let mut stranger = op.stranger("openid-client.mjs", &story);
        stranger.started().await;
        let request = phone.wait_for_request().await;
        match ends {
            "approve" => drop(phone.approve(&request.handle, Some("471")).await),
            "deny" => drop(phone.deny(&request.handle, DenyReason::ChangedMind).await),
            _ => {}
        }
        stranger.result().await
    };
    let results = tokio::join!(
        Box::pin(play("anna", "approve", json!({ "binding_message": "471" }))),
        Box::pin(play("bert", "deny", json!({ "binding_message": "W4SCT" }))),
        Box::pin(play("cleo", "expiry", json!({ "requested_expiry": 6 }))),
    );
    for result in [&results.0, &results.1, &results.2] {
        assert_eq!(result["ok"], true, "a standard client hears how it ended: {result}");
    }
    assert_eq!(results.0["claims"]["sub"], "anna", "V-012: tokens of who was asked");
}
