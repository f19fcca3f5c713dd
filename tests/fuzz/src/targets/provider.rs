//! The endpoints of clients.

use std::{
    net::Ipv4Addr,
    sync::atomic::{AtomicU32, Ordering},
};

use axum::{body::Body, http::Request};
use countersign_forged_tokens::signed;
use unicode_normalization::is_nfc;
use unicode_segmentation::UnicodeSegmentation as _;

use crate::server::{Answer, ISSUER, basic, server};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const REQUEST: &str = "/bc-authorize";

/// What every answer of these endpoints is.
fn check(answer: &Answer) {
    assert!([200, 400, 401, 413].contains(&answer.status), "{}", answer.status);
    if answer.status != 200 {
        let description = serde_json::from_str::<serde_json::Value>(&answer.body).expect("an error is JSON");
        let description = description["error_description"]
            .as_str()
            .expect("an error is described");
        let allowed = |c: char| matches!(c, ' ' | '!' | '#'..='[' | ']'..='~');
        assert!(description.chars().all(allowed), "{description}");
    }
}

/// The content type, up to a line end, and a body, to each endpoint in turn.
pub fn form(data: &[u8]) {
    let Some((which, rest)) = data.split_first() else {
        return;
    };
    let (content_type, body) = match rest.iter().position(|byte| *byte == b'\n') {
        Some(end) if !rest.starts_with(b"\n") => (&rest[..end], &rest[end + 1..]),
        _ => (&b"application/x-www-form-urlencoded"[..], rest),
    };
    let paths = ["/token", "/bc-authorize", "/introspect", "/revoke"];
    let request = Request::post(paths[usize::from(*which) % paths.len()])
        .header("content-type", content_type)
        .header("authorization", basic())
        .header("x-forwarded-for", content_type);
    if let Ok(request) = request.body(Body::from(body.to_vec())) {
        check(&server().send(request));
    }
}

/// The `Authorization` header of a client.
pub fn authorization(data: &[u8]) {
    let request = Request::post("/introspect")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", data);
    let Ok(request) = request.body(Body::from("token=x")) else {
        return;
    };
    let answer = server().send(request);
    check(&answer);
    if answer.status == 200 {
        let text = String::from_utf8_lossy(data);
        let (scheme, _) = text.split_once(' ').expect("a scheme");
        assert!(scheme.eq_ignore_ascii_case("Basic"), "{text}");
    }
}

/// The `Authorization` header of whoever holds an access token.
pub fn userinfo(data: &[u8]) {
    if let Ok(request) = Request::get("/userinfo")
        .header("authorization", data)
        .body(Body::empty())
    {
        assert_eq!(server().send(request).status, 401, "nobody has a token");
    }
}

/// A client assertion that nobody signed.
pub fn assertion(data: &[u8]) {
    let Ok(assertion) = std::str::from_utf8(data) else {
        return;
    };
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("token", "x")
        .append_pair("client_assertion_type", ASSERTION_TYPE)
        .append_pair("client_assertion", assertion)
        .finish();
    let request = Request::post("/introspect").header("content-type", "application/x-www-form-urlencoded");
    let answer = server().send(request.body(Body::from(form)).expect("a request"));
    check(&answer);
    assert_ne!(answer.status, 200, "nobody signed it");
}

/// A request object whose claims are anything, but whose signature is right.
pub fn signed_request(data: &[u8]) {
    let server = server();
    let header = format!(r#"{{"alg":"ES256","typ":"JWT","kid":"{}"}}"#, server.key.kid());
    let request = signed(&server.key, header.as_bytes(), data);
    check(&server.pairs(REQUEST, &[("request", &request)]));
}

/// What a client says of itself, by itself.
pub fn metadata(data: &[u8]) {
    // Each call from an address of its own: how often one may register is not the question.
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let address = Ipv4Addr::from(CALLS.fetch_add(1, Ordering::Relaxed));
    let request = Request::post("/register")
        .header("content-type", "application/json")
        .header("x-forwarded-for", address.to_string());
    let answer = server().send(request.body(Body::from(data.to_vec())).expect("a request"));
    assert!(
        [201, 400, 413].contains(&answer.status),
        "{}: {}",
        answer.status,
        answer.body
    );
    if answer.status == 201 {
        let told: serde_json::Value = serde_json::from_str(&answer.body).expect("a client is told what it is");
        let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
        assert!(
            !text("client_id").is_empty() && !text("registration_access_token").is_empty(),
            "{told}"
        );
        for address in [told["redirect_uris"].as_array(), None].into_iter().flatten().flatten() {
            let address = address.as_str().expect("an address is text").to_ascii_lowercase();
            assert!(
                !["javascript:", "data:", "file:"]
                    .iter()
                    .any(|scheme| address.starts_with(scheme)),
                "{address}"
            );
        }
    }
}

/// A hint of any kind: it names Anna in one of her ways, or nobody.
pub fn hints(data: &[u8]) {
    let Some((which, rest)) = data.split_first() else {
        return;
    };
    let Ok(hint) = std::str::from_utf8(rest) else { return };
    let name = ["login_hint", "id_token_hint", "login_hint_token"][usize::from(*which) % 3];
    let answer = server().pairs(REQUEST, &[("scope", "openid"), (name, hint)]);
    check(&answer);
    if answer.status == 200 {
        let subject = serde_json::from_str::<serde_json::Value>(hint)
            .is_ok_and(|hint| hint["sub"] == "sub-anna" && hint["iss"] == ISSUER);
        let named = ["anna", "anna@mail.example", "sub-anna"].contains(&hint);
        assert!(subject || named, "{name}: {hint:?} is not Anna");
    }
}

/// A binding message: what is shown can be read.
pub fn binding_message(data: &[u8]) {
    let Ok(message) = std::str::from_utf8(data) else { return };
    if message.is_empty() || message.contains('\0') {
        return;
    }
    let form = [
        ("scope", "openid"),
        ("login_hint", "anna"),
        ("binding_message", message),
    ];
    let answer = server().pairs(REQUEST, &form);
    check(&answer);
    if answer.status == 200 {
        assert!(is_nfc(message) && message.graphemes(true).count() <= 64, "{message:?}");
        let hidden = |c: char| {
            c.is_control()
                || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        };
        assert!(!message.chars().any(hidden), "{message:?}");
    } else if answer.status != 413 {
        assert!(
            ["invalid_binding_message", "invalid_request"].contains(&answer.error().as_str()),
            "{}",
            answer.body
        );
    }
}
