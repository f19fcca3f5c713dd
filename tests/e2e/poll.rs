//! How a request ends, seen by the client that polls.

use std::time::Duration;

use countersign_e2e::{
    Backend, BackendOptions, Credentials, Device, Person, RawDevice, RelyingParty, Stage, eventually, stage::refusal,
};
use countersign_protocol::{DenyReason, Verdict};
use reqwest::{Method, StatusCode};
use serde_json::json;

/// Requests may be short, and are forgotten soon after.
const SHORT: &str = "[op]\ninterval = 1\nmin_expiry = 1\ngrace_seconds = 5\n";

/// B-05 by polling.
#[tokio::test]
async fn every_reason_to_deny_is_the_same_denial_for_the_client_and_kept_for_the_person() {
    // The same client asks on, whatever it was told.
    let backend = Backend::start(&BackendOptions::with("[op]\ninterval = 1\nreport_seconds = 0\n"));
    let person = Person::add(&backend, "anna");
    let shop = RelyingParty::add(&backend, "shop", &[]).await;
    let phone = Device::pair(&backend, &person, "Anna's phone").await;
    for (reason, kept) in [
        (DenyReason::NotMe, "not_me"),
        (DenyReason::ChangedMind, "changed_mind"),
        (DenyReason::TooMany, "too_many"),
    ] {
        let started = shop
            .start(&[("login_hint", "anna"), ("binding_message", "W4SCT")])
            .await;
        let request = phone.wait_for_request().await;
        phone.deny(&request.handle, reason).await;
        for _ in 0..2 {
            let answer = refusal(shop.poll(&started.auth_req_id).await);
            assert_eq!(answer, "access_denied", "R-178: {kept}, and it stays so");
        }
        let history = phone.authenticator.history(&phone.account_id, None).await;
        let entries = history.expect("the history can be read").entries;
        let settled = serde_json::to_value(&entries[0].settled).expect("a view is JSON");
        assert_eq!(settled["reason"], kept, "the person finds the reason again");
    }
}

#[tokio::test]
async fn an_expired_request_is_told_apart_from_an_unknown_one_until_its_grace_is_over() {
    let stage = Stage::with(&BackendOptions::with(SHORT)).await;
    let started = stage.ask(&[("requested_expiry", "3")]).await;
    assert_eq!(started.expires_in, 3, "R-066: the expiry that was asked for");
    let pending = stage.waiting().await;
    let limit = Duration::from_secs(20);
    let becomes = async |code: &str| {
        eventually(code, limit, async || {
            (stage.refused(&started).await == code).then_some(())
        })
        .await;
    };
    becomes("expired_token").await;
    let late = stage.phone.decision(&pending, Verdict::Approve, None);
    let (status, body) = stage.phone.submit(&pending.handle, &late).await;
    assert_eq!(
        status,
        StatusCode::CONFLICT,
        "R-144: no decision after the deadline: {body}"
    );
    assert_eq!(body["settled"]["state"], "expired", "R-144");
    assert_eq!(
        stage.refused(&started).await,
        "expired_token",
        "R-177: a late approval changes nothing"
    );
    becomes("invalid_grant").await;
    let unknown = stage.shop.poll("an-auth_req_id-that-never-existed-here").await;
    assert_eq!(
        refusal(unknown),
        "invalid_grant",
        "R-177: then it is as unknown as one that never was"
    );
}

#[tokio::test]
async fn polling_too_fast_makes_the_interval_five_seconds_longer_for_good() {
    let stage = Stage::with(&BackendOptions::with("[consent]\nsupersede = false\n")).await;
    let (hasty, patient) = (stage.ask(&[]).await, stage.ask(&[]).await);
    for started in [&hasty, &patient] {
        assert_eq!(
            stage.refused(started).await,
            "authorization_pending",
            "R-180: the first poll is never early"
        );
        assert_eq!(
            stage.refused(started).await,
            "slow_down",
            "R-173: the second comes at once"
        );
    }
    tokio::join!(
        async {
            tokio::time::sleep(Duration::from_millis(5_500)).await;
            assert_eq!(
                stage.refused(&hasty).await,
                "slow_down",
                "R-173: the old interval is not enough any more"
            );
        },
        async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            let answer = stage.refused(&patient).await;
            assert_eq!(answer, "authorization_pending", "R-173: five seconds more are");
        },
    );
    for pending in stage.phone.pending().await {
        let decision = stage.phone.decision(&pending, Verdict::Approve, None);
        assert_eq!(stage.phone.submit(&pending.handle, &decision).await.0, StatusCode::OK);
    }
    for started in [&hasty, &patient] {
        stage
            .shop
            .poll(&started.auth_req_id)
            .await
            .expect("V-034: who was hasty still gets the result");
    }
}

