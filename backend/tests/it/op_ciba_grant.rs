//! Polling for tokens.

use axum::http::header;
use countersign::{
    domain::{Acr, Amr, Approval, Decision},
    storage::{Accounts as _, Clients as _, Decided, Devices as _},
};
use countersign_clock::Clock as _;
use countersign_jose::{Algorithm, Expect, JwkSet, Typ, digest, verify_with_set};
use countersign_protocol::{CIBA_GRANT, ClientId, DenyReason, DeviceId, PromptState};
use serde_json::Value;

use crate::op_world::{DEVICE, START, World, anna, claims, shop};

/// Proves G-10.
#[tokio::test]
async fn an_approved_request_is_redeemed_once() {
    let world = World::new().await;
    let id = world.start(&[]).await;
    world.poll(&id).await.refused(400, "authorization_pending", "R-172");
    world.clock.advance(7_000);
    world.approve().await;
    let answer = world.poll(&id).await;
    assert_eq!(answer.status, 200, "R-166: {}", answer.body);
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store", "R-166");
    let tokens = answer.json();
    insta::assert_json_snapshot!(tokens, { ".access_token" => "[access token]", ".id_token" => "[ID token]" });
    let keys: JwkSet = serde_json::from_value(world.get("/jwks").await.json()).unwrap();
    let expect = Expect {
        typ: Typ::Exactly("JWT"),
        algs: &[Algorithm::Es256],
        max_len: 4096,
    };
    let id_token = tokens["id_token"].as_str().unwrap();
    let verified = verify_with_set(id_token, &expect, &keys).unwrap();
    assert!(verified.header().kid.is_some(), "R-168: the key is named");
    let claims: Value = verified.claims().unwrap();
    insta::assert_json_snapshot!(claims, { ".at_hash" => "[hash]" });
    assert_eq!(
        claims["auth_time"],
        (START + 7_000) / 1000,
        "R-168: when the person was authenticated on the device"
    );
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(claims["at_hash"], digest::token_hash(Algorithm::Es256, access), "R-169");
    world
        .poll(&id)
        .await
        .refused(400, "invalid_grant", "R-167: a second time");
}

#[tokio::test]
async fn many_redemptions_at_once_have_one_winner() {
    let world = World::new().await;
    let id = world.start(&[]).await;
    world.approve().await;
    let polls = (0..100).map(|_| world.poll(&id));
    let answers = futures_util::future::join_all(polls).await;
    let winners = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(winners, 1, "R-167, V-010");
    for loser in answers.iter().filter(|answer| answer.status != 200) {
        loser.refused(400, "invalid_grant", "R-167");
    }
}

/// Proves G-10, R-273.
#[tokio::test]
async fn polling_too_fast_is_told_to_slow_down() {
    let world = World::new().await;
    let id = world.start(&[("requested_expiry", "600")]).await;
    world
        .poll(&id)
        .await
        .refused(400, "authorization_pending", "R-180: the first poll is never early");
    world.clock.advance(1_000);
    world.poll(&id).await.refused(400, "slow_down", "R-173");
    world.clock.advance(5_000);
    world
        .poll(&id)
        .await
        .refused(400, "slow_down", "R-173: the old interval is too short now");
    world.clock.advance(15_000);
    world
        .poll(&id)
        .await
        .refused(400, "authorization_pending", "R-173: the new one is fine");
    world.clock.advance(10);
    world.approve().await;
    assert_eq!(
        world.poll(&id).await.status,
        200,
        "R-180: a decided request is answered at once"
    );
}

/// Proves R-160: nobody is held, so nobody is held too long.
#[tokio::test]
async fn a_poll_is_answered_at_once() {
    let world = World::new().await;
    let id = world.start(&[]).await;
    let at_once = std::time::Duration::from_secs(5);
    let answer = tokio::time::timeout(at_once, world.poll(&id)).await;
    answer
        .expect("R-160: an undecided request is answered without waiting for the person")
        .refused(400, "authorization_pending", "R-160");
}

