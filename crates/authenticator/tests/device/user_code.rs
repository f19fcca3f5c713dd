//! The code that clients ask the person for: set on the device, kept by the backend.

use countersign_authenticator::{
    AuthenticatorError, SecretStore as _,
    view::{ErrorCode, UserCodeInput, UserCodeView},
};
use countersign_protocol::Secret;

use crate::{
    fake::Fake,
    fake_user_code::PASSWORD,
    kit::{Kit, PIN},
};

const CODE: &str = "blue moon 7";

async fn set(kit: &Kit, pin: &str, code: Option<&str>) -> Result<(), AuthenticatorError> {
    let input = UserCodeInput {
        account_id: kit.account.clone(),
        pin: pin.to_owned(),
        user_code: code.map(Secret::new),
    };
    kit.device.set_user_code(input).await
}

/// Proves R-113: set, changed and taken away, each time with the PIN, and nothing of it stays on the device.
#[tokio::test]
async fn the_code_is_set_changed_and_taken_away_and_kept_nowhere_here() {
    let fake = Fake::start().await;
    let kit = Kit::live(&fake).await;
    let state = async || kit.device.user_code(&kit.account).await.unwrap();
    let (offered, unset) = (true, false);
    assert_eq!(state().await, UserCodeView { offered, set: unset }, "R-113");
    set(&kit, PIN, Some(CODE)).await.unwrap();
    assert_eq!(fake.lock().user_code.as_deref(), Some(CODE), "R-113: set");
    assert_eq!(state().await, UserCodeView { offered, set: true }, "R-113");
    set(&kit, PIN, Some("red moon 8")).await.unwrap();
    assert_eq!(fake.lock().user_code.as_deref(), Some("red moon 8"), "R-113: changed");
    for name in kit.secrets.names() {
        let kept = kit.secrets.get(&name).await.unwrap().unwrap();
        assert!(!kept.expose().contains("moon"), "R-113: {name} keeps no copy");
    }
    set(&kit, PIN, None).await.unwrap();
    assert_eq!(fake.lock().user_code, None, "R-113: taken away");
    assert_eq!(state().await, UserCodeView { offered, set: unset }, "R-113");
}

/// Proves R-113: without the PIN nobody changes a code, and wrong PINs are counted here as elsewhere.
#[tokio::test]
async fn only_who_knows_the_pin_changes_the_code() {
    let fake = Fake::start().await;
    let kit = Kit::live(&fake).await;
    for _ in 0..5 {
        let refused = set(&kit, "246801", Some(CODE)).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::WrongPin, "R-113");
    }
    let refused = set(&kit, PIN, Some(CODE)).await.unwrap_err();
    assert_eq!(
        refused.code(),
        ErrorCode::PinThrottled,
        "S-052: even the right one waits"
    );
    assert!(refused.view().retry_at.is_some(), "the window can count down");
    assert_eq!(fake.count("PUT /ad/v1/user-code"), 0, "R-113: nothing was sent");
}

/// Proves R-112: what the backend does not take is told apart.
#[tokio::test]
async fn what_is_wrong_with_a_code_is_told() {
    let fake = Fake::start().await;
    let kit = Kit::live(&fake).await;
    for (code, told) in [
        ("123", ErrorCode::UserCodeMalformed),
        (PASSWORD, ErrorCode::UserCodeIsPassword),
    ] {
        let refused = set(&kit, PIN, Some(code)).await.unwrap_err();
        assert_eq!(refused.code(), told, "R-112: {code}");
        assert!(!refused.view().message.contains(code), "S-095: it is not repeated");
    }
    fake.lock().unavailable = true;
    let refused = set(&kit, PIN, Some(CODE)).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Offline);
    assert_eq!(fake.lock().user_code, None);
}
