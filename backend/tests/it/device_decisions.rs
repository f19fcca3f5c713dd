//! Approve and deny: what is taken, what is refused, and that the first decision wins.

use std::sync::Arc;

use countersign::{domain::AuthRequestState, storage::Prompts as _};
use countersign_jose::digest;
use countersign_protocol::Handle;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    device_actor::{By, TestDevice, fresh},
    device_world::{START, World},
};

/// Proves, S-026: the verified approval reaches the provider's request with what it really proved.
#[tokio::test]
async fn an_approval_is_recorded_with_what_it_proves() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let handle = world.ask_as("shop", "anna", World::show("W4SCT"), "id-1").await;
    let answer = device.approve(&handle).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(answer.json()["state"], "approved");
    assert_eq!(answer.json()["decided_by"]["device_id"], device.id.as_str());
    let AuthRequestState::Approved(approval) = world.auth_request("id-1").await.state else {
        panic!("R-140: a 200 means that the client can redeem");
    };
    assert_eq!(serde_json::to_value(&approval.amr).unwrap(), json!(["swk", "pin"]));
    assert_eq!(approval.acr.0, "urn:countersign:acr:device-verified");
    assert_eq!(approval.auth_time, START / 1000 - 2, "when the PIN was typed");
}

/// Proves R-141, S-026: denying needs the ungated key alone.
#[tokio::test]
async fn a_denial_needs_no_verification_and_no_number() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let handle = world.ask_as("shop", "anna", World::typed("4711"), "id-1").await;
    let answer = device.deny(&handle).await;
    assert_eq!(answer.status, 200, "S-026");
    assert_eq!(answer.json()["reason"], "not_me");
    assert_eq!(world.auth_request("id-1").await.state, AuthRequestState::Denied);
}

/// Proves S-001, S-003, S-007, S-010: two tries, then denied; a new request does not give the tries back.
#[tokio::test]
async fn a_number_may_be_mistyped_once() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let first = world.ask("anna", World::typed("0042")).await;
    let answer = device.approve_typing(&first, "42").await;
    answer.refused(422, "match_wrong");
    assert_eq!(answer.json()["tries_left"], 1, "S-004: leading zeros count");
    let answer = device.approve_typing(&first, "0043").await;
    answer.refused(422, "match_wrong");
    assert_eq!(answer.json()["tries_left"], 0);
    assert_eq!(answer.json()["settled"]["state"], "denied", "S-007");
    assert_eq!(answer.json()["settled"]["reason"], "number_mismatch", "S-007");
    let request = answer_object(&world, &device).await;
    assert!(request.is_empty(), "S-010: the number died with its request");

    let second = world.ask("anna", World::typed("17")).await;
    let answer = device.approve_typing(&second, "18").await;
    assert_eq!(answer.json()["tries_left"], 0, "S-007: one try after a wrong number");
    let third = world.ask("anna", World::typed("99")).await;
    let request = device.request_object(&third).await;
    assert_eq!(device.approve_typing(&third, "99").await.status, 200, "S-007");
    let mut replay = device.decision(&third, &request, "approve");
    replay["match"] = "99".into();
    let answer = device.submit(&third, &request, &replay, By::Uv).await;
    answer.refused(409, "settled"); // S-010: the right number is good once
    let fourth = world.ask("anna", World::typed("98")).await;
    let answer = device.approve_typing(&fourth, "97").await;
    assert_eq!(
        answer.json()["tries_left"],
        1,
        "S-007: a right number gives the tries back"
    );
}

async fn answer_object(world: &World, device: &TestDevice) -> Vec<Value> {
    let _ = world;
    let list = device.call("GET", "/ad/v1/requests", None).await.json();
    list["requests"].as_array().unwrap().clone()
}

/// Proves S-029: the same decision again is the same answer again, also for a wrong number.
#[tokio::test]
async fn the_same_decision_again_gets_the_same_answer_again() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let handle = world.ask("anna", World::typed("4711")).await;
    let request = device.request_object(&handle).await;
    let mut claims = device.decision(&handle, &request, "approve");
    claims["match"] = "1".into();
    let wrong = device.sign_decision(&claims, By::Uv);
    for _ in 0..3 {
        let answer = device.send_decision(&handle, &request, &wrong).await;
        assert_eq!(answer.json()["tries_left"], 1, "S-029: one jti is one try");
    }
    claims["match"] = "4711".into();
    claims["jti"] = fresh().into();
    let right = device.sign_decision(&claims, By::Uv);
    let first = device.send_decision(&handle, &request, &right).await.json();
    world.clock.advance(1_000);
    let again = device.send_decision(&handle, &request, &right).await.json();
    assert_eq!(again["settled_at"], first["settled_at"], "S-029");
    assert_eq!(again["state"], "approved", "S-029");
}

