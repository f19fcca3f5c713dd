//! What a device is given to show, and that nothing else can be decided on.

use countersign::op::Triggered;
use countersign_jose::{Algorithm, Expect, JwkSet, Typ, b64, verify_with_set};
use countersign_protocol::{DetailsShown, DetailsWords, ExactJson, MemberLabel, REQUEST_TYP};
use serde_json::{Value, json};

use crate::{
    device_actor::{By, TestDevice},
    device_world::{ORIGIN, START, World},
};

const EXPECT: Expect<'static> = Expect {
    typ: Typ::Exactly(REQUEST_TYP),
    algs: &[Algorithm::Es256],
    max_len: 16 * 1024,
};

/// Proves S-013, S-014, S-020, R-141, R-059: who asks, as registered, for what, with which message, by when; signed by a key that is pinned.
#[tokio::test]
async fn it_says_everything_that_a_person_decides_on() {
    let world = World::new().await;
    let mut device = TestDevice::stranger(&world);
    let registered = device.register(&device.registration("anna")).await.json();
    device.adopt(&registered);
    let pinned: JwkSet = serde_json::from_value(json!({"keys": registered["request_keys"]})).unwrap();
    for (matching, shown) in [
        (World::show("W4SCT"), json!({"mode": "show", "message": "W4SCT"})),
        (World::typed("4711"), json!({"mode": "type"})),
    ] {
        let handle = world.ask("anna", matching).await;
        let request = device.request_object(&handle).await;
        let verified = verify_with_set(&request, &EXPECT, &pinned).expect("S-013: a pinned key signed it");
        let claims: Value = verified.claims().unwrap();
        let expected = json!({
            "iss": ORIGIN,
            "aud": device.id,
            "op": ORIGIN,
            "sub": World::account("anna").sub,
            "req": handle,
            "client": {"id": "shop", "name": "The shop"},
            "scopes": [{"name": "payment", "text": "Make the payment described here"}],
            "match": shown,
            "policy": {"uv": "required", "uv_max_age": 120},
            "iat": START / 1000,
            "exp": START / 1000 + 120,
        });
        assert_eq!(claims, expected, "S-014, R-141: no more and no less");
    }
}

/// Proves R-268, S-014: details reach the device to the byte, with the operator's words for them under the same signature.
#[tokio::test]
async fn details_are_signed_as_the_client_wrote_them() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let sent = r#"[{"type":"transfer", "units":12345678901234567890, "amount":12.10,"z":{"b":1E+2,"a":"\u00e4"}}]"#;
    let details = DetailsShown {
        details: ExactJson::new(sent).unwrap(),
        words: vec![DetailsWords {
            kind: "transfer".to_owned(),
            title: "Move units".to_owned(),
            labels: vec![MemberLabel {
                at: "/units".to_owned(),
                text: "Units".to_owned(),
            }],
            first: vec!["/units".to_owned()],
        }],
    };
    let handle = world
        .ask_for(Triggered {
            details: Some(details),
            ..world.triggered("shop", "anna", World::show("W4SCT"), "id-1")
        })
        .await;
    let request = device.request_object(&handle).await;
    let payload = String::from_utf8(b64::decode(request.split('.').nth(1).unwrap()).unwrap()).unwrap();
    assert!(
        payload.contains(&format!("\"authorization_details\":{sent},")),
        "R-268: {payload}"
    );
    let claims: Value = serde_json::from_str(&payload).unwrap();
    let words = json!([{
        "type": "transfer",
        "title": "Move units",
        "labels": [{"at": "/units", "text": "Units"}],
        "first": ["/units"],
    }]);
    assert_eq!(claims["authorization_details_words"], words, "S-014: {payload}");
}

/// Proves S-015: what was shown is what is decided on; one letter more or less is another request.
#[tokio::test]
async fn one_letter_changed_is_not_what_was_signed() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let handle = world.ask_as("shop", "anna", World::show("42.00 EUR"), "id-1").await;
    let request = device.request_object(&handle).await;
    let parts: Vec<&str> = request.split('.').collect();
    let payload = String::from_utf8(b64::decode(parts[1]).unwrap()).unwrap();
    let other = payload.replace("42.00", "43.00");
    assert_ne!(other, payload, "the amount is in it");
    let bent = [parts[0], &b64::encode(other), parts[2]].join(".");
    for (shown, sent) in [(&bent, &request), (&request, &bent), (&bent, &bent)] {
        let claims = device.decision(&handle, shown, "approve");
        let answer = device.submit(&handle, sent, &claims, By::Uv).await;
        answer.refused(400, "invalid_decision");
    }
    assert_eq!(
        device.approve(&handle).await.status,
        200,
        "S-015: nothing was decided so far"
    );
}
