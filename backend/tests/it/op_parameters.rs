//! Each endpoint with each of its parameters missing, twice, empty, too long and of the wrong kind: the documented error, and nothing changed.

use axum::{
    body::Body,
    http::{Request, header},
};
use countersign_protocol::CIBA_GRANT;

use crate::{
    op_browser::{APP_REDIRECT, VERIFIER, open, parameter, request},
    op_world::{Answer, SECRET, World, basic, encode},
};

/// What an endpoint answers when one parameter is wrong; none where that is no error.
struct Case {
    parameter: &'static str,
    missing: Option<&'static str>,
    oversized: Option<&'static str>,
    wrong: &'static [(&'static str, &'static str)],
}

const fn case(
    parameter: &'static str,
    missing: Option<&'static str>,
    oversized: Option<&'static str>,
    wrong: &'static [(&'static str, &'static str)],
) -> Case {
    Case {
        parameter,
        missing,
        oversized,
        wrong,
    }
}

const INVALID: Option<&str> = Some("invalid_request");

/// Sends `form` with `parameter` missing, empty, twice, oversized and wrong.
async fn try_all<'a>(world: &World, path: &str, good: &[(&'a str, &'a str)], cases: &[Case]) {
    let before = world.stored();
    let long = "x".repeat(20_000);
    for case in cases {
        let name = case.parameter;
        let without: Vec<(&str, &str)> = good.iter().copied().filter(|(known, _)| *known != name).collect();
        let with = |value| [&without[..], &[(name, value)]].concat();
        let present = good
            .iter()
            .find(|(known, _)| *known == name)
            .map_or("x", |(_, value)| *value);
        let twice = [&with(present)[..], &[(name, present)]].concat();
        world
            .post(path, &twice)
            .await
            .refused(400, "invalid_request", &format!("R-067: {path}: {name} twice"));
        if let Some(code) = case.missing {
            world
                .post(path, &without)
                .await
                .refused(400, code, &format!("{path}: no {name}"));
            world
                .post(path, &with(""))
                .await
                .refused(400, code, &format!("R-067: {path}: {name} empty"));
        }
        if let Some(code) = case.oversized {
            world
                .post(path, &with(&long))
                .await
                .refused(400, code, &format!("{path}: {name} too long"));
        }
        for (value, code) in case.wrong {
            world
                .post(path, &with(value))
                .await
                .refused(400, code, &format!("{path}: {name}={value}"));
        }
    }
    assert_eq!(world.stored(), before, "a refusal changes nothing: {path}");
}

#[tokio::test]
async fn backchannel_authentication() {
    let world = World::new().await;
    let good = [("scope", "openid"), ("login_hint", "anna")];
    let cases = [
        case(
            "scope",
            INVALID,
            Some("invalid_scope"),
            &[("email", "invalid_scope"), ("openid\tx", "invalid_scope")],
        ),
        case(
            "login_hint",
            INVALID,
            INVALID,
            &[("nobody", "unknown_user_id"), ("[]", "unknown_user_id")],
        ),
        case("id_token_hint", None, INVALID, &[("x", "invalid_request")]),
        case("login_hint_token", None, INVALID, &[("x", "invalid_request")]),
        case(
            "binding_message",
            None,
            Some("invalid_binding_message"),
            &[
                ("a\nb", "invalid_binding_message"),
                ("\u{202e}x", "invalid_binding_message"),
            ],
        ),
        case(
            "requested_expiry",
            None,
            INVALID,
            &[("soon", "invalid_request"), ("-5", "invalid_request")],
        ),
        case(
            "acr_values",
            None,
            INVALID,
            &[("a\u{e4}", "invalid_request"), ("a\nb", "invalid_request")],
        ),
        case("request", None, INVALID, &[("x.y.z", "invalid_request")]),
        case(
            "request_uri",
            None,
            INVALID,
            &[("https://x.example", "invalid_request")],
        ),
        case("client_notification_token", None, None, &[]),
        case("user_code", None, None, &[]),
        case("foo", None, None, &[]),
    ];
    try_all(&world, "/bc-authorize", &good, &cases).await;
    assert!(world.trigger.seen.lock().unwrap().is_empty(), "nobody was asked");
    assert_eq!(
        world.post("/bc-authorize", &good).await.status,
        200,
        "the good form is good"
    );
}

