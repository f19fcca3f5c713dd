//! The whole story in one test.

use countersign_authenticator::view::RequestState;
use countersign_e2e::{Backend, BackendOptions, Device, Person, PollError, RelyingParty};
use countersign_protocol::PromptState;

/// B-05 by polling.
#[tokio::test]
async fn a_signed_approval_survives_a_power_cut_and_is_redeemed_exactly_once() {
    let mut backend = Backend::start(&BackendOptions::default());
    let person = Person::add(&backend, "anna");
    let shop = RelyingParty::add(&backend, "shop", &[]).await;
    let phone = Device::pair(&backend, &person, "Anna's phone").await;

    let started = shop
        .start(&[("login_hint", "anna@mail.example"), ("binding_message", "4711")])
        .await;
    let request = phone.wait_for_request().await;
    let content = request.content.as_ref().expect("the request object verifies");
    assert_eq!(content.client.name, "Demo Shop", "R-141: the person sees who asks");
    let waiting = shop.poll(&started.auth_req_id).await;
    assert_eq!(
        waiting.unwrap_err(),
        PollError("authorization_pending".to_owned()),
        "R-172"
    );

    let decided = phone.approve(&request.handle, Some("4711")).await;
    let RequestState::Decided { settled } = &decided.state else {
        panic!("{decided:?}")
    };
    assert_eq!(settled.state, PromptState::Approved);

    backend.kill();
    backend.restart();

    let tokens = shop.poll(&started.auth_req_id).await.expect("nothing approved is lost");
    assert_eq!(
        tokens.claims["amr"],
        serde_json::json!(["swk", "pin"]),
        "S-089: amr says what was really done"
    );
    let again = shop.poll(&started.auth_req_id).await;
    assert_eq!(
        again.unwrap_err(),
        PollError("invalid_grant".to_owned()),
        "R-167: tokens exactly once"
    );
}
