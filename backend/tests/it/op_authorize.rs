//! Authorization by code, and the sign-in page.

use axum::http::header;
use countersign::storage::Accounts as _;

use crate::{
    op_browser::{APP_REDIRECT, Page, VERIFIER, authorize, exchange, open, parameter},
    op_world::{ISSUER, PASSWORD, World, claims, shop},
};

#[tokio::test]
async fn the_app_signs_somebody_in() {
    let world = World::new().await;
    let page = open(&world, &[]).await;
    let answer = page.submit(&world, "anna", PASSWORD).await;
    assert_eq!(answer.status, 303, "R-270");
    let location = answer.header(header::LOCATION);
    assert!(location.starts_with(APP_REDIRECT), "{location}");
    assert_eq!(
        parameter(location, "state").as_deref(),
        Some("st&te"),
        "V-038: state comes back"
    );
    assert_eq!(parameter(location, "iss").as_deref(), Some(ISSUER), "R-269");
    let code = parameter(location, "code").unwrap();
    let tokens = exchange(&world, &code, &[]).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    assert!(
        tokens.json().get("refresh_token").is_none(),
        "R-271: the app gets no refresh token"
    );
    let claims = claims(tokens.json()["id_token"].as_str().unwrap());
    insta::assert_json_snapshot!(claims, { ".at_hash" => "[hash]" });
}

#[tokio::test]
async fn a_code_is_good_once_and_a_second_use_ends_what_came_of_it() {
    let world = World::new().await;
    let code = open(&world, &[]).await.sign_in(&world).await;
    let access = exchange(&world, &code, &[]).await.json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let bearer = format!("Bearer {access}");
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(world.form("/userinfo", &headers, &[]).await.status, 200);
    exchange(&world, &code, &[])
        .await
        .refused(400, "invalid_grant", "R-270: used before");
    world
        .form("/userinfo", &headers, &[])
        .await
        .refused(401, "invalid_token", "R-270: revoked with the reuse");
}

