//! Upkeep: names, push targets, new keys of the device and of the backend.

use std::sync::Arc;

use countersign::{domain::KeyPurpose, storage::Devices as _};
use countersign_clock::Clock as _;
use countersign_jose::{Algorithm, Expect, JwkSet, SigningKey, Typ, verify_with_set};
use countersign_protocol::{KEY_ANNOUNCEMENT_TYP, KEY_ROTATION_TYP, KeyAnnouncementClaims};
use serde_json::{Value, json};

use crate::{
    device_actor::{TestDevice, fresh},
    device_world::{ORIGIN, World},
};

#[tokio::test]
async fn a_person_renames_and_revokes_their_own_devices_only() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let second = TestDevice::registered(&world, "anna").await;
    let foreign = TestDevice::registered(&world, "ben").await;
    let name = Some(json!({"name": "Kitchen"}));
    for (target, status) in [(&second, 204), (&device, 204), (&foreign, 404)] {
        let path = format!("/ad/v1/devices/{}", target.id);
        assert_eq!(device.call("PATCH", &path, name.clone()).await.status, status);
    }
    let bad = Some(json!({"name": "a\u{202e}b"}));
    let answer = device
        .call("PATCH", &format!("/ad/v1/devices/{}", device.id), bad)
        .await;
    answer.refused(400, "invalid_body");
    assert_eq!(answer.field(), "name");
    for target in [&foreign.id, "nobody"] {
        let answer = device.call("DELETE", &format!("/ad/v1/devices/{target}"), None).await;
        answer.refused(404, "not_found");
    }
    let list = device.call("GET", "/ad/v1/devices", None).await.json();
    let names: Vec<_> = list["devices"].as_array().unwrap().iter().map(|d| &d["name"]).collect();
    assert_eq!(names, ["Kitchen", "Kitchen"]);
    let own = format!("/ad/v1/devices/{}", device.id);
    assert_eq!(
        device.call("DELETE", &own, None).await.status,
        204,
        "signing out is revoking oneself"
    );
    device
        .call("GET", "/ad/v1/devices", None)
        .await
        .refused(401, "device_removed");
    assert_eq!(foreign.call("GET", "/ad/v1/devices", None).await.status, 200);
}

/// Proves S-054, V-030: a push target is replaced by the device that proves its key.
#[tokio::test]
async fn a_push_target_is_replaced() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let put = async |push: Value| device.call("PUT", "/ad/v1/push", Some(json!({"push": push}))).await;
    assert_eq!(put(json!({"type": "fcm", "token": "tok-1"})).await.status, 204);
    let list = device.call("GET", "/ad/v1/devices", None).await;
    assert_eq!(list.json()["devices"][0]["push"], "fcm");
    let text = String::from_utf8_lossy(&list.body).into_owned();
    assert!(!text.contains("tok-1"), "S-062: a push token is told to nobody");
    for push in [
        json!({"type": "fcm"}),
        json!({"type": "fcm", "token": ""}),
        json!({"type": "fcm", "token": "a\nb"}),
        json!({"type": "pigeon", "token": "x"}),
        json!({"type": "stream", "extra": 1}),
    ] {
        let answer = put(push).await;
        answer.refused(400, "invalid_body");
        assert_eq!(answer.field(), "push");
    }
    put(json!({"type": "fcm", "token": "t".repeat(5000)}))
        .await
        .refused(413, "too_large");
}

pub fn rotation(device: &TestDevice, pop: &SigningKey, uv: &SigningKey) -> Value {
    let now = device.world.clock.now_seconds();
    let proof = |key: &SigningKey| {
        let claims = json!({"aud": ORIGIN, "iat": now, "exp": now + 300, "jkt": pop.kid()});
        key.sign("countersign-key+jwt", &claims).unwrap()
    };
    json!({
        "iss": device.id, "aud": ORIGIN, "iat": now, "exp": now + 60, "jti": fresh(),
        "pop_key": pop.public_jwk(), "uv_key": uv.public_jwk(), "pop_proof": proof(pop), "uv_proof": proof(uv),
        "key_level": "hardware", "uv_method": "bio",
    })
}