/// Proves R-175: CIBA lets us end such a request; we go on telling the client to slow down, and lose nobody's decision.
#[tokio::test]
async fn a_client_that_never_slows_down_is_slowed_down_and_not_cut_off() {
    let world = World::new().await;
    let id = world.start(&[]).await;
    world.poll(&id).await.refused(400, "authorization_pending", "R-172");
    for at in 0..100 {
        world
            .poll(&id)
            .await
            .refused(400, "slow_down", &format!("R-175: poll {at}"));
    }
    world.approve().await;
    assert_eq!(world.poll(&id).await.status, 200, "R-175: the approval is not lost");
}

/// Proves: whatever was asked for, and in which order, the ID token names the class that was met.
#[tokio::test]
async fn the_acr_is_the_one_that_was_met() {
    let world = World::new().await;
    for asked in [
        "urn:example:gold",
        "urn:countersign:acr:device-verified urn:countersign:acr:device",
    ] {
        for met in [Acr::DEVICE_VERIFIED, Acr::DEVICE] {
            let id = world.start(&[("acr_values", asked)]).await;
            let approval = Approval {
                auth_time: world.clock.now_seconds(),
                amr: vec![Amr::Swk],
                acr: Acr(met.to_owned()),
                device_id: Some(DeviceId::new(DEVICE)),
            };
            world.decide(Decision::Approve(approval)).await;
            let tokens = world.poll(&id).await.json();
            let claims = claims(tokens["id_token"].as_str().unwrap());
            assert_eq!(claims["acr"], met, "R-058: {asked} was asked for");
        }
    }
}

#[tokio::test]
async fn a_refusal_stays_a_refusal() {
    let world = World::new().await;
    let id = world.start(&[]).await;
    world.deny().await;
    for _ in 0..2 {
        world.poll(&id).await.refused(400, "access_denied", "R-178");
    }
}

#[tokio::test]
async fn an_expired_request_is_told_apart_until_its_grace_is_over() {
    let world = World::new().await;
    let id = world.start(&[("requested_expiry", "30")]).await;
    world.clock.advance(29_999);
    world
        .poll(&id)
        .await
        .refused(400, "authorization_pending", "R-123: not yet over");
    world.clock.advance(1);
    world.poll(&id).await.refused(400, "expired_token", "R-177");
    world.clock.advance(59_999);
    world
        .poll(&id)
        .await
        .refused(400, "expired_token", "R-177: within the grace period");
    world.clock.advance(1);
    world.poll(&id).await.refused(400, "invalid_grant", "R-177: forgotten");
}

/// `expired_token` ends the polling, so no decision that is still on its way may come after it.
#[tokio::test]
async fn what_a_client_was_told_is_expired_stays_expired() {
    let world = World::new().await;
    let id = world.start(&[("requested_expiry", "30")]).await;
    world.clock.advance(30_000);
    world.poll(&id).await.refused(400, "expired_token", "R-177");
    let in_time = world.clock.now() - 1;
    let decided = world.decide_at(Decision::Deny(DenyReason::NotMe), in_time).await;
    let Decided::Settled(settled) = decided else {
        panic!("R-177: too late: {decided:?}")
    };
    assert_eq!(settled.state, PromptState::Expired, "R-177");
    world.poll(&id).await.refused(400, "expired_token", "R-177");
}

#[tokio::test]
async fn an_approval_in_the_last_moment_is_not_lost() {
    let world = World::new().await;
    let id = world.start(&[("requested_expiry", "30")]).await;
    world.clock.advance(29_999);
    world.approve().await;
    world.clock.advance(50_000);
    assert_eq!(world.poll(&id).await.status, 200, "R-177: the grace period is for this");
}

