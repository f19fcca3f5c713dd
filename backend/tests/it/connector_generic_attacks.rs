//! Calls that are not the provider's, not of now, or not what was signed.

use axum::body::Body;
use countersign::{connectors::handle_of, storage::Prompts as _};
use countersign_protocol::PromptState;
use serde_json::json;

use crate::{
    connector_generic_world::{AtProvider, OTHER, Signed, sign},
    device_world::Answer,
};

impl AtProvider {
    async fn nothing_was_stored(&self) {
        let prompt = self.world.storage.find_prompt(&handle_of("acme", "request-1")).await;
        assert_eq!(prompt.unwrap(), None, "S-092: nothing is stored");
    }

    /// As [`AtProvider::send`], with these headers.
    async fn raw(&self, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = axum::http::Request::post("/connectors/acme/requests");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.world.send(request.body(body.into()).unwrap()).await
    }
}

/// Proves V-013, S-092: who does not have the secret hands nothing over.
#[tokio::test]
async fn a_forged_call_hands_nothing_over() {
    let at = AtProvider::new().await;
    let body = at.request().to_string();
    let now = at.now() / 1000;
    let right = at.signed_as("msg_1", &body);
    let with = |signature: String| Signed {
        signature,
        ..right.clone()
    };
    let key = |key: &[u8]| sign(key, "msg_1", now, &body);
    let text = right.signature.strip_prefix("v1,").unwrap();
    for (forged, why) in [
        (key(&at.other_key), "the secret of another connector"),
        (key(&[0; 32]), "a guess"),
        (key(&[]), "an empty secret"),
        (with(String::new()), "none"),
        (with("v1,".to_owned()), "an empty one"),
        (with(text.to_owned()), "no version"),
        (with(format!("v1a,{text}")), "another version"),
        (with(format!("v1={text}")), "another way to write it"),
        (with(right.signature[..12].to_owned()), "a beginning of the right one"),
        (with(right.signature.trim_end_matches('=').to_owned()), "not padded"),
        (with(format!("{}\u{e4}", right.signature)), "no ASCII"),
        (sign(&at.key, "msg_2", now, &body), "of another message"),
        (sign(&at.key, "msg_1", now - 1, &body), "of another second"),
        (
            sign(&at.key, "msg_1", now, &body.replace("W4SCT", "EVIL!")),
            "of another body",
        ),
        (
            sign(&at.key, "msg_1", now, &format!("{body} ")),
            "of a body with one more space",
        ),
    ] {
        let sent = Signed {
            id: right.id.clone(),
            timestamp: right.timestamp.clone(),
            signature: forged.signature,
        };
        let answer = at.send("acme", &sent, &body).await;
        answer.refused(401, "invalid_signature");
        assert!(!answer.json()["detail"].as_str().unwrap().contains("W4SCT"), "{why}");
    }
    at.nothing_was_stored().await;
    let other = at.send(OTHER, &right, &body).await;
    other.refused(401, "invalid_signature");
    at.send(
        "acme",
        &with(format!("v1,{} {}", "A".repeat(43) + "=", right.signature)),
        &body,
    )
    .await;
    let stored = at.world.storage.find_prompt(&handle_of("acme", "request-1")).await;
    assert!(stored.unwrap().is_some(), "one right signature among two is enough");
}

/// Proves V-013: a call that was overheard is good for five minutes, and only for what it did already.
#[tokio::test]
async fn a_call_is_of_now() {
    let at = AtProvider::new().await;
    let body = at.request().to_string();
    let now = at.now() / 1000;
    for seconds in [now - 301, now + 301, 0, now * 1000, i64::MAX / 1000] {
        let answer = at.send("acme", &sign(&at.key, "msg_1", seconds, &body), &body).await;
        answer.refused(401, "invalid_signature");
    }
    for timestamp in ["", "now", "-1", "1e9", "0x65", "1795261206.0", "+1795261206", "١٧"] {
        let message = format!("msg_1.{timestamp}.{body}");
        let tag = countersign_jose::digest::hmac_sha256(&at.key, message.as_bytes());
        let signed = Signed {
            id: "msg_1".to_owned(),
            timestamp: timestamp.to_owned(),
            signature: format!("v1,{}", countersign_jose::b64::encode_padded(tag)),
        };
        at.send("acme", &signed, &body).await.refused(401, "invalid_signature");
    }
    at.nothing_was_stored().await;
    let signed = at.signed(&body);
    at.world.clock.advance(300_000);
    let mut late = at.request();
    late["expires_at"] = json!(at.now() + 60_000);
    let late = late.to_string();
    assert_eq!(
        at.send("acme", &sign(&at.key, "m", now, &late), &late).await.status,
        201,
        "V-013: 300 s old"
    );
    at.world.clock.advance(1_000);
    at.send("acme", &signed, &body).await.refused(401, "invalid_signature");
}

