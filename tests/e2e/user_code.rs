//! A code that the person gives to the client, from the device to the tokens.

use countersign_authenticator::view::{ErrorCode, UserCodeInput, UserCodeView};
use countersign_e2e::{Backend, BackendOptions, Device, PIN, Person, RelyingParty};
use countersign_protocol::Secret;
use reqwest::StatusCode;

const CODE: &str = "blue moon 7";
const ENDPOINT: &str = "backchannel_authentication_endpoint";

/// the person sets it on the device; then only who was told it can make the device ring.
#[tokio::test]
async fn only_who_was_told_the_code_makes_the_device_ring() {
    let backend = Backend::start(&BackendOptions::with("[op]\nuser_code = true\n"));
    let person = Person::add(&backend, "anna");
    let with_codes = ["--set", "backchannel_user_code_parameter=true"];
    let till = RelyingParty::add(&backend, "till", &with_codes).await;
    let phone = Device::pair(&backend, &person, "Anna's phone").await;
    let (device, account) = (&phone.authenticator, phone.account_id.as_str());
    let set = async |pin: &str, code: Option<&str>| {
        let input = UserCodeInput {
            account_id: account.to_owned(),
            pin: pin.to_owned(),
            user_code: code.map(Secret::new),
        };
        device.set_user_code(input).await.map_err(|error| error.code())
    };
    let state = async || device.user_code(account).await.expect("the backend says it");
    let asked = |code: Option<&'static str>| {
        let mut form = vec![("scope", "openid"), ("login_hint", "anna")];
        form.extend(code.map(|code| ("user_code", code)));
        form
    };

    let (offered, unset) = (true, false);
    assert_eq!(state().await, UserCodeView { offered, set: unset });
    assert_eq!(
        set(PIN, Some(&person.password)).await,
        Err(ErrorCode::UserCodeIsPassword),
        "R-112"
    );
    assert_eq!(
        set("314159", Some(CODE)).await,
        Err(ErrorCode::WrongPin),
        "R-113: not without the PIN"
    );
    assert_eq!(set(PIN, Some(CODE)).await, Ok(()), "R-113");
    assert_eq!(state().await, UserCodeView { offered, set: true }, "R-113");

    for (code, error) in [(Some("blue moon 8"), "invalid_user_code"), (None, "missing_user_code")] {
        let (status, said) = till.post(ENDPOINT, &asked(code)).await;
        assert_eq!(
            (status, said["error"].as_str()),
            (StatusCode::BAD_REQUEST, Some(error)),
            "R-111"
        );
    }
    assert!(device.inbox().requests.is_empty(), "R-111: nobody was asked");
    let started = till.start(&[("login_hint", "anna"), ("user_code", CODE)]).await;
    let request = phone.wait_for_request().await;
    phone.approve(&request.handle, None).await;
    till.poll(&started.auth_req_id)
        .await
        .expect("R-063: the right code asks, and the person answers");

    let listed = backend.succeed(&["user", "list"], "");
    assert!(
        listed.contains("\tcode\t"),
        "the operator sees that there is one: {listed}"
    );
    assert!(!listed.contains(CODE), "R-112: and not which");
    let _set = backend.succeed(&["user", "code", "--username", "anna", "--code-stdin"], "red moon 8\n");
    let (status, _) = till.post(ENDPOINT, &asked(Some(CODE))).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "R-113: an operator changed it");
    let refused = backend.command(
        &["user", "code", "--username", "anna", "--code-stdin"],
        &person.password,
    );
    assert_eq!(
        refused.status.code(),
        Some(1),
        "R-112: the password is no code here either"
    );
    let _cleared = backend.succeed(&["user", "code", "--username", "anna", "--clear"], "");
    assert_eq!(state().await, UserCodeView { offered, set: unset }, "R-113");
    let (status, _) = till.post(ENDPOINT, &asked(None)).await;
    assert_eq!(status, StatusCode::OK, "R-110: a person without a code is exempt");
}
