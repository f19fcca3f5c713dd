//! Registration: whose device it is, and with which keys.

use axum::{body::Body, http::Request};
use countersign::storage::{Accounts as _, Devices as _};
use countersign_jose::{Algorithm, SigningKey, digest};
use serde_json::{Value, json};

use crate::{
    device_actor::TestDevice,
    device_world::{Answer, ORIGIN, START, World},
};

/// Proves S-047 (sign-in), S-052: both keys are proven, and the level is the one that was told.
#[tokio::test]
async fn a_device_registers_and_is_listed() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let list = device.call("GET", "/ad/v1/devices", None).await.json();
    assert_eq!(
        list["devices"][0],
        json!({
            "device_id": device.id, "name": "Anna's laptop", "platform": "linux", "app_version": "1.0.0",
            "key_level": "software", "uv_method": "pin", "push": "stream", "created_at": START, "last_seen_at": START,
            "current": true,
        })
    );
    assert_eq!(list["devices"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn registering_the_same_key_again_renews_the_session_and_keeps_the_id() {
    let world = World::new().await;
    let mut device = TestDevice::registered(&world, "anna").await;
    let (id, session) = (device.id.clone(), device.session.clone());
    let mut body = device.registration("anna");
    body["name"] = "New name".into();
    let answer = device.register(&body).await;
    device.adopt(&answer.json());
    assert_eq!(device.id, id);
    let old = json!({"device_session": session}).to_string();
    let answer = device.call_with("POST", "/ad/v1/session", None, Some(old)).await;
    answer.refused(401, "invalid_session");
    let answer = device.register(&device.registration("ben")).await;
    answer.refused(409, "key_in_use");
}

#[tokio::test]
async fn a_session_buys_access_tokens_until_they_are_over() {
    let world = World::new().await;
    let mut device = TestDevice::registered(&world, "anna").await;
    world.clock.advance(600_000);
    let answer = device.call("GET", "/ad/v1/requests", None).await;
    answer.refused(401, "invalid_token");
    let session = json!({"device_session": device.session}).to_string();
    let answer = device
        .call_with("POST", "/ad/v1/session", None, Some(session.clone()))
        .await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["token_type"]),
        (200, &json!("DPoP"))
    );
    assert_eq!(answer.json()["expires_in"], 600);
    answer.json()["access_token"]
        .as_str()
        .unwrap()
        .clone_into(&mut device.token);
    assert_eq!(device.call("GET", "/ad/v1/requests", None).await.status, 200);

    let thief = TestDevice::stranger(&world);
    let answer = thief.call_with("POST", "/ad/v1/session", None, Some(session)).await;
    answer.refused(401, "invalid_session");
    let answer = thief
        .call_with("GET", "/ad/v1/requests", Some(&device.token), None)
        .await;
    answer.refused(401, "invalid_token");
}

/// Proves V-015 at registration: only a fresh ID token of this provider, for the app, made for this key, is good.
#[tokio::test]
async fn an_id_token_that_was_not_made_for_this_registration_is_refused() {
    let world = World::new().await;
    let device = TestDevice::stranger(&world);
    let good = device.registration("anna");
    let nonce = digest::sha256_b64(format!("{}.{}", device.pop.kid(), good["salt"].as_str().unwrap()));
    let now = START / 1000;
    let bent: Vec<(&str, Value)> = vec![
        ("iss", "https://other.example".into()),
        ("sub", "sub-nobody".into()),
        ("aud", "shop".into()),
        ("aud", json!(["countersign-app"])),
        ("aud", json!(["countersign-app", "shop"])),
        ("azp", "shop".into()),
        ("exp", json!(now)),
        ("exp", json!("soon")),
        ("iat", json!(now + 6)),
        ("iat", json!(now - 301)),
        ("auth_time", json!(now - 301)),
        ("nonce", "another".into()),
        ("nonce", Value::Null),
    ];
    for (name, value) in bent {
        let mut claims = world.id_token_claims("anna", &nonce);
        claims[name] = value.clone();
        let mut body = good.clone();
        body["id_token_hint"] = world.sign_id_token(&claims).into();
        let answer = device.register(&body).await;
        assert_eq!(answer.code(), "invalid_id_token", "V-015: {name} = {value}");
    }
    let own_key = device.pop.sign("JWT", &world.id_token_claims("anna", &nonce)).unwrap();
    let wrong_kind = device.key_proof(&device.uv);
    for token in [own_key, wrong_kind, "a.b.c".to_owned()] {
        let mut body = good.clone();
        body["id_token_hint"] = token.into();
        device.register(&body).await.refused(401, "invalid_id_token");
    }
    assert!(
        world
            .storage
            .list_devices(&World::account("anna"))
            .await
            .unwrap()
            .is_empty(),
        "a refused registration changes nothing"
    );
}

