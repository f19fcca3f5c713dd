//! What is not verified is not shown.

use countersign_authenticator::{AuthenticatorError, view::RequestState};
use countersign_jose::{Algorithm, SigningKey};
use countersign_protocol::DenyReason;
use serde_json::{Value, json};

use crate::{
    fake::Fake,
    kit::{Kit, PIN},
};

/// S-013, S-051: everything in the object has to be about this account, from the backend and the provider it was paired with, and signed.
#[tokio::test]
async fn what_cannot_be_verified_shows_nothing_and_is_not_decided() {
    let fake = Fake::start().await;
    let kit = Kit::live(&fake).await;
    let foreign: [(&str, &str, Value); 6] = [
        ("iss", "a", "https://evil.example".into()),
        ("aud", "b", "device-2".into()),
        ("op", "c", "https://evil.example".into()),
        ("sub", "d", "bert".into()),
        ("req", "e", "other".into()),
        ("scopes", "f", "not a list".into()),
    ];
    for (claim, handle, value) in foreign {
        let data = fake.open(handle, &json!({"mode": "show"}), |claims| claims[claim] = value);
        fake.tell("request", data);
        let request = kit.until(handle, |state| *state == RequestState::CannotVerify).await;
        assert!(
            request.content.is_none(),
            "S-013: nothing of a wrong `{claim}` is shown"
        );
        kit.present(handle);
        assert!(matches!(
            kit.approve(handle, None, Some(PIN)).await,
            Err(AuthenticatorError::CannotVerify)
        ));
        assert!(matches!(
            kit.deny(handle, DenyReason::NotMe).await,
            Err(AuthenticatorError::CannotVerify)
        ));
    }
    let mut data = fake.open("g", &json!({"mode": "show", "message": "100 EUR"}), |_| {});
    let object = data["request"].as_str().unwrap();
    let (rest, signature) = object.rsplit_once('.').unwrap();
    let flipped = if signature.starts_with('A') { "B" } else { "A" };
    data["request"] = format!("{rest}.{flipped}{}", &signature[1..]).into();
    fake.tell("request", data);
    kit.until("g", |state| *state == RequestState::CannotVerify).await;
    assert!(fake.lock().decisions.is_empty());
}

