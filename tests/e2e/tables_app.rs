//! How the app and its person get in, each parameter wrong in turn: no code, no token, no device.

use countersign_e2e::{
    Backend, BackendOptions, Person, Stage,
    form_fault::{
        Fault::{self, Empty, Is, Long, Missing, Twice},
        Form, form, spoilt, told,
    },
    http, person,
    raw_device::{RawKeys, answered, authorization_url, code_exchange, sign_in},
    snapshot,
};
use reqwest::{StatusCode, header};
use serde_json::json;

const NOT_HIS_VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

#[tokio::test]
async fn code_exchanges_with_one_thing_wrong_bring_no_tokens_and_a_code_used_twice_ends_them() {
    let stage = Stage::set().await;
    let good = code_exchange(&stage.backend.origin, &stage.person, "nonce").await;
    let url = format!("{}/token", stage.backend.origin);
    let before = snapshot::take(&stage.backend);
    for (name, fault, status, error) in [
        ("client_id", Missing, 401, "invalid_client"),
        ("client_id", Twice, 400, "invalid_request"),
        ("client_id", Is("stranger"), 401, "invalid_client"),
        ("client_id", Is("shop"), 401, "invalid_client"),
        ("client_secret", Is("the app has none"), 401, "invalid_client"),
        ("code", Missing, 400, "invalid_request"),
        ("code", Twice, 400, "invalid_request"),
        ("code", Empty, 400, "invalid_request"),
        ("code", Long(500), 400, "invalid_request"),
        ("code", Is("SplxlOBeZQQYbYS6WxSbIA"), 400, "invalid_grant"),
        ("redirect_uri", Missing, 400, "invalid_request"),
        ("redirect_uri", Is("http://127.0.0.1:10/callback"), 400, "invalid_grant"),
        ("code_verifier", Missing, 400, "invalid_request"),
        ("code_verifier", Is("short"), 400, "invalid_request"),
        ("code_verifier", Long(500), 400, "invalid_request"),
        ("code_verifier", Is(NOT_HIS_VERIFIER), 400, "invalid_grant"),
        ("grant_type", Is("refresh_token"), 400, "unauthorized_client"),
        (
            "grant_type",
            Is(countersign_protocol::CIBA_GRANT),
            400,
            "unauthorized_client",
        ),
    ] {
        let (found, code) = told(http().post(&url).form(&spoilt(&good, name, fault))).await;
        assert_eq!(
            (found.as_u16(), code.as_str()),
            (status, error),
            "R-270: {name} {fault:?}"
        );
        assert_eq!(
            snapshot::take(&stage.backend),
            before,
            "R-270: {name} {fault:?} changed something"
        );
    }
    let (status, tokens) = answered(http().post(&url).form(&good)).await;
    assert_eq!(status, StatusCode::OK, "the code is still good: {tokens}");
    let userinfo = async || {
        let token = tokens["access_token"].as_str().expect("an access token");
        let request = http()
            .get(format!("{}/userinfo", stage.backend.origin))
            .bearer_auth(token);
        answered(request).await.0
    };
    assert_eq!(userinfo().await, StatusCode::OK);
    let again = told(http().post(&url).form(&good)).await;
    assert_eq!(
        again,
        (StatusCode::BAD_REQUEST, "invalid_grant".to_owned()),
        "R-270: a code is good once"
    );
    assert_eq!(
        userinfo().await,
        StatusCode::UNAUTHORIZED,
        "R-270: what came of a code used twice is revoked"
    );
}