/// Proves V-013, S-092: of two headers of one name others might believe the other.
#[tokio::test]
async fn headers_are_there_once_each() {
    let at = AtProvider::new().await;
    let body = at.request().to_string();
    let signed = at.signed("x");
    let right = at.signed_as(&signed.id, &body);
    let headers = [
        ("webhook-id", right.id.as_str()),
        ("webhook-timestamp", right.timestamp.as_str()),
        ("webhook-signature", right.signature.as_str()),
        ("content-type", "application/json"),
    ];
    for missing in 0..3 {
        let mut fewer = headers.to_vec();
        fewer.remove(missing);
        at.raw(&fewer, body.clone()).await.refused(401, "invalid_signature");
    }
    for doubled in 0..3 {
        let mut more = headers.to_vec();
        more.push(headers[doubled]);
        at.raw(&more, body.clone()).await.refused(401, "invalid_signature");
    }
    for id in ["", "a.b", "a b", "\t", &"a".repeat(257), "\u{e4}"] {
        let signed = at.signed_as(id, &body);
        at.send("acme", &signed, &body).await.refused(401, "invalid_signature");
    }
    at.nothing_was_stored().await;
    assert_eq!(at.raw(&headers, body).await.status, 201);
}

/// Proves V-037 for providers: nothing but a small JSON object, at this address, by this method; and strangers are told nothing of it.
#[tokio::test]
async fn what_is_huge_or_elsewhere_or_something_else_is_refused() {
    let at = AtProvider::new().await;
    let body = at.request().to_string();
    let signed = at.signed(&body);
    at.send("nobody", &signed, &body).await.refused(404, "not_found");
    at.send("keycloak", &signed, &body).await.refused(404, "not_found");
    let get = axum::http::Request::get("/connectors/acme/requests")
        .body(Body::empty())
        .unwrap();
    at.world.send(get).await.refused(405, "method_not_allowed");
    let huge = format!("{{\"id\":\"{}\"}}", "x".repeat(70_000));
    at.send("acme", &at.signed(&huge), &huge)
        .await
        .refused(413, "too_large");
    let headers = [
        ("webhook-id", signed.id.as_str()),
        ("webhook-timestamp", signed.timestamp.as_str()),
        ("webhook-signature", signed.signature.as_str()),
        ("content-type", "text/plain"),
    ];
    at.raw(&headers, body.clone())
        .await
        .refused(415, "unsupported_media_type");
    for nonsense in [
        "",
        "[]",
        "null",
        "{",
        "{} {}",
        "\u{feff}{}",
        &format!("{}1{}", "[".repeat(500), "]".repeat(500)),
    ] {
        let answer = at.send("acme", &at.signed(nonsense), nonsense).await;
        answer.refused(400, "invalid_body");
    }
    let stranger = sign(&[1; 32], "msg_1", at.now() / 1000, "{");
    at.send("acme", &stranger, "{").await.refused(401, "invalid_signature");
    at.nothing_was_stored().await;
}

/// Proves V-013, S-092: nothing that an app or a stranger can send completes a request: the end is told to the provider, and it is not asked for.
#[tokio::test]
async fn a_stranger_cannot_end_a_request() {
    let at = AtProvider::new().await;
    let handle = at.ask(&at.request()).await;
    let result =
        json!({"type": "request.settled", "id": "request-1", "sub": "anna-uuid", "result": "approved"}).to_string();
    let signed = at.signed_as(handle.as_str(), &result);
    at.send("acme", &signed, &result).await.refused(400, "invalid_body");
    assert_eq!(at.settled(&handle).await.state, PromptState::Pending, "S-092");
    assert_eq!(at.claim().await, [], "S-092: nothing is owed");
}