/// S-016, R-268: the window gets every line of the details with the operator's words, numbers digit by digit, and nothing when one cannot be shown.
#[tokio::test]
async fn details_are_shown_exactly_or_the_request_is_not_shown() {
    let fake = Fake::start().await;
    let kit = Kit::live(&fake).await;
    let details = r#"[{"type":"transfer", "units":12345678901234567890, "fee":12.10, "x":{"hidden":0.1e-7}}]"#;
    let data = fake.open("good", &json!({"mode": "show"}), |claims| {
        claims["authorization_details"] = details.into();
        claims["authorization_details_words"] = json!([{
            "type": "transfer", "title": "Move units", "labels": [{"at": "/units", "text": "Units"}], "first": ["/units"],
        }]);
    });
    fake.tell("request", data);
    let request = kit.until_pending("good").await;
    let shown = serde_json::to_value(request.content.unwrap().details).unwrap();
    let number = |text: &str| json!({"kind": "number", "text": text});
    let expected = json!([{
        "title": "Move units",
        "first": [
            {"path": "/units", "depth": 0, "key": "units", "label": "Units", "value": number("12345678901234567890")},
        ],
        "rest": [
            {"path": "/type", "depth": 0, "key": "type", "value": {"kind": "text", "text": "transfer"}},
            {"path": "/fee", "depth": 0, "key": "fee", "value": number("12.10")},
            {"path": "/x", "depth": 0, "key": "x", "value": {"kind": "members", "count": 1}},
            {"path": "/x/hidden", "depth": 1, "key": "hidden", "value": number("0.1e-7")},
        ],
    }]);
    assert_eq!(shown, expected, "S-016, R-268");
    let deep = format!("{}1{}", "[".repeat(60), "]".repeat(60));
    for (handle, details) in [("deep", deep.as_str()), ("twice", r#"[{"amount":1,"amount":100}]"#)] {
        let data = fake.open(handle, &json!({"mode": "show"}), |claims| {
            claims["authorization_details"] = details.into();
        });
        fake.tell("request", data);
        let request = kit.until(handle, |state| *state == RequestState::CannotVerify).await;
        assert!(request.content.is_none(), "S-016: {details}");
    }
}

/// S-013: a new request key counts when a pinned one announces it.
#[tokio::test]
async fn a_new_request_key_is_pinned_when_an_old_one_announces_it() {
    let fake = Fake::start().await;
    let kit = Kit::live(&fake).await;
    fake.change_request_key(None);
    fake.change_request_key(None);
    fake.ask("r1");
    kit.until_pending("r1").await;
    assert_eq!(fake.count("GET /ad/v1/keys"), 1, "the whole chain in one answer");
    kit.present("r1");
    kit.approve("r1", None, Some(PIN)).await.unwrap();
}

/// S-013: nobody else announces keys, and asking is not repeated in a loop.
#[tokio::test]
async fn a_key_that_a_stranger_announces_is_not_pinned() {
    let fake = Fake::start().await;
    let kit = Kit::live(&fake).await;
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    fake.change_request_key(Some(&stranger));
    for handle in ["r1", "r2", "r3"] {
        fake.ask(handle);
        kit.until(handle, |state| *state == RequestState::CannotVerify).await;
    }
    assert_eq!(fake.count("GET /ad/v1/keys"), 1, "asked once in a while");
}

/// S-015: what the person reads is what is signed, whatever comes later under the same handle.
#[tokio::test]
async fn a_request_in_view_is_never_exchanged_underneath() {
    let fake = Fake::start().await;
    let kit = Kit::live(&fake).await;
    fake.ask("r1");
    let before = kit.until_pending("r1").await;
    let data = fake.open("r1", &json!({"mode": "show", "message": "999 EUR"}), |_| {});
    fake.tell("request", data);
    fake.ask("r2");
    kit.until_pending("r2").await;
    assert_eq!(kit.request("r1").unwrap(), before, "S-015");
    kit.present("r1");
    let refused = kit.approve("r1", None, Some(PIN)).await;
    assert!(
        matches!(refused, Err(AuthenticatorError::Refused(_))),
        "the decision is over what was shown: {refused:?}"
    );
}

/// V-031: a hint carries nothing; what it brings is fetched and verified.
#[tokio::test]
async fn forged_hints_show_nothing_and_cost_little() {
    let fake = Fake::start().await;
    let kit = Kit::live(&fake).await;
    let before = fake.count("GET /ad/v1/requests");
    for _ in 0..50 {
        kit.device.refresh();
        tokio::time::sleep(std::time::Duration::from_millis(4)).await;
    }
    let fetched = fake.count("GET /ad/v1/requests") - before;
    assert!(
        (1..=5).contains(&fetched),
        "S-060: {fetched} fetches for 50 hints within two intervals"
    );
    assert!(kit.device.inbox().requests.is_empty(), "V-031");
}

/// S-054: the old key vouches for the new ones, and the PIN stays.
#[tokio::test]
async fn rotated_keys_sign_and_the_old_ones_are_gone() {
    let fake = Fake::start().await;
    let kit = Kit::live(&fake).await;
    let before = fake.lock().uv.clone();
    assert!(matches!(
        kit.device.rotate_keys(&kit.account, "246801").await,
        Err(AuthenticatorError::WrongPin)
    ));
    kit.device.rotate_keys(&kit.account, PIN).await.unwrap();
    assert_ne!(fake.lock().uv, before, "S-054");
    fake.ask("r1");
    kit.until_pending("r1").await;
    kit.present("r1");
    kit.approve("r1", None, Some(PIN)).await.unwrap();
    assert!(kit.device.history(&kit.account, None).await.unwrap().entries[0].receipt_verified);
}

/// S-054: the backend took the new keys, the answer was lost, the device was restarted: it finds out by itself.
#[tokio::test]
async fn a_rotation_whose_answer_was_lost_does_not_cost_the_device() {
    let fake = Fake::start().await;
    let kit = Kit::live(&fake).await;
    fake.lock().lose_replies = 1;
    let lost = kit.device.rotate_keys(&kit.account, PIN).await;
    assert!(matches!(lost, Err(AuthenticatorError::Offline(_))), "{lost:?}");
    let (secrets, account) = (std::sync::Arc::clone(&kit.secrets), kit.account.clone());
    drop(kit);
    fake.lock().unavailable = false;
    let (device, channels) = crate::kit::device(crate::kit::quick(), std::sync::Arc::clone(&secrets)).await;
    device.start();
    let kit = Kit {
        device,
        secrets,
        channels,
        account,
    };
    kit.until_connected(|now| *now == countersign_authenticator::view::ConnectionView::Live)
        .await;
    fake.ask("r1");
    kit.until_pending("r1").await;
    kit.present("r1");
    kit.approve("r1", None, Some(PIN)).await.unwrap();
}