/// Proves S-007: a `jti` that is used again is no way to try one number after the other.
#[tokio::test]
async fn another_number_under_the_same_jti_is_another_try() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let handle = world.ask_as("shop", "anna", World::typed("42"), "id-1").await;
    let request = device.request_object(&handle).await;
    let mut claims = device.decision(&handle, &request, "approve");
    for (number, tries_left) in [("40", 1), ("41", 0)] {
        claims["match"] = number.into();
        let answer = device.submit(&handle, &request, &claims, By::Uv).await;
        answer.refused(422, "match_wrong");
        assert_eq!(answer.json()["tries_left"], tries_left, "S-007: {number}");
    }
    claims["match"] = "42".into();
    let answer = device.submit(&handle, &request, &claims, By::Uv).await;
    answer.refused(409, "settled");
    assert!(
        matches!(world.auth_request("id-1").await.state, AuthRequestState::Denied),
        "S-007: the right number comes too late"
    );
}

/// Proves R-143, S-028, V-011: whatever races, one decision has an effect and all others hear of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_racing_decisions_exactly_one_has_an_effect() {
    let world = World::new().await;
    let device = Arc::new(TestDevice::registered(&world, "anna").await);
    let other = Arc::new(TestDevice::registered(&world, "anna").await);
    for round in 0..5 {
        let id = format!("id-race-{round}");
        let handle = world.ask_as("shop", "anna", World::show("race"), &id).await;
        let final_state = race(&[device.clone(), other.clone()], &handle).await;
        let prompt = world.storage.find_prompt(&handle).await.unwrap().unwrap();
        let state = serde_json::to_value(prompt.view_at(START).state).unwrap();
        assert_eq!(state, final_state.as_str(), "S-028: everybody heard what is stored");
        let redeemable = matches!(world.auth_request(&id).await.state, AuthRequestState::Approved(_));
        assert_eq!(final_state == "approved", redeemable, "S-028: prompt and request agree");
    }
}

/// A hundred decisions at once; returns the final state that all of them heard.
async fn race(devices: &[Arc<TestDevice>; 2], handle: &Handle) -> String {
    let mut entries = Vec::new();
    for number in 0..100 {
        let device = devices[number % 2].clone();
        let request = device.request_object(handle).await;
        let (dec, by) = if number % 3 == 0 {
            ("deny", By::Pop)
        } else {
            ("approve", By::Uv)
        };
        let decision = device.sign_decision(&device.decision(handle, &request, dec), by);
        entries.push((device, request, decision));
    }
    let mut racers = JoinSet::new();
    for (device, request, decision) in entries {
        let handle = handle.clone();
        racers.spawn(async move {
            let answer = device.send_decision(&handle, &request, &decision).await;
            let body = answer.json();
            let view = if answer.status == 200 { &body } else { &body["settled"] };
            (answer.status.as_u16(), view["state"].as_str().unwrap().to_owned())
        });
    }
    let answers = racers.join_all().await;
    let winners: Vec<_> = answers.iter().filter(|(status, _)| *status == 200).collect();
    assert_eq!(winners.len(), 1, "S-028: one effect");
    let final_state = &winners[0].1;
    for (status, state) in &answers {
        assert!([200, 409].contains(status), "S-028: {status}");
        assert_eq!(state, final_state, "S-028: the loser hears the final state");
    }
    final_state.clone()
}