#[tokio::test]
async fn a_code_is_bound_to_client_redirect_and_verifier() {
    let world = World::new().await;
    world.add_client(shop("other")).await;
    let code = open(&world, &[]).await.sign_in(&world).await;
    let other = "a-verifier-that-belongs-to-another-request-000";
    for (change, error, why) in [
        (("code_verifier", other), "invalid_grant", "V-020: another verifier"),
        (("code_verifier", ""), "invalid_request", "V-020: no verifier"),
        (("code_verifier", "short"), "invalid_request", "V-020: too short"),
        (
            ("redirect_uri", "http://127.0.0.1:4712/callback"),
            "invalid_grant",
            "V-019: another redirect",
        ),
        (("redirect_uri", ""), "invalid_request", "V-019: no redirect"),
        (("code", "unknown"), "invalid_grant", "an unknown code"),
        (("code", ""), "invalid_request", "no code"),
    ] {
        exchange(&world, &code, &[change]).await.refused(400, error, why);
    }
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", APP_REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let stolen = world.post_as("other", "/token", &form).await;
    stolen.refused(400, "invalid_grant", "V-019: another client");
    assert_eq!(
        exchange(&world, &code, &[]).await.status,
        200,
        "none of this used the code up"
    );
    let late = open(&world, &[]).await.sign_in(&world).await;
    world.clock.advance(60_000);
    exchange(&world, &late, &[])
        .await
        .refused(400, "invalid_grant", "a code lives 60 seconds");
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_not_registered() {
    let world = World::new().await;
    for (name, value) in [
        ("redirect_uri", ""),
        ("redirect_uri", "https://evil.example/callback"),
        ("redirect_uri", "http://127.0.0.1:80@evil.example/callback"),
        ("redirect_uri", "http://127.0.0.1:4711/callback/../x"),
        ("redirect_uri", "javascript:alert(1)"),
        ("redirect_uri", "http://localhost:4711/callback"),
        ("client_id", ""),
        ("client_id", "nobody"),
        ("client_id", "shop"),
    ] {
        let answer = authorize(&world, &[(name, value), ("scope", "nonsense")]).await;
        assert_eq!(answer.status, 400, "R-270, V-022, V-038: {name}={value}");
        assert!(answer.headers.get(header::LOCATION).is_none(), "V-038: {name}={value}");
        assert_eq!(answer.header(header::CONTENT_TYPE), "text/html; charset=utf-8");
        assert!(!answer.body.contains("evil.example"), "nothing that was sent is shown");
    }
}

#[tokio::test]
async fn errors_go_back_to_the_client_with_state_and_issuer() {
    let world = World::new().await;
    for (name, value, error) in [
        ("response_type", "", "invalid_request"),
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "code id_token", "unsupported_response_type"),
        ("response_mode", "fragment", "invalid_request"),
        ("scope", "", "invalid_request"),
        ("scope", "profile", "invalid_scope"),
        ("scope", "openid payment", "invalid_scope"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("prompt", "none", "login_required"),
        ("prompt", "none login", "invalid_request"),
        ("max_age", "soon", "invalid_request"),
        ("request", "x.y.z", "request_not_supported"),
        ("request_uri", "https://x.example/r", "request_uri_not_supported"),
        ("nonce", &"n".repeat(600), "invalid_request"),
    ] {
        let answer = authorize(&world, &[(name, value)]).await;
        assert_eq!(answer.status, 303, "V-020: {name}={value}: {}", answer.body);
        let location = answer.header(header::LOCATION);
        assert!(location.starts_with(APP_REDIRECT), "{location}");
        assert_eq!(parameter(location, "error").as_deref(), Some(error), "{name}={value}");
        assert_eq!(parameter(location, "state").as_deref(), Some("st&te"), "{name}={value}");
        assert_eq!(
            parameter(location, "iss").as_deref(),
            Some(ISSUER),
            "R-269: {name}={value}"
        );
        assert_eq!(parameter(location, "code"), None);
    }
}

#[tokio::test]
async fn the_page_can_be_neither_framed_nor_scripted() {
    let world = World::new().await;
    for answer in [
        open(&world, &[]).await.answer,
        authorize(&world, &[("client_id", "nobody")]).await,
        open(&world, &[]).await.submit(&world, "anna", "wrong").await,
    ] {
        let policy = answer.header(header::CONTENT_SECURITY_POLICY);
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "V-038: {policy}"
        );
        assert!(
            !policy.contains("script-src") && !policy.contains("unsafe"),
            "V-038: {policy}"
        );
        assert_eq!(answer.header(header::X_FRAME_OPTIONS), "DENY", "V-038");
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-store", "V-038");
        for forbidden in ["<script", "<style", "style=", "onclick", "javascript:"] {
            assert!(!answer.body.contains(forbidden), "V-038: {forbidden}");
        }
    }
    let page = open(&world, &[]).await;
    let policy = page.answer.header(header::CONTENT_SECURITY_POLICY);
    assert!(
        policy.contains("form-action 'self' http://127.0.0.1:4711;"),
        "the browser may go back: {policy}"
    );
    let cookie = page.answer.header(header::SET_COOKIE);
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
        "V-038: {cookie}"
    );
    let css = crate::op_browser::between(&page.answer.body, "href=\"", "\"").to_owned();
    assert!(
        world
            .get(&css)
            .await
            .header(header::CACHE_CONTROL)
            .contains("immutable"),
        "{css}"
    );
}

#[tokio::test]
async fn what_the_client_is_called_is_shown_as_text() {
    let world = World::new().await;
    let mut client = shop("markup");
    client.name = "<script>alert(1)</script> & \"Co\"".to_owned();
    world.add_client(client).await;
    let changes = [
        ("client_id", "markup"),
        ("redirect_uri", "https://shop.example/cb"),
        ("login_hint", "\"><b>x"),
    ];
    let page = open(&world, &changes).await;
    assert!(
        !page.answer.body.contains("<script") && !page.answer.body.contains("<b>"),
        "V-038: {}",
        page.answer.body
    );
}

