//! Clients are called with their tokens, or with the reason why there are none.

use countersign::{
    domain::Client,
    storage::{Accounts as _, Clients as _, Devices as _, Prompts as _},
};
use countersign_clock::Clock as _;
use countersign_jose::{Algorithm, Expect, JwkSet, Typ, b64, digest, verify_with_set};
use countersign_protocol::{AuthReqId, ClientId, DeliveryMode, DeviceId};
use serde_json::{Value, json};

use crate::{
    op_calling::{Calling, LOOPBACK, TOKEN, work},
    op_receiver::{Call, Says},
    op_world::{DEVICE, World, anna, shop},
};

pub const AUTH_REQ_ID: &str = "urn:openid:params:jwt:claim:auth_req_id";
const RT_HASH: &str = "urn:openid:params:jwt:claim:rt_hash";
pub const OFFERED: &str = "[op]\ndelivery_modes = [\"poll\", \"ping\", \"push\"]\n";

/// A client that is called with its tokens.
pub fn pushed(endpoint: &str) -> Client {
    Client {
        delivery_mode: Some(DeliveryMode::Push),
        notification_endpoint: Some(endpoint.parse().unwrap()),
        ..shop("pushed")
    }
}

pub async fn calling(script: &[Says]) -> Calling {
    Calling::with(pushed, script, &format!("{OFFERED}{LOOPBACK}")).await
}

/// The body of a call, which is one as CIBA Core section 10.3 has it.
#[track_caller]
pub fn body(call: &Call, auth_req_id: &AuthReqId) -> Value {
    assert_eq!(
        (call.method.as_str(), call.path.as_str()),
        ("POST", "/cb?shop=1"),
        "R-187, R-150"
    );
    assert_eq!(call.header("authorization"), format!("Bearer {TOKEN}"), "R-151, R-192");
    assert_eq!(call.header("content-type"), "application/json", "R-187, R-192");
    let body: Value = serde_json::from_str(&call.body).unwrap();
    assert_eq!(body["auth_req_id"], auth_req_id.expose(), "R-187, R-192");
    body
}

#[track_caller]
pub fn is_error(call: &Call, auth_req_id: &AuthReqId, error: &str, why: &str) {
    let body = body(call, auth_req_id);
    let members: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["auth_req_id", "error", "error_description"], "R-192: {why}");
    assert_eq!(body["error"], error, "R-193: {why}");
    let description = body["error_description"].as_str().unwrap();
    let allowed = |c: char| matches!(c, ' ' | '!' | '#'..='[' | ']'..='~');
    assert!(description.chars().all(allowed), "R-195: {description}");
}

pub fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap_or_else(|| panic!("no {name} in {tokens}"))
}

/// The hash of OpenID Connect Core section 3.1.3.6 for SHA-256, written out once more.
fn left_half(token: &str) -> String {
    b64::encode(&digest::sha256(token)[..16])
}

/// G-08, R-187 to R-190.
#[tokio::test]
async fn an_approved_request_is_delivered_with_its_tokens() {
    for (alg, scope, refreshed) in [
        ("ES256", "openid", false),
        ("RS256", "openid profile offline_access", true),
    ] {
        let client = |endpoint: &str| Client {
            id_token_alg: alg.to_owned(),
            ..pushed(endpoint)
        };
        let calling = Calling::with(client, &[], &format!("{OFFERED}{LOOPBACK}")).await;
        let answer = calling.answer(scope).await.json();
        assert_eq!(answer.get("interval"), None, "R-124: there is nothing to poll");
        let id = AuthReqId::new(text(&answer, "auth_req_id"));
        calling.world.approve().await;
        let tokens = body(&calling.receiver.heard(1).await[0], &id);
        let mut members: Vec<&str> = tokens.as_object().unwrap().keys().map(String::as_str).collect();
        members.retain(|member| *member != "refresh_token");
        let expected = ["access_token", "auth_req_id", "expires_in", "id_token", "token_type"];
        assert_eq!(members, expected, "R-187: scope is there only when it is reduced");
        assert_eq!(tokens["token_type"], "Bearer", "R-187");
        let left = tokens["expires_in"].as_u64().unwrap();
        assert!((595..=600).contains(&left), "R-187: seconds from now on: {left}");

        let keys: JwkSet = serde_json::from_value(calling.world.get("/jwks").await.json()).unwrap();
        let expect = Expect {
            typ: Typ::Exactly("JWT"),
            algs: &[Algorithm::Es256, Algorithm::Rs256],
            max_len: 4096,
        };
        let id_token = verify_with_set(text(&tokens, "id_token"), &expect, &keys).unwrap();
        let claims: Value = id_token.claims().unwrap();
        assert_eq!(
            (&claims["aud"], &claims["sub"]),
            (&json!("pushed"), &json!("sub-anna")),
            "R-188"
        );
        assert_eq!(claims[AUTH_REQ_ID], id.expose(), "R-188");
        let access = text(&tokens, "access_token");
        assert_eq!(claims["at_hash"], left_half(access), "R-188, R-190");
        assert_eq!(tokens.get("refresh_token").is_some(), refreshed, "R-187: {scope}");
        let refresh = tokens.get("refresh_token").and_then(Value::as_str);
        let rt_hash = claims.get(RT_HASH).and_then(Value::as_str);
        assert_eq!(
            rt_hash.map(str::to_owned),
            refresh.map(left_half),
            "R-189, R-190: {alg}"
        );
        calling.paid().await;
        assert!(calling.active(access).await, "R-187: it is good");
        assert_eq!(calling.receiver.calls().len(), 1, "R-196: one call");
    }
}