#[tokio::test]
async fn nobody_learns_whose_request_it_is() {
    let world = World::new().await;
    world.add_client(shop("other")).await;
    let id = world.start(&[]).await;
    let form = |id| [("grant_type", CIBA_GRANT), ("auth_req_id", id)];
    let foreign = world.post_as("other", "/token", &form(&id)).await;
    let unknown = world
        .post_as("other", "/token", &form("0123456789012345678901234567890123456789012"))
        .await;
    foreign.refused(400, "invalid_grant", "R-157");
    assert_eq!(
        foreign.body, unknown.body,
        "R-157, V-009: foreign and unknown are one answer"
    );
    world.approve().await;
    let foreign = world.post_as("other", "/token", &form(&id)).await;
    assert_eq!(foreign.body, unknown.body, "R-157, V-009: approved or not");
    assert_eq!(world.poll(&id).await.status, 200, "its own client was not harmed");
}

#[tokio::test]
async fn the_grant_is_for_clients_that_registered_it() {
    let world = World::new().await;
    let mut client = shop("web");
    client
        .grant_types
        .retain(|grant| *grant != countersign::domain::GrantType::Ciba);
    world.add_client(client).await;
    let form = [("grant_type", CIBA_GRANT), ("auth_req_id", "x")];
    world
        .post_as("web", "/token", &form)
        .await
        .refused(400, "unauthorized_client", "R-179");
    let app = [form[0], form[1], ("client_id", "countersign-app")];
    world
        .form("/token", &[], &app)
        .await
        .refused(400, "unauthorized_client", "R-179: a public client");
}

#[tokio::test]
async fn who_is_switched_off_after_the_approval_gets_nothing() {
    for off in ["person", "client", "device"] {
        let world = World::new().await;
        let id = world.start(&[]).await;
        world.approve().await;
        let now = world.clock.now();
        let done = match off {
            "person" => world.storage.set_account_disabled("anna", true).await.unwrap(),
            "client" => world.storage.remove_client(&ClientId::new("shop"), now).await.unwrap(),
            _ => world
                .storage
                .revoke_device(&anna(), &DeviceId::new(DEVICE), now)
                .await
                .unwrap(),
        };
        assert!(done);
        let answer = world.poll(&id).await;
        let expected = if off == "client" {
            "invalid_client"
        } else {
            "invalid_grant"
        };
        assert_eq!(answer.error(), expected, "V-002: {off}");
    }
}

#[tokio::test]
async fn tokens_end_with_their_person() {
    let world = World::new().await;
    let id = world.start(&[]).await;
    world.approve().await;
    let tokens = world.poll(&id).await.json();
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let headers = [("authorization", bearer.as_str())];
    let userinfo = || world.form("/userinfo", &headers, &[]);
    assert_eq!(userinfo().await.status, 200);
    world.storage.set_account_disabled("anna", true).await.unwrap();
    userinfo().await.refused(401, "invalid_token", "V-002");
}

#[tokio::test]
async fn id_tokens_are_signed_as_the_client_asked() {
    let world = World::new().await;
    let mut client = shop("rs");
    client.id_token_alg = "RS256".to_owned();
    world.add_client(client).await;
    let form = [("scope", "openid offline_access"), ("login_hint", "anna")];
    let id = world.post_as("rs", "/bc-authorize", &form).await.json()["auth_req_id"].clone();
    world.approve().await;
    let poll = [("grant_type", CIBA_GRANT), ("auth_req_id", id.as_str().unwrap())];
    let tokens = world.post_as("rs", "/token", &poll).await.json();
    let header =
        countersign_jose::b64::decode(tokens["id_token"].as_str().unwrap().split('.').next().unwrap()).unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&header).unwrap()["alg"],
        "RS256",
        "R-168"
    );
    assert_eq!(claims(tokens["id_token"].as_str().unwrap())["aud"], "rs", "R-168");
    assert!(
        tokens["refresh_token"].is_string(),
        "a refresh token comes with offline_access"
    );
}