#[tokio::test]
async fn all_failures_look_alike() {
    let world = World::new().await;
    world.add_person("dora").await;
    world.storage.set_account_disabled("dora", true).await.unwrap();
    let page = open(&world, &[]).await;
    let mut bodies = Vec::new();
    for (username, password) in [("anna", "wrong"), ("nobody", PASSWORD), ("dora", PASSWORD), ("", "")] {
        let answer = page.submit(&world, username, password).await;
        assert_eq!(answer.status, 403, "V-033: {username}");
        bodies.push(
            answer
                .body
                .replace(&format!("value=\"{username}\""), "")
                .replace(" autofocus", ""),
        );
    }
    bodies.dedup();
    assert_eq!(
        bodies.len(),
        1,
        "V-033: wrong, unknown and disabled are one answer: {bodies:#?}"
    );
}

#[tokio::test]
async fn guessing_gets_slower() {
    let world = World::new().await;
    let page = open(&world, &[]).await;
    for username in ["anna", "nobody"] {
        for attempt in 0..5 {
            assert_eq!(
                page.submit(&world, username, "wrong").await.status,
                403,
                "{username}, attempt {attempt}"
            );
        }
        let answer = page.submit(&world, username, PASSWORD).await;
        assert_eq!(answer.status, 429, "V-033: {username} has to wait, there or not");
        assert!(answer.body.contains("30 seconds"), "{}", answer.body);
    }
    world.clock.advance(30_000);
    assert_eq!(
        page.submit(&world, "anna", PASSWORD).await.status,
        303,
        "the wait is over"
    );
}

#[tokio::test]
async fn the_form_belongs_to_the_browser_that_opened_it() {
    let world = World::new().await;
    let (mine, other) = (open(&world, &[]).await, open(&world, &[]).await);
    let foreign = Page {
        cookie: other.cookie.clone(),
        ..open(&world, &[]).await
    };
    assert_eq!(
        foreign.submit(&world, "anna", PASSWORD).await.status,
        400,
        "V-038: another browser's cookie"
    );
    let bare = [
        ("request", mine.hidden.as_str()),
        ("username", "anna"),
        ("password", PASSWORD),
    ];
    assert_eq!(world.form("/sign-in", &[], &bare).await.status, 400, "V-038: no cookie");
    let cookie = ("cookie", mine.cookie.as_str());
    for wrong in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let answer = world.form("/sign-in", &[cookie, wrong], &bare).await;
        assert_eq!(answer.status, 403, "V-038: {wrong:?}");
        assert!(answer.headers.get(header::LOCATION).is_none());
    }
    let mut altered = mine.hidden.clone();
    altered.replace_range(20..21, if &altered[20..21] == "A" { "B" } else { "A" });
    let form = [("request", altered.as_str()), bare[1], bare[2]];
    assert_eq!(
        world.form("/sign-in", &[cookie], &form).await.status,
        400,
        "an altered request"
    );
    world.clock.advance(600_000);
    assert_eq!(
        mine.submit(&world, "anna", PASSWORD).await.status,
        400,
        "the page is over"
    );
}

#[tokio::test]
async fn whoever_cancels_is_sent_back_without_a_code() {
    let world = World::new().await;
    let page = open(&world, &[]).await;
    let form = [("request", page.hidden.as_str()), ("action", "cancel")];
    let answer = world.form("/sign-in", &[("cookie", &page.cookie)], &form).await;
    assert_eq!(answer.status, 303);
    let location = answer.header(header::LOCATION);
    assert_eq!(parameter(location, "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(location, "iss").as_deref(), Some(ISSUER), "R-269");
    assert_eq!(parameter(location, "state").as_deref(), Some("st&te"));
}

#[tokio::test]
async fn a_request_can_be_posted_too() {
    let world = World::new().await;
    let request = crate::op_browser::request(&[]);
    let pairs: Vec<(&str, &str)> = request.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(
        world.form("/authorize", &[], &pairs).await.status,
        200,
        "OpenID Connect Core section 3.1.2.1"
    );
    let twice = [&pairs[..], &[("state", "other")]].concat();
    let answer = world.form("/authorize", &[], &twice).await;
    assert_eq!(answer.status, 400, "V-037: whose state would come back?");
}
