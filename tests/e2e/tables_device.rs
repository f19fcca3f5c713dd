//! The device API, each member missing, twice, empty, too long, and of the wrong kind: the documented `code`, and nothing changed.

#![expect(clippy::too_many_lines, reason = "tables are as long as what they list")]

use countersign_clock::{Clock as _, SystemClock};
use countersign_e2e::{
    Backend, RawDevice, Stage,
    fault::{
        Fault::{self, Missing, Twice},
        check, is, spoilt, with_text,
    },
    http,
    raw_device::{RawKeys, answered, dpop, fresh_nonce, random_text, sign_in},
    snapshot,
};
use countersign_jose::SigningKey;
use reqwest::Method;
use serde_json::{Value, json};

/// What is wrong with a member, and what the backend says to it.
type Row = (&'static str, Fault, u16, &'static str);

/// Sends `good` with each row's fault to `path`; nothing may change.
async fn table(backend: &Backend, device: &RawDevice, call: (Method, &str), good: &Value, rows: &[Row]) {
    let (method, path) = call;
    let before = snapshot::take(backend);
    for (member, fault, status, code) in rows {
        let body = spoilt(good, member, fault);
        let what = format!(
            "{method} {path} {member} {}",
            &format!("{fault:?}").chars().take(60).collect::<String>()
        );
        let answer = answered(with_text(device.proven(method.clone(), path).await, body)).await;
        check(&answer, *status, code, &what);
        if *code == "invalid_body" && !matches!(fault, Twice) {
            assert_eq!(
                answer.1["field"], *member,
                "section 9: the member at fault is named: {what}"
            );
        }
        assert_eq!(snapshot::take(backend), before, "{what} changed something");
    }
}

#[tokio::test]
async fn registrations_with_one_thing_wrong_register_nothing() {
    let stage = Stage::set().await;
    let keys = RawKeys::generate();
    let tokens = sign_in(&stage.backend.origin, &stage.person, &keys.nonce()).await;
    let origin = &stage.backend.origin;
    let good = keys.registration(origin, tokens["id_token"].as_str().expect("a token"), "New");
    let other = RawKeys::generate();
    let foreign_proof = other.registration(origin, "x", "x")["uv_proof"].clone();
    let mut rows: Vec<Row> = Vec::new();
    for member in [
        "id_token_hint",
        "salt",
        "name",
        "platform",
        "app_version",
        "pop_key",
        "uv_key",
        "uv_proof",
        "key_level",
        "uv_method",
        "push",
    ] {
        rows.push((member, Missing, 400, "invalid_body"));
        rows.push((member, Twice, 400, "invalid_body"));
    }
    for member in [
        "id_token_hint",
        "salt",
        "name",
        "platform",
        "app_version",
        "uv_proof",
        "key_level",
        "uv_method",
        "push",
    ] {
        rows.push((member, is(7), 400, "invalid_body"));
    }
    rows.extend([
        ("unheard_of", is("x"), 400, "invalid_body"),
        ("id_token_hint", is(""), 401, "invalid_id_token"),
        ("id_token_hint", is("x.y.z"), 401, "invalid_id_token"),
        (
            "id_token_hint",
            is(tokens["access_token"].clone()),
            401,
            "invalid_id_token",
        ),
        ("salt", is(""), 400, "invalid_body"),
        ("salt", is(random_text()), 401, "invalid_id_token"),
        ("name", is(""), 400, "invalid_body"),
        ("name", is("n".repeat(65)), 400, "invalid_body"),
        ("name", is("a\u{202e}b"), 400, "invalid_body"),
        ("platform", is("beos"), 400, "invalid_body"),
        ("app_version", is("v".repeat(200)), 413, "too_large"),
        ("pop_key", is(7), 400, "invalid_key_proof"),
        (
            "pop_key",
            is(json!({ "kty": "oct", "k": "c2VjcmV0" })),
            400,
            "invalid_key_proof",
        ),
        (
            "pop_key",
            is(json!({ "kty": "EC", "x": "a".repeat(9_000) })),
            413,
            "too_large",
        ),
        ("pop_key", is(json!(other.pop.public_jwk())), 401, "invalid_dpop_proof"),
        ("uv_key", is(json!(keys.pop.public_jwk())), 400, "invalid_key_proof"),
        ("uv_key", is(json!(other.uv.public_jwk())), 400, "invalid_key_proof"),
        ("uv_proof", is(""), 400, "invalid_key_proof"),
        ("uv_proof", is(foreign_proof), 400, "invalid_key_proof"),
        ("uv_proof", is("x".repeat(17_000)), 413, "too_large"),
        ("key_level", is("imaginary"), 400, "invalid_body"),
        ("uv_method", is("faith"), 400, "invalid_body"),
        (
            "push",
            is(json!({ "type": "pigeon", "token": "x" })),
            400,
            "invalid_body",
        ),
        ("push", is(json!({ "type": "fcm", "token": "" })), 400, "invalid_body"),
        (
            "push",
            is(json!({ "type": "fcm", "token": "x".repeat(5_000) })),
            413,
            "too_large",
        ),
        ("name", is("n".repeat(70_000)), 413, "too_large"),
    ]);
    let url = format!("{origin}/bc-deviceRegistration");
    let nonce = fresh_nonce(origin).await;
    let before = snapshot::take(&stage.backend);
    for (member, fault, status, code) in rows {
        let proof = dpop(&keys.pop, "POST", &url, &nonce, None);
        let answer = answered(with_text(
            http().post(&url).header("dpop", proof),
            spoilt(&good, member, &fault),
        ))
        .await;
        let what = format!(
            "registration {member} {}",
            format!("{fault:?}").chars().take(60).collect::<String>()
        );
        check(&answer, status, code, &what);
        assert_eq!(snapshot::take(&stage.backend), before, "{what} changed something");
    }
    let proof = dpop(&keys.pop, "POST", &url, &nonce, None);
    let (status, body) = answered(http().post(&url).header("dpop", proof).json(&good)).await;
    assert_eq!(
        status.as_u16(),
        201,
        "with nothing wrong it works, after all that: {body}"
    );
}

