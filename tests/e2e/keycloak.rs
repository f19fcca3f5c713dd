//! A real Keycloak asks, openid-client is its client, and the person decides on a real device of ours.

use countersign_authenticator::view::{RequestState, RequestView};
use countersign_e2e::{Device, Keycloak};
use countersign_protocol::{Delivery, DenyReason, Handle, PromptState};
use serde_json::json;

/// Waits until Keycloak was told, and says so on `device`.
async fn told(device: &Device, handle: &Handle, state: PromptState) -> RequestView {
    let done = |found: &RequestState| matches!(found, RequestState::Decided { settled } if settled.state == state && settled.delivery == Some(Delivery::Done));
    device.wait_until(handle, done).await
}

/// the client of a Keycloak gets tokens of that Keycloak for what was approved on a device of ours.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_keycloak_gets_its_tokens_after_an_approval_here() {
    let keycloak = Keycloak::borrow().await;
    let backend = keycloak.backend(&["acme"]);
    let phone = keycloak.device(&backend, "acme", "anna", "Anna's phone").await;
    let mut shop = keycloak.shop("acme", &json!({ "binding_message": "W4SCT" }));
    shop.started().await;
    let request = phone.wait_for_request().await;
    let shown = serde_json::to_value(&request.content).expect("a view is JSON");
    assert_eq!(
        shown["client"]["name"], "Demo Shop",
        "the operator's name for the client: {shown}"
    );
    let scopes: Vec<_> = shown["scopes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|scope| scope["name"].clone())
        .collect();
    assert_eq!(
        scopes.iter().filter(|name| *name == "profile").count(),
        1,
        "Keycloak names it twice: {shown}"
    );
    assert!(
        shown.to_string().contains("W4SCT"),
        "the binding message is shown: {shown}"
    );
    let approved = phone.approve(&request.handle, None).await;
    told(&phone, &approved.handle, PromptState::Approved).await;
    let result = shop.result().await;
    assert_eq!(result["ok"], true, "{result}");
    let account = phone.authenticator.status().accounts.remove(0);
    assert_eq!(result["claims"]["iss"], keycloak.issuer("acme"), "{result}");
    assert_eq!(result["claims"]["preferred_username"], "anna", "{result}");
    assert_eq!(account.issuer, keycloak.issuer("acme"), "whose person this is");
    assert_eq!(account.name, "Anna Example", "as Keycloak calls her");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_keycloak_is_told_of_a_denial_here() {
    let keycloak = Keycloak::borrow().await;
    let backend = keycloak.backend(&["acme"]);
    let phone = keycloak.device(&backend, "acme", "anna", "Anna's phone").await;
    let mut shop = keycloak.shop("acme", &json!({ "story": "deny" }));
    shop.started().await;
    let request = phone.wait_for_request().await;
    phone.deny(&request.handle, DenyReason::NotMe).await;
    told(&phone, &request.handle, PromptState::Denied).await;
    let result = shop.result().await;
    assert_eq!(result["ok"], true, "R-178: access_denied: {result}");
}

/// Both sides see the same end, without a word between them.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_keycloak_expires_on_both_sides() {
    let mut keycloak = Keycloak::borrow().await;
    let backend = keycloak.backend(&["acme"]);
    let phone = keycloak.device(&backend, "acme", "anna", "Anna's phone").await;
    keycloak.let_requests_live(6).await;
    let mut shop = keycloak.shop("acme", &json!({ "story": "expiry" }));
    shop.started().await;
    let request = phone.wait_for_request().await;
    let claims = keycloak.relay.intake(1).await.claims();
    assert_eq!(
        request.content.map(|shown| shown.expires_at / 1_000),
        claims["exp"].as_i64(),
        "the bearer's exp is the deadline"
    );
    phone
        .wait_until(&request.handle, |state| matches!(state, RequestState::Expired))
        .await;
    let result = shop.result().await;
    assert_eq!(result["ok"], true, "R-177: expired_token: {result}");
}

/// S-028: whichever device is first decides, and Keycloak hears of that decision alone.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_devices_that_race_for_a_request_of_keycloak_one_wins() {
    let keycloak = Keycloak::borrow().await;
    let backend = keycloak.backend(&["acme"]);
    let phone = keycloak.device(&backend, "acme", "anna", "Anna's phone").await;
    let laptop = keycloak.device(&backend, "acme", "anna", "Anna's laptop").await;
    let mut shop = keycloak.shop("acme", &json!({}));
    shop.started().await;
    let handle = phone.wait_for_request().await.handle;
    assert_eq!(
        laptop.wait_for_request().await.handle,
        handle,
        "both are asked the same"
    );
    let (on_phone, on_laptop) = tokio::join!(phone.approve(&handle, None), laptop.approve(&handle, None));
    let won = |view: &RequestView| matches!(view.state, RequestState::Decided { .. });
    assert_ne!(
        won(&on_phone),
        won(&on_laptop),
        "S-028: {:?} {:?}",
        on_phone.state,
        on_laptop.state
    );
    told(
        if won(&on_phone) { &phone } else { &laptop },
        &handle,
        PromptState::Approved,
    )
    .await;
    // Keycloak forgets a grant that it is told of twice, so tokens say that it was told once.
    let result = shop.result().await;
    assert_eq!(result["ok"], true, "{result}");
}

/// Two realms, two people of the same name, one backend, one device: nobody is asked in the other's place.
#[tokio::test(flavor = "multi_thread")]
async fn people_of_two_realms_are_kept_apart() {
    let keycloak = Keycloak::borrow().await;
    let backend = keycloak.backend(&["acme", "beta"]);
    let of_acme = keycloak.device(&backend, "acme", "anna", "Phone").await;
    let of_beta = keycloak.device(&backend, "beta", "anna", "Phone").await;
    let mut shops = ["acme", "beta"].map(|realm| keycloak.shop(realm, &json!({ "binding_message": realm })));
    for shop in &mut shops {
        shop.started().await;
    }
    for (device, realm) in [(&of_acme, "acme"), (&of_beta, "beta")] {
        let request = device.wait_for_request().await;
        let shown = serde_json::to_value(&request.content)
            .expect("a view is JSON")
            .to_string();
        assert!(
            shown.contains(&format!("\"{realm}\"")),
            "the request of {realm} alone: {shown}"
        );
        device.approve(&request.handle, None).await;
        told(device, &request.handle, PromptState::Approved).await;
    }
    for (shop, realm) in shops.into_iter().zip(["acme", "beta"]) {
        let result = shop.result().await;
        assert_eq!(
            (&result["ok"], &result["claims"]["iss"]),
            (&json!(true), &json!(keycloak.issuer(realm))),
            "{result}"
        );
    }
}

/// Keycloak calls its client inside our call, so that it knows when we know.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_keycloak_is_called_when_the_person_has_approved() {
    let keycloak = Keycloak::borrow().await;
    let backend = keycloak.backend(&["acme"]);
    let phone = keycloak.device(&backend, "acme", "anna", "Anna's phone").await;
    let mut shop = keycloak.client("acme", "shop-ping", &json!({ "story": "ping" }));
    keycloak.ping_at(&shop.listening().await).await;
    shop.go_on().await;
    shop.started().await;
    let request = phone.wait_for_request().await;
    phone.approve(&request.handle, None).await;
    told(&phone, &request.handle, PromptState::Approved).await;
    let result = shop.result().await;
    assert_eq!(result["ok"], true, "R-163: {result}");
}