fn key() -> SigningKey {
    SigningKey::generate(Algorithm::Es256).unwrap()
}

/// Proves S-054: from the statement on only the new keys count.
#[tokio::test]
async fn keys_are_replaced_by_a_statement_of_the_old_key() {
    let world = World::new().await;
    let mut device = TestDevice::registered(&world, "anna").await;
    let (pop, uv) = (key(), key());
    let handle = world.ask("anna", World::show("W4SCT")).await;
    let request = device.request_object(&handle).await;
    let old = device.sign_decision(
        &device.decision(&handle, &request, "approve"),
        crate::device_actor::By::Uv,
    );
    let statement = device
        .pop
        .sign(KEY_ROTATION_TYP, &rotation(&device, &pop, &uv))
        .unwrap();
    let body = json!({"statement": statement});
    assert_eq!(device.call("PUT", "/ad/v1/keys", Some(body.clone())).await.status, 204);
    device
        .call("GET", "/ad/v1/requests", None)
        .await
        .refused(401, "invalid_token");
    let answer = device.send_decision(&handle, &request, &old).await;
    answer.refused(400, "invalid_decision");
    (device.pop, device.uv) = (pop, uv);
    let answer = device.call("PUT", "/ad/v1/keys", Some(body)).await;
    answer.refused(400, "invalid_statement");
    let session = json!({"device_session": device.session}).to_string();
    assert_eq!(
        device
            .call_with("POST", "/ad/v1/session", None, Some(session))
            .await
            .status,
        200
    );
    assert_eq!(device.approve(&handle).await.status, 200, "S-054");
    let list = device.call("GET", "/ad/v1/devices", None).await.json();
    assert_eq!(list["devices"][0]["key_level"], "hardware");
    assert_eq!(list["devices"][0]["uv_method"], "bio");
}

/// Proves S-054: a statement with one wrong claim changes nothing.
#[tokio::test]
async fn a_statement_that_does_not_verify_changes_nothing() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let other = TestDevice::registered(&world, "anna").await;
    let (pop, uv) = (key(), key());
    let good = rotation(&device, &pop, &uv);
    let now = world.clock.now_seconds();
    let put = async |signer: &SigningKey, typ: &str, claims: &Value| {
        let statement = signer.sign(typ, claims).unwrap();
        device
            .call("PUT", "/ad/v1/keys", Some(json!({"statement": statement})))
            .await
    };
    for (name, value) in [
        ("iss", json!(other.id)),
        ("aud", json!("https://other.example")),
        ("exp", json!(now + 61)),
        ("iat", json!(now + 6)),
        ("jti", json!("")),
        ("jti", json!("j".repeat(129))),
        ("key_level", json!("paper")),
        ("more", json!(1)),
    ] {
        let mut claims = good.clone();
        claims[name] = value;
        let answer = put(&device.pop, KEY_ROTATION_TYP, &claims).await;
        assert_eq!(answer.code(), "invalid_statement", "S-054: {name}");
    }
    for (name, value) in [
        ("uv_key", json!(pop.public_jwk())),
        ("pop_proof", good["uv_proof"].clone()),
        ("uv_proof", good["pop_proof"].clone()),
        ("pop_key", json!(key().public_jwk())),
    ] {
        let mut claims = good.clone();
        claims[name] = value;
        let answer = put(&device.pop, KEY_ROTATION_TYP, &claims).await;
        assert_eq!(answer.code(), "invalid_key_proof", "S-054: {name}");
    }
    put(&device.uv, KEY_ROTATION_TYP, &good)
        .await
        .refused(400, "invalid_statement");
    put(&pop, KEY_ROTATION_TYP, &good)
        .await
        .refused(400, "invalid_statement");
    put(&device.pop, "JWT", &good).await.refused(400, "invalid_statement");
    let taken = rotation(&device, &other.pop, &uv);
    put(&device.pop, KEY_ROTATION_TYP, &taken)
        .await
        .refused(409, "key_in_use");
    let stored = world
        .storage
        .find_device(&device.id.as_str().into())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stored.keys.unwrap().pop_thumbprint, device.pop.kid());
}