/// Proves R-144, S-030: the last millisecond counts, the next one does not.
#[tokio::test]
async fn a_decision_after_the_deadline_is_refused_even_by_a_second() {
    for (dec, by) in [("approve", By::Uv), ("deny", By::Pop)] {
        for (waited, in_time) in [(119_999, true), (120_000, false), (121_000, false)] {
            let world = World::new().await;
            let device = TestDevice::registered(&world, "anna").await;
            let handle = world.ask_as("shop", "anna", World::show("late"), "id-1").await;
            let request = device.request_object(&handle).await;
            world.clock.advance(waited);
            let claims = device.decision(&handle, &request, dec);
            let answer = device.submit(&handle, &request, &claims, by).await;
            if in_time {
                assert_eq!(answer.status, 200, "R-144: {dec} after {waited} ms: {}", answer.json());
                continue;
            }
            answer.refused(409, "settled");
            assert_eq!(
                answer.json()["settled"]["state"],
                "expired",
                "S-030: {dec} after {waited} ms"
            );
            let state = world.auth_request("id-1").await.state;
            assert_eq!(
                state,
                AuthRequestState::Expired,
                "R-144: {dec} after {waited} ms: settled before it is said, so that nothing on its way can come first"
            );
        }
    }
}

/// Proves S-022: what is recorded has a receipt that holds, so a decision that says it came after the object's deadline is not recorded.
#[tokio::test]
async fn a_decision_that_is_late_by_its_own_clock_is_not_recorded() {
    for (asked_at, waited, ahead) in [(0, 118_000, 3), (500, 119_700, 0)] {
        let world = World::new().await;
        let device = TestDevice::registered(&world, "anna").await;
        world.clock.advance(asked_at);
        let handle = world.ask_as("shop", "anna", World::show("late"), "id-1").await;
        let request = device.request_object(&handle).await;
        world.clock.advance(waited);
        let mut claims = device.decision(&handle, &request, "approve");
        claims["iat"] = (claims["iat"].as_i64().unwrap() + ahead).into();
        let answer = device.submit(&handle, &request, &claims, By::Uv).await;
        answer.refused(400, "invalid_decision");
        let state = world.auth_request("id-1").await.state;
        assert_eq!(state, AuthRequestState::Pending, "S-022: {waited} ms, {ahead} s ahead");
    }
}

/// Proves S-015, S-023, S-026, R-142, V-012: each claim bent alone is refused, and nothing changes.
#[tokio::test]
async fn a_decision_with_one_wrong_claim_changes_nothing() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let stranger = TestDevice::registered(&world, "ben").await;
    let handle = world.ask_as("shop", "anna", World::show("W4SCT"), "id-1").await;
    world.add_client("bank").await;
    let other = world.ask_as("bank", "anna", World::show("other"), "id-2").await;
    let request = device.request_object(&handle).await;
    let now = START / 1000;
    let bent: Vec<(&str, Value)> = vec![
        ("iss", stranger.id.clone().into()),
        ("iss", "nobody".into()),
        ("aud", "https://other.example".into()),
        ("aud", json!([crate::device_world::ORIGIN])),
        ("iat", json!(now + 6)),
        ("iat", json!("1795261206")),
        ("iat", json!(1.5)),
        ("exp", json!(now + 61)),
        ("exp", json!(now)),
        ("exp", json!(now - 5)),
        ("exp", json!(i64::MAX)),
        ("exp", json!(u64::MAX)),
        ("jti", "".into()),
        ("jti", json!(7)),
        ("req", other.as_str().into()),
        ("rh", digest::sha256_b64("another").into()),
        ("rh", "".into()),
        ("dec", "allow".into()),
        ("dec", "Approve".into()),
        ("reason", "not_me".into()),
        ("match", "17".into()),
        ("uv", json!({"method": "pin", "time": now + 6})),
        ("uv", json!({"method": "face", "time": now})),
        ("uv", json!({"method": "pin", "time": now, "extra": 1})),
        ("unknown", json!(1)),
    ];
    for (name, value) in bent {
        let mut claims = device.decision(&handle, &request, "approve");
        claims[name] = value.clone();
        let answer = device.submit(&handle, &request, &claims, By::Uv).await;
        assert_eq!(
            answer.code(),
            "invalid_decision",
            "S-023: {name} = {value}: {}",
            answer.json()
        );
        assert_eq!(answer.status, 400);
    }
    for name in ["iss", "aud", "iat", "exp", "jti", "req", "rh", "dec"] {
        let mut claims = device.decision(&handle, &request, "approve");
        claims.as_object_mut().unwrap().remove(name);
        let answer = device.submit(&handle, &request, &claims, By::Uv).await;
        assert_eq!(answer.code(), "invalid_decision", "S-023: without {name}");
    }
    let mut claims = device.decision(&handle, &request, "approve");
    claims["jti"] = "j".repeat(129).into();
    device
        .submit(&handle, &request, &claims, By::Uv)
        .await
        .refused(413, "too_large");
    assert!(
        matches!(world.auth_request("id-1").await.state, AuthRequestState::Pending),
        "a refused decision changes nothing"
    );
    assert_eq!(device.approve(&handle).await.status, 200, "and leaves the request open");
}