#[tokio::test]
async fn token_by_ciba() {
    let world = World::new().await;
    let id = world.start(&[]).await;
    world.approve().await;
    let good = [("grant_type", CIBA_GRANT), ("auth_req_id", id.as_str())];
    let cases = [
        case(
            "grant_type",
            INVALID,
            INVALID,
            &[
                ("password", "unsupported_grant_type"),
                ("CIBA", "unsupported_grant_type"),
            ],
        ),
        case(
            "auth_req_id",
            INVALID,
            INVALID,
            &[("x", "invalid_grant"), ("\u{e4}", "invalid_grant")],
        ),
        case("client_secret", None, INVALID, &[("x", "invalid_request")]),
        case("client_id", None, INVALID, &[("other", "invalid_request")]),
    ];
    try_all(&world, "/token", &good, &cases).await;
    assert_eq!(
        world.post("/token", &good).await.status,
        200,
        "R-156: the good form is good"
    );
}

#[tokio::test]
async fn token_by_code() {
    let world = World::new().await;
    let redirect = ("redirect_uri", "https://shop.example/cb");
    let code = open(&world, &[("client_id", "shop"), redirect])
        .await
        .sign_in(&world)
        .await;
    let good = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        redirect,
        ("code_verifier", VERIFIER),
    ];
    let cases = [
        case("code", INVALID, INVALID, &[("x", "invalid_grant")]),
        case("redirect_uri", INVALID, INVALID, &[(APP_REDIRECT, "invalid_grant")]),
        case(
            "code_verifier",
            INVALID,
            INVALID,
            &[("short", "invalid_request"), ("\u{e4}", "invalid_request")],
        ),
    ];
    try_all(&world, "/token", &good, &cases).await;
    assert_eq!(world.post("/token", &good).await.status, 200, "the good form is good");
}

#[tokio::test]
async fn token_by_refresh_token() {
    let world = World::new().await;
    let form = [("scope", "openid offline_access"), ("login_hint", "anna")];
    let id = world.post("/bc-authorize", &form).await.json()["auth_req_id"]
        .as_str()
        .unwrap()
        .to_owned();
    world.approve().await;
    let tokens = world.poll(&id).await.json();
    let good = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
    ];
    let cases = [
        case("refresh_token", INVALID, INVALID, &[("x", "invalid_grant")]),
        case("scope", None, INVALID, &[("openid payment", "invalid_scope")]),
    ];
    try_all(&world, "/token", &good, &cases).await;
    assert_eq!(world.post("/token", &good).await.status, 200, "the good form is good");
}

#[tokio::test]
async fn introspection_and_revocation() {
    let world = World::new().await;
    let cases = [
        case("token", INVALID, INVALID, &[]),
        case("token_type_hint", None, None, &[]),
    ];
    for path in ["/introspect", "/revoke"] {
        try_all(&world, path, &[("token", "x")], &cases).await;
        assert_eq!(
            world
                .post(path, &[("token", "x"), ("token_type_hint", "nonsense")])
                .await
                .status,
            200
        );
    }
}

