//! Documents that clients publish: what is read of an answer, and what is not.

use std::sync::Arc;

use countersign::{
    config::Config,
    outbound::{DocumentError, LIMIT, MAX_DOCUMENT_LEN, Outbound, OutboundError, SystemLookup},
};
use serde_json::json;

use crate::publisher::{ALLOW, Page, Publisher};

fn outbound() -> Outbound {
    let config = Config::from_toml(ALLOW).unwrap();
    Outbound::new(&config.outbound, Arc::new(SystemLookup)).unwrap()
}

#[tokio::test]
async fn a_document_is_read_with_what_its_host_says_of_its_life() {
    let (outbound, host) = (outbound(), Publisher::start().await);
    let cached = |values: &[&str]| {
        let headers = values.iter().map(|value| ("cache-control", (*value).to_owned()));
        Page::With(headers.collect(), json!({}))
    };
    for (page, max_age) in [
        (Page::Json(json!({})), None),
        (cached(&["max-age=60"]), Some(60)),
        (cached(&["max-age=60, max-age=30"]), Some(30)),
        (cached(&["max-age=60", "no-cache"]), Some(0)),
        (cached(&["private"]), None),
    ] {
        let document = outbound.get_json(&host.put("/x", page)).await.unwrap();
        assert_eq!((document.body.as_slice(), document.max_age), (&b"{}"[..], max_age));
    }
    let asked = host.asked();
    let names: Vec<&str> = asked[0].headers.keys().map(axum::http::HeaderName::as_str).collect();
    assert_eq!(
        names,
        ["accept", "user-agent", "host"],
        "V-006: nothing else goes along"
    );
}

#[tokio::test]
async fn only_json_of_bounded_length_is_read() {
    use DocumentError::{ContentType, Status, TooLong};
    let (outbound, host) = (outbound(), Publisher::start().await);
    let json = "application/json";
    let body = |len: usize| " ".repeat(len);
    for (what, page, due) in [
        (
            "as long as it may be",
            Page::Raw(200, json, body(MAX_DOCUMENT_LEN)),
            None,
        ),
        (
            "a key set's type",
            Page::Raw(200, "application/jwk-set+json", body(2)),
            None,
        ),
        (
            "with a charset",
            Page::Raw(200, "Application/JSON; charset=utf-8", body(2)),
            None,
        ),
        (
            "a byte too long",
            Page::Raw(200, json, body(MAX_DOCUMENT_LEN + 1)),
            Some(TooLong),
        ),
        ("without end", Page::Endless, Some(TooLong)),
        ("HTML", Page::Raw(200, "text/html", body(2)), Some(ContentType)),
        ("no type", Page::Raw(200, "", body(2)), Some(ContentType)),
        (
            "nearly JSON",
            Page::Raw(200, "application/jsonp", body(2)),
            Some(ContentType),
        ),
        ("a part", Page::Raw(206, json, body(2)), Some(Status(206))),
        ("nothing", Page::Raw(204, json, String::new()), Some(Status(204))),
        ("not there", Page::Raw(404, json, body(2)), Some(Status(404))),
        ("broken", Page::Raw(500, json, body(2)), Some(Status(500))),
    ] {
        let read = outbound.get_json(&host.put("/x", page)).await;
        assert_eq!(read.err(), due, "V-043: {what}");
    }
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let (outbound, host) = (outbound(), Publisher::start().await);
    host.put("/there", Page::Json(json!({})));
    for status in [301, 302, 303, 307, 308] {
        let url = host.put("/here", Page::Elsewhere(status, "/there"));
        let read = outbound.get_json(&url).await;
        assert_eq!(read.err(), Some(DocumentError::Status(status)), "V-004: {status}");
    }
    assert!(host.asked().iter().all(|asked| asked.path == "/here"), "V-004");
}

#[tokio::test]
async fn a_body_that_only_drips_is_given_up() {
    let (outbound, host) = (outbound(), Publisher::start().await);
    let began = std::time::Instant::now();
    let read = outbound.get_json(&host.put("/x", Page::Drip)).await;
    assert_eq!(
        read.err(),
        Some(DocumentError::Call(OutboundError::TimedOut)),
        "V-043: slow drip"
    );
    assert!(began.elapsed() < 2 * LIMIT, "V-043: {:?}", began.elapsed());
}