#[tokio::test]
async fn the_auth_req_id_of_another_client_is_unknown() {
    let stage = Stage::set().await;
    let thief = RelyingParty::add(&stage.backend, "thief", &[]).await;
    let started = stage.ask(&[]).await;
    stage.decide(Verdict::Approve, None).await;
    let redeem = async |id: &str| {
        let form = [("grant_type", countersign_protocol::CIBA_GRANT), ("auth_req_id", id)];
        thief.post("token_endpoint", &form).await
    };
    let foreign = redeem(&started.auth_req_id).await;
    assert_eq!(foreign.0, StatusCode::BAD_REQUEST);
    assert_eq!(foreign.1["error"], "invalid_grant", "V-009");
    assert_eq!(
        foreign,
        redeem("x").await,
        "V-009: the answer is that for an id that never was, to the letter"
    );
    stage
        .shop
        .poll(&started.auth_req_id)
        .await
        .expect("V-009: the attempt costs the owner nothing");
}

#[tokio::test]
async fn clients_authenticate_the_way_they_registered_and_no_other() {
    let stage = Stage::set().await;
    let by_form = RelyingParty::add(&stage.backend, "by-form", &["--auth", "client_secret_post"]).await;
    let by_key = RelyingParty::add_with_key(&stage.backend, "by-key").await;
    for client in [&stage.shop, &by_form, &by_key] {
        let started = stage.ask_as(client, &[]).await;
        stage.decide(Verdict::Approve, None).await;
        client
            .poll(&started.auth_req_id)
            .await
            .expect("R-041: the registered way works");
    }
    let Credentials::Post(secret) = by_form.credentials.clone() else {
        panic!("by-form has a secret")
    };
    let Credentials::Basic(basic) = stage.shop.credentials.clone() else {
        panic!("the shop has a secret")
    };
    let wrong = [
        (&by_form, Credentials::Basic(secret)),
        (&stage.shop, Credentials::Post(basic)),
        (&stage.shop, Credentials::Basic("a-wrong-secret-of-the-shop".to_owned())),
        (&by_key, Credentials::Post("by-key-has-no-secret".to_owned())),
    ];
    for (client, credentials) in wrong {
        let mut pretender = client.clone();
        pretender.credentials = credentials;
        let form = [("scope", "openid"), ("login_hint", "anna")];
        let (status, body) = pretender.post("backchannel_authentication_endpoint", &form).await;
        assert_eq!(
            status,
            StatusCode::UNAUTHORIZED,
            "R-041: {} by {:?}",
            client.id,
            pretender.credentials
        );
        assert_eq!(body["error"], "invalid_client", "R-041");
    }
    assert!(stage.phone.pending().await.is_empty(), "nobody was asked");
}

#[tokio::test]
async fn a_number_made_by_the_provider_has_to_be_typed() {
    let backend = Backend::start(&BackendOptions::default());
    let person = Person::add(&backend, "anna");
    let shop = RelyingParty::add(&backend, "shop", &["--binding-mode", "type"]).await;
    let phone = Device::pair(&backend, &person, "Anna's phone").await;
    let started = shop.start(&[("login_hint", "anna")]).await;
    let code = started.binding_code.clone().expect("the provider makes a number");
    let digits = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
    assert!(digits, "of as many digits as are configured: {code}");
    let request = phone.wait_for_request().await;
    let shown = serde_json::to_string(&request).expect("a view is JSON");
    assert!(
        !shown.contains(&format!("\"{code}\"")),
        "S-002: the number is not on the device"
    );
    phone.approve(&request.handle, Some(&code)).await;
    shop.poll(&started.auth_req_id)
        .await
        .expect("the right number approves");
}

#[tokio::test]
async fn the_second_wrong_number_denies_and_the_next_request_has_one_try() {
    let stage = Stage::set().await;
    let type_wrong = async || {
        let pending = stage.waiting().await;
        let decision = stage.phone.decision(&pending, Verdict::Approve, Some("1174"));
        stage.phone.submit(&pending.handle, &decision).await
    };
    let first = stage.ask(&[("binding_message", "4711")]).await;
    let (status, body) = type_wrong().await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("match_wrong")),
        "S-007"
    );
    assert_eq!(body["tries_left"], 1, "S-007: one try is left");
    assert_eq!(
        stage.refused(&first).await,
        "authorization_pending",
        "S-007: nothing is decided yet"
    );
    let (_, body) = type_wrong().await;
    assert_eq!(body["tries_left"], 0, "S-007: none is left");
    assert_eq!(body["settled"]["state"], "denied", "S-007");
    assert_eq!(body["settled"]["reason"], "number_mismatch", "S-007");
    assert_eq!(stage.refused(&first).await, "access_denied", "S-007");

    let second = stage.ask(&[("binding_message", "4712")]).await;
    let (_, body) = type_wrong().await;
    assert_eq!(body["tries_left"], 0, "S-007: a new request does not reset the counter");
    assert_eq!(stage.refused(&second).await, "access_denied", "S-007");
}

