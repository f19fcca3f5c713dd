//! What people, other providers and strangers try at the connection of a node-oidc-provider.

use std::time::Duration;

use countersign_authenticator::view::RequestState;
use countersign_e2e::{Backend, BackendOptions, Device, NodeOp, RelyingParty, Started, stage::refusal};
use reqwest::StatusCode;
use serde_json::{Value, json};

async fn ask(shop: &RelyingParty, sub: &str) -> Started {
    shop.start(&[("login_hint", sub), ("scope", "openid profile")]).await
}

fn nothing_waits(device: &Device) -> bool {
    let requests = device.authenticator.inbox().requests;
    !requests
        .iter()
        .any(|view| matches!(view.state, RequestState::Pending { .. }))
}

/// Waits until `device` has seen everything that was asked before: a request of its own comes after it.
async fn sees_only_its_own(op: &NodeOp, device: &Device, sub: &str) {
    ask(&op.client("shop").await, sub).await;
    device.wait_for_request().await;
}

/// V-012, S-092: the same name at two providers is two people, and the devices of one never see or decide what the other is asked.
#[tokio::test]
async fn two_providers_at_once_each_ask_their_own_anna() {
    let [acme, beta] = ["acme", "beta"].map(NodeOp::start);
    let backend = NodeOp::backend(&[&acme, &beta], BackendOptions::default()).await;
    let at_acme = acme.phone(&backend, "anna", "Anna's phone").await;
    let at_beta = beta.phone(&backend, "anna", "Another Anna's phone").await;
    let shop = acme.client("shop").await;
    let started = ask(&shop, "anna").await;
    let request = at_acme.wait_for_request().await;
    assert!(nothing_waits(&at_beta), "V-012: it is not listed for her namesake");
    let other = at_beta.authenticator.present(&at_beta.account_id, &request.handle);
    assert!(other.is_err(), "V-012: nor can she open it by its handle");
    sees_only_its_own(&beta, &at_beta, "anna").await;
    at_acme.approve(&request.handle, None).await;
    countersign_e2e::eventually("the tokens", Duration::from_secs(20), async || {
        shop.poll(&started.auth_req_id).await.ok()
    })
    .await;
    assert!(
        beta.calls().await.callbacks.is_empty(),
        "S-092: the other provider hears nothing"
    );
}

/// V-012: a colleague at the same provider.
#[tokio::test]
async fn a_request_for_somebody_else_of_the_same_provider_is_neither_listed_nor_decided() {
    let op = NodeOp::start("acme");
    let backend = NodeOp::backend(&[&op], BackendOptions::default()).await;
    let anna = op.phone(&backend, "anna", "Anna's phone").await;
    let bert = op.phone(&backend, "bert", "Bert's phone").await;
    let shop = op.client("shop").await;
    let started = ask(&shop, "anna").await;
    let request = anna.wait_for_request().await;
    assert!(
        bert.authenticator.present(&bert.account_id, &request.handle).is_err(),
        "V-012: not his to see"
    );
    sees_only_its_own(&op, &bert, "bert").await;
    assert_eq!(
        refusal(shop.poll(&started.auth_req_id).await),
        "authorization_pending",
        "V-012: it waits for her"
    );
}

struct Taken {
    op: NodeOp,
    backend: Backend,
    phone: Device,
    shop: RelyingParty,
}

impl Taken {
    async fn set() -> Self {
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
}

/// V-013, S-092: whoever is not the provider asks nobody.
#[tokio::test]
async fn a_forged_intake_is_refused_and_nobody_is_asked() {
    let other = NodeOp::start("beta");
    let op = NodeOp::start("acme");
    let backend = NodeOp::backend(&[&op, &other], BackendOptions::default()).await;
    let phone = op.phone(&backend, "anna", "Anna's phone").await;
    ask(&other.client("shop").await, "anna").await;
    let signed = other.calls().await.intakes.remove(0);
    let mut changed: Value = signed.json();
    changed["sub"] = json!("bert");
    let url = op.intake_url(&backend);
    for (what, url, body) in [
        ("another provider's signature", &url, signed.body.clone()),
        ("another body", &other.intake_url(&backend), changed.to_string()),
        ("no body", &other.intake_url(&backend), String::new()),
    ] {
        let (status, answer) = signed.again(url, &body).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "V-013, S-092: {what}: {answer}");
        let problem: Value = serde_json::from_str(&answer).expect("a problem is JSON");
        assert_eq!(problem["code"], "invalid_signature", "V-013, S-092: {what}");
    }
    sees_only_its_own(&op, &phone, "anna").await;
}

/// V-013: an intake that somebody has recorded asks nobody a second time.
#[tokio::test]
async fn a_replayed_intake_is_the_same_request_before_and_after_the_decision() {
    let cast = Taken::set().await;
    let started = ask(&cast.shop, "anna").await;
    let request = cast.phone.wait_for_request().await;
    let intake = cast.op.calls().await.intakes.remove(0);
    let url = cast.op.intake_url(&cast.backend);
    let handle_of = |text: &str| serde_json::from_str::<Value>(text).expect("JSON")["handle"].clone();
    let (status, answer) = intake.again(&url, &intake.body).await;
    assert_eq!(
        status,
        StatusCode::CREATED,
        "V-013: the same again is answered the same"
    );
    assert_eq!(
        handle_of(&answer),
        json!(request.handle),
        "V-013: it is the same request"
    );
    cast.phone.approve(&request.handle, None).await;
    let (_, answer) = intake.again(&url, &intake.body).await;
    assert_eq!(
        handle_of(&answer),
        json!(request.handle),
        "V-013: also when it is settled"
    );
    let next = ask(&cast.shop, "anna").await;
    let waiting = cast.phone.wait_for_request().await;
    assert_ne!(
        waiting.handle, request.handle,
        "V-013: what waits is what was asked since"
    );
    assert_ne!(next.auth_req_id, started.auth_req_id);
}

/// V-013, S-092: a result that somebody has recorded changes nothing, there or elsewhere.
#[tokio::test]
async fn a_replayed_or_forged_callback_changes_nothing() {
    let cast = Taken::set().await;
    let other = NodeOp::start("beta");
    let started = ask(&cast.shop, "anna").await;
    let request = cast.phone.wait_for_request().await;
    cast.phone.approve(&request.handle, None).await;
    let tokens = countersign_e2e::eventually("the tokens", Duration::from_secs(20), async || {
        cast.shop.poll(&started.auth_req_id).await.ok()
    });
    tokens.await;
    let callback = cast.op.calls().await.callbacks.remove(0);

    let next = ask(&cast.shop, "anna").await;
    let url = cast.op.callback_url();
    let (status, _) = callback.again(&url, &callback.body).await;
    assert_eq!(
        status,
        StatusCode::NO_CONTENT,
        "V-013: the same again is answered the same"
    );
    assert_eq!(
        refusal(cast.shop.poll(&started.auth_req_id).await),
        "invalid_grant",
        "V-013: and redeems nothing again"
    );
    let mut forged = callback.json();
    forged["id"] = cast.op.calls().await.intakes.remove(1).json()["id"].clone();
    let (status, _) = callback.again(&url, &forged.to_string()).await;
    assert_eq!(
        status,
        StatusCode::UNAUTHORIZED,
        "S-092: it is good for that request alone"
    );
    assert_eq!(
        refusal(cast.shop.poll(&next.auth_req_id).await),
        "authorization_pending",
        "S-092: which waits on"
    );
    let (status, _) = callback.again(&other.callback_url(), &callback.body).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "S-092: and at that provider alone");
}