#[tokio::test]
async fn calls_with_one_thing_wrong_change_nothing() {
    let stage = Stage::set().await;
    let (backend, phone) = (&stage.backend, &stage.phone);
    let strings = |member: &'static str| -> Vec<Row> {
        vec![
            (member, Missing, 400, "invalid_body"),
            (member, Twice, 400, "invalid_body"),
            (member, is(7), 400, "invalid_body"),
            (member, is(Value::Null), 400, "invalid_body"),
            ("unheard_of", is("x"), 400, "invalid_body"),
            (member, is("x".repeat(70_000)), 413, "too_large"),
        ]
    };
    let mut rows = strings("name");
    rows.extend([
        ("name", is(""), 400, "invalid_body"),
        ("name", is("n".repeat(65)), 400, "invalid_body"),
        ("name", is("a\nb"), 400, "invalid_body"),
    ]);
    let own = format!("/ad/v1/devices/{}", phone.id);
    table(
        backend,
        phone,
        (Method::PATCH, &own),
        &json!({ "name": "New name" }),
        &rows,
    )
    .await;

    let mut rows = strings("push");
    rows.push(("push", is(json!({})), 400, "invalid_body"));
    rows.push((
        "push",
        is(json!({ "type": "apns", "token": "a\nb" })),
        400,
        "invalid_body",
    ));
    let good = json!({ "push": { "type": "fcm", "token": "t" } });
    table(backend, phone, (Method::PUT, "/ad/v1/push"), &good, &rows).await;

    let mut rows = strings("statement");
    rows.extend([
        ("statement", is(""), 400, "invalid_statement"),
        ("statement", is("x.y.z"), 400, "invalid_statement"),
        ("statement", is("x".repeat(17_000)), 413, "too_large"),
    ]);
    table(
        backend,
        phone,
        (Method::PUT, "/ad/v1/keys"),
        &json!({ "statement": "x" }),
        &rows,
    )
    .await;

    let before = snapshot::take(backend);
    let long = "x".repeat(200);
    for (method, path, status, code) in [
        (Method::GET, "/ad/v1/requests/unknown".to_owned(), 404, "not_found"),
        (Method::GET, format!("/ad/v1/requests/{long}"), 413, "too_large"),
        (Method::DELETE, "/ad/v1/devices/unknown".to_owned(), 404, "not_found"),
        (Method::DELETE, format!("/ad/v1/devices/{long}"), 413, "too_large"),
        (
            Method::GET,
            "/ad/v1/history?before=yesterday".to_owned(),
            400,
            "invalid_parameter",
        ),
        (
            Method::GET,
            "/ad/v1/history?limit=0".to_owned(),
            400,
            "invalid_parameter",
        ),
        (
            Method::GET,
            "/ad/v1/history?limit=101".to_owned(),
            400,
            "invalid_parameter",
        ),
        (
            Method::GET,
            "/ad/v1/history?limit=".to_owned(),
            400,
            "invalid_parameter",
        ),
        (
            Method::GET,
            "/ad/v1/history?limit=5&limit=6".to_owned(),
            400,
            "invalid_parameter",
        ),
        (
            Method::GET,
            "/ad/v1/history?unheard_of=1".to_owned(),
            400,
            "invalid_parameter",
        ),
        (Method::GET, "/ad/v1/unheard_of".to_owned(), 404, "not_found"),
        (Method::POST, "/ad/v1/requests".to_owned(), 405, "method_not_allowed"),
        (Method::GET, "/ad/v1/session".to_owned(), 405, "method_not_allowed"),
    ] {
        check(
            &phone.call(method.clone(), &path, None).await,
            status,
            code,
            &format!("{method} {path}"),
        );
    }
    let typed = phone
        .proven(Method::PUT, "/ad/v1/push")
        .await
        .header("content-type", "text/plain")
        .body("{}");
    check(
        &answered(typed).await,
        415,
        "unsupported_media_type",
        "a body that is no JSON",
    );
    assert_eq!(snapshot::take(backend), before, "nothing changed");
}