/// Proves S-013: new request keys are announced by a key that devices know, before they sign.
#[tokio::test]
async fn a_new_request_key_is_announced_by_the_old_one() {
    let world = World::new().await;
    let device = Arc::new(TestDevice::stranger(&world));
    let registered = device.register(&device.registration("anna")).await.json();
    let pinned: JwkSet = serde_json::from_value(json!({"keys": registered["request_keys"]})).unwrap();
    let Ok(mut device) = Arc::try_unwrap(device) else {
        unreachable!()
    };
    device.adopt(&registered);
    let before = device.call("GET", "/ad/v1/keys", None).await.json();
    assert_eq!(before, json!({"statements": []}));
    for _ in 0..2 {
        world.keys.rotate(KeyPurpose::RequestObject, 0).await.unwrap();
    }
    let handle = world.ask("anna", World::show("W4SCT")).await;
    let request = device.request_object(&handle).await;
    let expect = |typ| Expect {
        typ: Typ::Exactly(typ),
        algs: &[Algorithm::Es256],
        max_len: 16_384,
    };
    let signed = verify_with_set(&request, &expect("countersign-request+jwt"), &pinned);
    assert!(signed.is_err(), "the new key signs now");
    let statements = device.call("GET", "/ad/v1/keys", None).await.json();
    let statement = statements["statements"][0].as_str().unwrap();
    let announced: KeyAnnouncementClaims = verify_with_set(statement, &expect(KEY_ANNOUNCEMENT_TYP), &pinned)
        .expect("S-013: signed by a pinned key")
        .claims()
        .unwrap();
    assert_eq!(announced.iss, ORIGIN);
    let keys: JwkSet = serde_json::from_value(json!({"keys": announced.keys})).unwrap();
    assert!(
        verify_with_set(&request, &expect("countersign-request+jwt"), &keys).is_ok(),
        "S-013"
    );
    assert_eq!(device.approve(&handle).await.status, 200);
}

/// Proves S-013: however long a device was away, announcements lead from the keys that it pinned to the one that signs.
#[tokio::test]
async fn a_device_that_was_away_for_several_rotations_can_follow() {
    let world = World::new().await;
    let purpose = KeyPurpose::RequestObject;
    let mut pinned = world.keys.snapshot().public(&[purpose]);
    for _ in 0..8 {
        world.keys.rotate(purpose, 0).await.unwrap();
        world.clock.advance(13 * 60 * 60 * 1000);
    }
    let expect = Expect {
        typ: Typ::Exactly(KEY_ANNOUNCEMENT_TYP),
        algs: &[Algorithm::Es256],
        max_len: 16_384,
    };
    for statement in world.keys.snapshot().announcements() {
        let known = JwkSet { keys: pinned.clone() };
        let claims: KeyAnnouncementClaims = verify_with_set(&statement, &expect, &known)
            .expect("S-013: signed by a key that is known by then")
            .claims()
            .unwrap();
        let announced: JwkSet = serde_json::from_value(json!({"keys": claims.keys})).unwrap();
        for key in announced.keys {
            if pinned.iter().all(|known| known.thumbprint() != key.thumbprint()) {
                pinned.push(key);
            }
        }
    }
    world.keys.refresh().await.unwrap();
    let signer = world.keys.signer(purpose).unwrap();
    assert!(
        pinned.iter().any(|known| known.thumbprint() == signer.kid()),
        "S-013: the chain ends at the key that signs"
    );
    let published = world.keys.snapshot().public(&[purpose]);
    assert!(published.len() <= 3, "S-013: old keys themselves are gone");
}

#[tokio::test]
async fn the_discovery_document_names_the_api() {
    let world = World::new().await;
    let request = axum::http::Request::get("/.well-known/countersign");
    let answer = world.send(request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(
        answer.json(),
        json!({
            "backend": ORIGIN, "issuer": ORIGIN, "client_id": "countersign-app", "scope": "openid profile",
            "registration_endpoint": "/bc-deviceRegistration", "device_api": "/ad/v1", "versions": ["1"],
        })
    );
}