#[tokio::test]
async fn authorization() {
    let world = World::new().await;
    let before = world.stored();
    let good = request(&[]);
    let good: Vec<(&str, &str)> = good.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let long = "x".repeat(5000);
    let page = ["client_id", "redirect_uri"];
    for (name, missing, oversized) in [
        ("client_id", true, true),
        ("redirect_uri", true, true),
        ("response_type", true, true),
        ("scope", true, true),
        ("code_challenge", true, true),
        ("code_challenge_method", true, true),
        ("state", false, true),
        ("nonce", false, true),
    ] {
        let without: Vec<(&str, &str)> = good.iter().copied().filter(|(known, _)| *known != name).collect();
        let twice = [
            &good[..],
            &good
                .iter()
                .copied()
                .filter(|(known, _)| *known == name)
                .collect::<Vec<_>>(),
        ]
        .concat();
        assert_eq!(
            world.get(&format!("/authorize?{}", encode(&twice))).await.status,
            400,
            "V-037: {name} twice"
        );
        let mut wrong = vec![([&without[..], &[(name, long.as_str())]].concat(), oversized)];
        wrong.push((without.clone(), missing));
        wrong.push(([&without[..], &[(name, "")]].concat(), missing));
        for (form, is_error) in wrong {
            let answer = world.get(&format!("/authorize?{}", encode(&form))).await;
            let location = answer.header(header::LOCATION);
            let outcome = match (answer.status.as_u16(), location) {
                (303, location) => parameter(location, "error").is_some() && !page.contains(&name),
                (400, "") => page.contains(&name),
                (200, "") => !is_error,
                _ => false,
            };
            assert!(outcome, "R-270: {name}: {} {location}", answer.status);
        }
    }
    assert_eq!(world.stored(), before, "nothing changed");
}

#[tokio::test]
async fn the_sign_in_form() {
    let world = World::new().await;
    let page = open(&world, &[]).await;
    let before = world.stored();
    let long = "x".repeat(5000);
    let hidden = page.hidden.as_str();
    for (form, status, why) in [
        (vec![("username", "anna"), ("password", "x")], 400, "no request"),
        (
            vec![("request", ""), ("username", "anna"), ("password", "x")],
            400,
            "an empty request",
        ),
        (
            vec![("request", &long), ("username", "anna"), ("password", "x")],
            400,
            "a request that is none",
        ),
        (vec![("request", hidden), ("request", hidden)], 400, "two requests"),
        (
            vec![("request", hidden), ("username", "a"), ("username", "b")],
            400,
            "two names",
        ),
        (vec![("request", hidden)], 403, "no name and no password"),
        (
            vec![("request", hidden), ("username", &long), ("password", "x")],
            403,
            "a name too long",
        ),
        (
            vec![("request", hidden), ("username", "anna"), ("password", &long)],
            403,
            "a password too long",
        ),
    ] {
        let answer = world.form("/sign-in", &[("cookie", &page.cookie)], &form).await;
        assert_eq!(answer.status, status, "{why}");
        assert!(answer.header(header::CONTENT_TYPE).starts_with("text/html"), "{why}");
    }
    assert_eq!(world.stored(), before, "nothing changed");
}

async fn raw(world: &World, path: &str, content_type: &str, body: Vec<u8>) -> Answer {
    let request = Request::post(path)
        .header("content-type", content_type)
        .header("authorization", basic("shop", SECRET));
    world.send(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn bodies_are_small_utf_8_forms() {
    let world = World::new().await;
    let form = "application/x-www-form-urlencoded";
    for path in ["/token", "/bc-authorize", "/introspect", "/revoke"] {
        for content_type in [
            "application/json",
            "text/plain",
            "",
            "multipart/form-data; boundary=x",
            "application/x-www-form-urlencoded; charset=latin1",
        ] {
            let answer = raw(&world, path, content_type, b"token=x".to_vec()).await;
            answer.refused(400, "invalid_request", &format!("R-041: {path} with {content_type:?}"));
        }
        for body in [&b"token=\xff"[..], b"token=%ff", b"token=%", b"token=%00"] {
            let answer = raw(&world, path, form, body.to_vec()).await;
            answer.refused(400, "invalid_request", &format!("V-037: {path}: {body:?}"));
        }
        let large = format!("token={}", "x".repeat(64 * 1024));
        raw(&world, path, form, large.into_bytes())
            .await
            .refused(413, "invalid_request", "V-037: 64 KiB are enough");
        let many: Vec<String> = (0..100).map(|at| format!("p{at}=x")).collect();
        raw(&world, path, form, many.join("&").into_bytes())
            .await
            .refused(400, "invalid_request", "V-037: too many");
    }
    let charset = "Application/X-WWW-Form-Urlencoded; charset=\"UTF-8\"";
    assert_eq!(
        raw(&world, "/introspect", charset, b"token=x".to_vec()).await.status,
        200,
        "R-041: said in full"
    );
}