#[tokio::test]
async fn a_newer_request_of_the_same_client_takes_the_place_of_the_older_one() {
    let stage = Stage::set().await;
    let bank = RelyingParty::add(&stage.backend, "bank", &[]).await;
    let other = stage.ask_as(&bank, &[]).await;
    let older = stage.ask(&[]).await;
    let newer = stage.ask(&[]).await;
    assert_eq!(
        stage.refused(&older).await,
        "access_denied",
        "the client of the superseded request is told"
    );
    let waiting = stage.phone.pending().await;
    assert_eq!(waiting.len(), 2, "another client's request stays");
    for pending in waiting {
        let decision = stage.phone.decision(&pending, Verdict::Approve, None);
        assert_eq!(stage.phone.submit(&pending.handle, &decision).await.0, StatusCode::OK);
    }
    stage
        .shop
        .poll(&newer.auth_req_id)
        .await
        .expect("the newer one is redeemed");
    bank.poll(&other.auth_req_id)
        .await
        .expect("and so is the other client's");
}

#[tokio::test]
async fn who_is_switched_off_is_not_asked_does_not_decide_and_gives_no_tokens() {
    let stage = Stage::with(&BackendOptions::with(
        "[op]\ninterval = 1\n[consent]\nsupersede = false\n",
    ))
    .await;
    let approved = stage.ask(&[]).await;
    stage.decide(Verdict::Approve, None).await;
    let undecided = stage.ask(&[]).await;
    let pending = stage.waiting().await;
    let decision = stage.phone.decision(&pending, Verdict::Approve, None);
    assert_eq!(stage.backend.succeed(&["user", "disable", "anna"], ""), "");

    let ask = async |hint: &str| {
        let form = [("scope", "openid"), ("login_hint", hint)];
        stage.shop.post("backchannel_authentication_endpoint", &form).await
    };
    let disabled = ask("anna").await;
    assert_eq!(disabled, ask("nobody").await, "V-001: as if there was no such person");
    assert_eq!(disabled.1["error"], "unknown_user_id", "V-001");
    assert_eq!(
        stage.refused(&approved).await,
        "invalid_grant",
        "V-002: switched off after the approval"
    );
    let (status, body) = stage.phone.submit(&pending.handle, &decision).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::FORBIDDEN, &json!("account_disabled")),
        "V-002"
    );
    let (status, body) = stage.phone.call(Method::GET, "/ad/v1/requests", None).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::FORBIDDEN, &json!("account_disabled")),
        "V-002"
    );
    assert_ne!(
        stage.refused(&undecided).await,
        "tokens",
        "V-002: switched off before the decision"
    );
}

#[tokio::test]
async fn an_approval_by_a_device_or_for_a_client_that_is_gone_gives_no_tokens() {
    let stage = Stage::set().await;
    let laptop = RawDevice::register(&stage.backend, &stage.person, "Anna's laptop").await;
    let started = stage.ask(&[]).await;
    stage.decide(Verdict::Approve, None).await;
    let path = format!("/ad/v1/devices/{}", stage.phone.id);
    assert_eq!(laptop.call(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(
        stage.refused(&started).await,
        "invalid_grant",
        "V-002: the device is revoked"
    );

    let started = stage.ask(&[]).await;
    let pending = laptop.pending().await.remove(0);
    let decision = laptop.decision(&pending, Verdict::Approve, None);
    assert_eq!(laptop.submit(&pending.handle, &decision).await.0, StatusCode::OK);
    assert_eq!(stage.backend.succeed(&["client", "remove", "shop"], ""), "");
    let form = [
        ("grant_type", countersign_protocol::CIBA_GRANT),
        ("auth_req_id", started.auth_req_id.as_str()),
    ];
    let (status, body) = stage.shop.post("token_endpoint", &form).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "V-002: the client is removed");
    assert_eq!(body["error"], "invalid_client", "V-002");
}