#[tokio::test]
async fn forms_of_the_sign_in_page_with_one_thing_wrong_sign_nobody_in() {
    let backend = Backend::start(&BackendOptions::with("[op]\nthrottle_after = 4\n"));
    let anna = Person::add(&backend, "anna");
    let (authorize, _) = authorization_url(&backend.origin, "nonce");
    let browser = person::browser();
    let page = browser.get(authorize.clone()).send().await.expect("the page answers");
    let (action, mut good) = person::form(&authorize, &page.text().await.expect("a text"));
    good.extend(form(&[("username", "anna"), ("password", &anna.password)]));
    let submit = async |browser: &reqwest::Client, origin: &str, form: &Form| {
        let request = browser.post(action.clone()).header(header::ORIGIN, origin).form(form);
        let answer = request.send().await.expect("the form is answered");
        assert!(!answer.headers().contains_key(header::LOCATION), "nobody is sent on");
        answer.status().as_u16()
    };
    let own = backend.origin.as_str();
    let before = snapshot::take(&backend);
    let rows: [(&str, Fault, u16); 6] = [
        ("request", Missing, 400),
        ("request", Empty, 400),
        ("request", Is("x"), 400),
        ("request", Long(5_000), 400),
        ("username", Twice, 400),
        ("password", Twice, 400),
    ];
    for (name, fault, status) in rows {
        let found = submit(&browser, own, &spoilt(&good, name, fault)).await;
        assert_eq!(found, status, "{name} {fault:?}");
    }
    assert_eq!(
        submit(&browser, "https://evil.example", &good).await,
        403,
        "another site sent the form"
    );
    assert_eq!(
        submit(&browser, "null", &good).await,
        403,
        "a site without a name sent the form"
    );
    assert_eq!(
        submit(&person::browser(), own, &good).await,
        400,
        "another browser opened the page"
    );
    for (name, fault) in [
        ("username", Is("nobody")),
        ("password", Missing),
        ("password", Is("wrong")),
        ("password", Long(3_000)),
    ] {
        let status = submit(&browser, own, &spoilt(&good, name, fault)).await;
        assert!(
            (200..500).contains(&status),
            "{name} {fault:?} shows the page again: {status}"
        );
    }
    let mut last = 0;
    for _ in 0..4 {
        last = submit(&browser, own, &spoilt(&good, "password", Is("wrong"))).await;
    }
    assert_eq!(last, 429, "guessing gets slower");
    assert_eq!(
        submit(&browser, own, &good).await,
        429,
        "and the right password has to wait too"
    );
    assert_eq!(snapshot::take(&backend), before, "nothing changed");
}

/// G-11: the two-field registration of a device that can only be woken.
#[tokio::test]
async fn two_field_registrations_with_one_thing_wrong_register_nothing() {
    let stage = Stage::set().await;
    let tokens = sign_in(&stage.backend.origin, &stage.person, &RawKeys::generate().nonce()).await;
    let id_token = tokens["id_token"].as_str().expect("an ID token");
    let good = form(&[("device_registration_token", "push-token"), ("id_token_hint", id_token)]);
    let url = format!("{}/bc-deviceRegistration", stage.backend.origin);
    let before = snapshot::take(&stage.backend);
    for (name, fault, status, code) in [
        ("device_registration_token", Missing, 400, "invalid_body"),
        ("device_registration_token", Twice, 400, "invalid_body"),
        ("device_registration_token", Empty, 400, "invalid_body"),
        ("device_registration_token", Long(5_000), 413, "too_large"),
        ("device_registration_token", Is("a\nb"), 400, "invalid_body"),
        ("id_token_hint", Missing, 400, "invalid_body"),
        ("id_token_hint", Twice, 400, "invalid_body"),
        ("id_token_hint", Empty, 400, "invalid_body"),
        ("id_token_hint", Long(17_000), 413, "too_large"),
        ("id_token_hint", Is("x.y.z"), 401, "invalid_id_token"),
        ("unheard_of", Is("x"), 400, "invalid_body"),
    ] {
        let (found, body) = answered(http().post(&url).form(&spoilt(&good, name, fault))).await;
        let expected = (status, json!(code));
        assert_eq!(
            (found.as_u16(), body["code"].clone()),
            expected,
            "{name} {fault:?}: {body}"
        );
        assert_eq!(
            snapshot::take(&stage.backend),
            before,
            "{name} {fault:?} changed something"
        );
    }
    assert_eq!(
        answered(http().post(&url).form(&good)).await.0,
        StatusCode::NO_CONTENT,
        "with nothing wrong it works"
    );
    let (_, listed) = stage.phone.call(reqwest::Method::GET, "/ad/v1/devices", None).await;
    assert_eq!(
        listed["devices"].as_array().map(Vec::len),
        Some(2),
        "the person sees both devices: {listed}"
    );
}