/// Proves S-026, R-140, R-217.
#[tokio::test]
async fn an_approval_needs_the_verification_that_the_policy_asks_for() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let handle = world.ask("anna", World::show("W4SCT")).await;
    let request = device.request_object(&handle).await;
    let claims = device.decision(&handle, &request, "approve");
    let answer = device.submit(&handle, &request, &claims, By::Pop).await;
    answer.refused(403, "uv_required");
    let mut without = claims.clone();
    without.as_object_mut().unwrap().remove("uv");
    for by in [By::Pop, By::Uv] {
        let answer = device.submit(&handle, &request, &without, by).await;
        answer.refused(403, "uv_required");
    }
    let mut old = claims.clone();
    old["uv"]["time"] = (START / 1000 - 121).into();
    let answer = device.submit(&handle, &request, &old, By::Uv).await;
    answer.refused(403, "uv_required");
    old["uv"]["time"] = (START / 1000 - 120).into();
    assert_eq!(device.submit(&handle, &request, &old, By::Uv).await.status, 200);
}

/// Proves S-089: without verification nothing is claimed about it.
#[tokio::test]
async fn where_verification_is_optional_its_absence_is_reported_as_it_is() {
    let world = World::with("[consent]\nuser_verification = \"optional\"").await;
    let device = TestDevice::registered(&world, "anna").await;
    let handle = world.ask_as("shop", "anna", World::show("W4SCT"), "id-1").await;
    let request = device.request_object(&handle).await;
    let mut claims = device.decision(&handle, &request, "approve");
    let answer = device.submit(&handle, &request, &claims, By::Pop).await;
    answer.refused(403, "uv_required");
    claims.as_object_mut().unwrap().remove("uv");
    assert_eq!(device.submit(&handle, &request, &claims, By::Pop).await.status, 200);
    let AuthRequestState::Approved(approval) = world.auth_request("id-1").await.state else {
        panic!("the approval is recorded");
    };
    assert_eq!(approval.acr.0, "urn:countersign:acr:device", "S-089");
    assert_eq!(serde_json::to_value(&approval.amr).unwrap(), json!(["swk"]), "S-089");
}

/// Proves S-013, S-015: only an object of ours, made for this device, can be decided on.
#[tokio::test]
async fn a_request_object_that_is_not_ours_for_this_device_is_refused() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let second = TestDevice::registered(&world, "anna").await;
    let handle = world.ask("anna", World::show("W4SCT")).await;
    let others = second.request_object(&handle).await;
    let own = device.request_object(&handle).await;
    let forged = device
        .uv
        .sign("countersign-request+jwt", &json!({"req": handle}))
        .unwrap();
    let cut = own[..own.len() - 2].to_owned();
    let type_mode = world.ask_as("shop", "ben", World::typed("12"), "id-ben").await;
    for request in [others, forged, cut, String::new(), own.replace('.', "..")] {
        let claims = device.decision(&handle, &request, "approve");
        let answer = device.submit(&handle, &request, &claims, By::Uv).await;
        answer.refused(400, "invalid_decision");
    }
    let claims = device.decision(&type_mode, &own, "approve");
    let answer = device.submit(&type_mode, &own, &claims, By::Uv).await;
    answer.refused(400, "invalid_decision");
    let long = "x".repeat(16 * 1024 + 1);
    let claims = device.decision(&handle, &long, "approve");
    device
        .submit(&handle, &long, &claims, By::Uv)
        .await
        .refused(413, "too_large");
}

/// Proves R-142, V-012: another person's request does not exist for this device.
#[tokio::test]
async fn another_persons_request_is_not_found() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "ben").await;
    let handle = world.ask("anna", World::show("W4SCT")).await;
    let answer = device.call("GET", &format!("/ad/v1/requests/{handle}"), None).await;
    answer.refused(404, "not_found");
    assert!(answer_object(&world, &device).await.is_empty(), "R-142");
}