/// S-027: a token without the key, and a proof for something else, are worth nothing.
#[tokio::test]
async fn calls_without_the_right_proof_are_refused() {
    let stage = Stage::set().await;
    let phone = &stage.phone;
    let other = RawDevice::register(&stage.backend, &stage.person, "Other").await;
    let (token, nonce) = phone.access().await;
    let url = format!("{}/ad/v1/devices", stage.backend.origin);
    let proof = |key: &SigningKey, method: &str, url: &str, nonce: &str, token: Option<&str>| {
        dpop(key, method, url, nonce, token)
    };
    let get = || http().get(&url).header("authorization", format!("DPoP {token}"));
    let good = || proof(&phone.pop, "GET", &url, &nonce, Some(&token));
    let used = good();
    assert_eq!(
        answered(get().header("dpop", &used)).await.0.as_u16(),
        200,
        "the right proof is let in"
    );
    let elsewhere = format!("{}/ad/v1/history", stage.backend.origin);
    let old = json!({ "htm": "GET", "htu": url, "iat": SystemClock.now_seconds() - 300, "jti": random_text(), "nonce": nonce,
        "ath": countersign_jose::digest::sha256_b64(&token) });
    let old = phone
        .pop
        .sign_with_jwk("dpop+jwt", &old)
        .expect("a proof can be signed");
    for (what, request, code) in [
        ("no proof", get(), "invalid_dpop_proof"),
        (
            "two proofs",
            get().header("dpop", good()).header("dpop", good()),
            "invalid_dpop_proof",
        ),
        (
            "a proof that was used",
            get().header("dpop", &used),
            "invalid_dpop_proof",
        ),
        (
            "another method",
            get().header("dpop", proof(&phone.pop, "PUT", &url, &nonce, Some(&token))),
            "invalid_dpop_proof",
        ),
        (
            "another address",
            get().header("dpop", proof(&phone.pop, "GET", &elsewhere, &nonce, Some(&token))),
            "invalid_dpop_proof",
        ),
        (
            "no token hash",
            get().header("dpop", proof(&phone.pop, "GET", &url, &nonce, None)),
            "invalid_dpop_proof",
        ),
        ("another time", get().header("dpop", old), "invalid_dpop_proof"),
        (
            "no current nonce",
            get().header("dpop", proof(&phone.pop, "GET", &url, "x", Some(&token))),
            "use_dpop_nonce",
        ),
        (
            "another key",
            get().header("dpop", proof(&other.pop, "GET", &url, &nonce, Some(&token))),
            "invalid_token",
        ),
        (
            "the other key of the device",
            get().header("dpop", proof(&phone.uv, "GET", &url, &nonce, Some(&token))),
            "invalid_token",
        ),
        (
            "no token",
            http()
                .get(&url)
                .header("dpop", proof(&phone.pop, "GET", &url, &nonce, None)),
            "invalid_token",
        ),
        (
            "an unknown token",
            http()
                .get(&url)
                .header("authorization", "DPoP x")
                .header("dpop", proof(&phone.pop, "GET", &url, &nonce, Some("x"))),
            "invalid_token",
        ),
    ] {
        check(&answered(request).await, 401, code, &format!("S-027: {what}"));
    }
    let session = format!("{}/ad/v1/session", stage.backend.origin);
    let buy = |key: &SigningKey, session_secret: &str| {
        let request = http()
            .post(&session)
            .header("dpop", dpop(key, "POST", &session, &nonce, None));
        request.json(&json!({ "device_session": session_secret }))
    };
    check(
        &answered(buy(&phone.pop, "unknown")).await,
        401,
        "invalid_session",
        "an unknown session",
    );
    check(
        &answered(buy(&other.pop, &phone.session)).await,
        401,
        "invalid_session",
        "S-027: a stolen session",
    );
    assert_eq!(
        answered(buy(&phone.pop, &phone.session)).await.0.as_u16(),
        200,
        "the session itself is good"
    );
}