///
#[tokio::test]
async fn a_client_that_is_called_with_its_tokens_cannot_fetch_them() {
    let calling = calling(&[]).await;
    let id = calling.ask().await;
    calling
        .poll(&id)
        .await
        .refused(400, "unauthorized_client", "R-171: undecided");
    calling.world.approve().await;
    calling
        .poll(&id)
        .await
        .refused(400, "unauthorized_client", "R-171, R-019: approved");
    body(&calling.receiver.heard(1).await[0], &id);
    calling
        .poll(&id)
        .await
        .refused(400, "unauthorized_client", "R-171: delivered");
    let made_up = AuthReqId::new("made-up");
    calling
        .poll(&made_up)
        .await
        .refused(400, "unauthorized_client", "R-171: nothing is learnt");
}

/// G-09, R-192, R-193, R-194, R-195.
#[tokio::test]
async fn a_client_is_told_why_there_are_no_tokens() {
    let calling = calling(&[]).await;
    let denied = calling.ask().await;
    calling.world.deny().await;
    is_error(&calling.receiver.heard(1).await[0], &denied, "access_denied", "denied");

    let expired = calling.ask().await;
    calling.world.clock.advance(120_000);
    let now = calling.world.clock.now();
    calling.world.storage.expire_prompts(now, 10).await.unwrap();
    is_error(
        &calling.receiver.heard(2).await[1],
        &expired,
        "expired_token",
        "R-194: expired",
    );
    calling.paid().await;
    assert_eq!(calling.receiver.calls().len(), 2, "one call each");
}

/// R-193, V-002: whoever was switched off between the approval and the call gets nothing, and the client is told at once.
#[tokio::test]
async fn whoever_was_switched_off_since_gets_no_tokens() {
    for who in ["the person", "the device"] {
        let calling = calling(&[]).await;
        let (stop, working) = (calling.stop, calling.working);
        drop(stop);
        working.await.unwrap();
        let (world, receiver) = (calling.world, calling.receiver);
        let form = [
            ("scope", "openid"),
            ("login_hint", "anna"),
            ("client_notification_token", TOKEN),
        ];
        let answer = world.post_as("pushed", "/bc-authorize", &form).await.json();
        let id = AuthReqId::new(text(&answer, "auth_req_id"));
        world.approve().await;
        if who == "the person" {
            world.storage.set_account_disabled("anna", true).await.unwrap();
        } else {
            let (device, now) = (DeviceId::new(DEVICE), world.clock.now());
            world.storage.revoke_device(&anna(), &device, now).await.unwrap();
        }
        let (_stop, _working) = work(&world, LOOPBACK);
        is_error(&receiver.heard(1).await[0], &id, "transaction_failed", who);
    }
}

/// G-03.
#[tokio::test]
async fn push_is_only_for_those_who_can_be_called() {
    let form = [
        ("scope", "openid"),
        ("login_hint", "anna"),
        ("client_notification_token", TOKEN),
    ];
    let world = World::with(OFFERED).await;
    let metadata = world.get("/.well-known/openid-configuration").await.json();
    let modes = &metadata["backchannel_token_delivery_modes_supported"];
    assert_eq!(*modes, json!(["poll", "ping", "push"]), "R-002");
    world.add_client(pushed("https://shop.example/cb")).await;
    let without = world.post_as("pushed", "/bc-authorize", &form[..2]).await;
    without.refused(400, "invalid_request", "R-052");
    let bad = [
        form[0],
        form[1],
        ("client_notification_token", "a\r\nx-evil: 1aaaaaaaaaaaaaaaa"),
    ];
    let split = world.post_as("pushed", "/bc-authorize", &bad).await;
    split.refused(400, "invalid_request", "V-007");
    assert_eq!(world.post_as("pushed", "/bc-authorize", &form).await.status, 200);

    for (id, dpop, certificate) in [("dpop", true, false), ("certificate", false, true)] {
        let mut bound = pushed("https://shop.example/cb");
        bound.id = ClientId::from(id);
        (bound.tokens.dpop_bound, bound.tokens.certificate_bound) = (dpop, certificate);
        world.storage.add_client(bound).await.unwrap();
        let answer = world.post_as(id, "/bc-authorize", &form).await;
        answer.refused(
            400,
            "unauthorized_client",
            "nobody shows a key when tokens are delivered",
        );
    }

    let world = World::new().await;
    world.add_client(pushed("https://shop.example/cb")).await;
    let answer = world.post_as("pushed", "/bc-authorize", &form).await;
    answer.refused(
        400,
        "unauthorized_client",
        "G-03, R-002: not offered unless the operator says so",
    );
}