#[tokio::test]
async fn a_disabled_person_registers_nothing_and_decides_nothing() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let handle = world.ask("anna", World::show("W4SCT")).await;
    let request = device.request_object(&handle).await;
    world.storage.set_account_disabled("anna", true).await.unwrap();
    let fresh = TestDevice::stranger(&world);
    fresh
        .register(&fresh.registration("anna"))
        .await
        .refused(403, "account_disabled");
    device
        .call("GET", "/ad/v1/requests", None)
        .await
        .refused(403, "account_disabled");
    let claims = device.decision(&handle, &request, "deny");
    let answer = device
        .submit(&handle, &request, &claims, crate::device_actor::By::Pop)
        .await;
    answer.refused(403, "account_disabled");
}

#[tokio::test]
async fn keys_have_to_be_two_of_the_right_kind_and_proven() {
    let world = World::new().await;
    let device = TestDevice::stranger(&world);
    let good = device.registration("anna");
    let big = SigningKey::generate(Algorithm::Es384).unwrap().public_jwk();
    let now = START / 1000;
    let proof = |claims: Value| Value::from(device.uv.sign("countersign-key+jwt", &claims).unwrap());
    let jkt = device.pop.kid();
    let bent: Vec<(&str, Value)> = vec![
        ("pop_key", json!(big)),
        ("uv_key", json!(big)),
        ("uv_key", good["pop_key"].clone()),
        ("uv_key", json!({"kty": "oct", "k": "AA"})),
        ("uv_proof", device.key_proof(&device.pop).into()),
        (
            "uv_proof",
            proof(json!({"aud": "https://x", "iat": now, "exp": now + 300, "jkt": jkt})),
        ),
        (
            "uv_proof",
            proof(json!({"aud": ORIGIN, "iat": now, "exp": now + 301, "jkt": jkt})),
        ),
        (
            "uv_proof",
            proof(json!({"aud": ORIGIN, "iat": now - 500, "exp": now - 200, "jkt": jkt})),
        ),
        (
            "uv_proof",
            proof(json!({"aud": ORIGIN, "iat": now, "exp": now + 300, "jkt": "other"})),
        ),
    ];
    for (field, value) in bent {
        let mut body = good.clone();
        body[field] = value;
        let answer = device.register(&body).await;
        answer.refused(400, "invalid_key_proof");
        assert_eq!(answer.field(), field);
    }
    let mut foreign = good.clone();
    foreign["pop_key"] = json!(SigningKey::generate(Algorithm::Es256).unwrap().public_jwk());
    device.register(&foreign).await.refused(401, "invalid_dpop_proof");
}

async fn post_form(world: &World, body: String) -> Answer {
    let request = Request::post("/bc-deviceRegistration").header("content-type", "application/x-www-form-urlencoded");
    world.send(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn a_device_with_a_push_token_alone_is_registered_without_keys() {
    let world = World::new().await;
    let hint = world.sign_id_token(&world.id_token_claims("anna", "n"));
    let answer = post_form(&world, format!("device_registration_token=tok&id_token_hint={hint}")).await;
    assert_eq!(answer.status, 204, "{}", answer.json());
    let devices = world.storage.list_devices(&World::account("anna")).await.unwrap();
    assert!(devices.len() == 1 && devices[0].keys.is_none());
    for (body, field) in [
        (format!("id_token_hint={hint}"), "device_registration_token"),
        ("device_registration_token=t".to_owned(), "id_token_hint"),
        (
            format!("device_registration_token=&id_token_hint={hint}"),
            "device_registration_token",
        ),
        (
            format!("device_registration_token=a&device_registration_token=b&id_token_hint={hint}"),
            "device_registration_token",
        ),
        (format!("device_registration_token=a&id_token_hint={hint}&x=1"), "x"),
    ] {
        let answer = post_form(&world, body).await;
        answer.refused(400, "invalid_body");
        assert_eq!(answer.field(), field);
    }
    let long = "t".repeat(5000);
    let answer = post_form(&world, format!("device_registration_token={long}&id_token_hint={hint}")).await;
    answer.refused(413, "too_large");
    let answer = post_form(&world, "device_registration_token=t&id_token_hint=abc".to_owned()).await;
    answer.refused(401, "invalid_id_token");
}

#[tokio::test]
async fn one_sign_in_cannot_fill_the_store_with_devices() {
    let world = World::new().await;
    let hint = world.sign_id_token(&world.id_token_claims("anna", "n"));
    let register = async |token: &str| {
        let body = format!("device_registration_token={token}&id_token_hint={hint}");
        post_form(&world, body).await
    };
    for n in 0..32 {
        assert_eq!(register(&format!("tok{n}")).await.status, 204);
    }
    register("tok32").await.refused(429, "too_many_requests");
    assert_eq!(register("tok31").await.status, 204, "a renewal adds none");
    let devices = world.storage.list_devices(&World::account("anna")).await.unwrap();
    assert_eq!(devices.len(), 32, "a refusal changes nothing");
}
