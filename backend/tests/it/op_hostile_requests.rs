//! `tests/vectors/parameters.json`: requests that two readers could understand differently, and requests that cost more to read than to send.

use axum::{body::Body, http::Request};
use countersign::domain::ClientAuthMethod;
use countersign_jose::digest;
use serde::Deserialize;

use crate::{
    op_browser::VERIFIER,
    op_world::{SECRET, World, basic, shop},
};

#[derive(Deserialize)]
struct Corpus {
    requests: Vec<Hostile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hostile {
    id: String,
    rows: Vec<String>,
    what: String,
    path: String,
    status: u16,
    error: Option<String>,
    method: Option<String>,
    /// The client that authenticates; the shop when absent.
    r#as: Option<String>,
    content_type: Option<Vec<String>>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    query: Option<String>,
    body: Option<String>,
    body_hex: Option<String>,
    /// A beginning, and something so many times.
    repeat: Option<(String, String, usize)>,
    /// So many parameters, whose names begin like this.
    count: Option<(String, usize)>,
}

impl Hostile {
    fn body(&self, words: &[(&str, String)]) -> Vec<u8> {
        if let Some(hex) = &self.body_hex {
            let pairs = (0..hex.len()).step_by(2);
            return pairs
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
                .collect();
        }
        if let Some((beginning, again, times)) = &self.repeat {
            return (beginning.clone() + &again.repeat(*times)).into_bytes();
        }
        if let Some((name, count)) = &self.count {
            let pairs: Vec<String> = (0..*count).map(|at| format!("{name}{at}=x")).collect();
            return pairs.join("&").into_bytes();
        }
        filled(self.body.as_deref().unwrap_or_default(), words).into_bytes()
    }

    /// None when it is no request at all: then nobody can send it.
    fn request(&self, words: &[(&str, String)]) -> Option<Request<Body>> {
        let query = self.query.as_ref().map(|query| format!("?{}", filled(query, words)));
        let path = format!("{}{}", self.path, query.unwrap_or_default());
        let method = self.method.as_deref().unwrap_or("POST");
        let mut request = Request::builder().method(method).uri(path);
        if self.r#as.as_deref() != Some("nobody") {
            request = request.header("authorization", basic("shop", SECRET));
        }
        let form = ["application/x-www-form-urlencoded".to_owned()];
        for content_type in self.content_type.as_deref().unwrap_or(&form) {
            request = request.header("content-type", content_type.as_bytes());
        }
        for (name, value) in &self.headers {
            request = request.header(name, filled(value, words));
        }
        request.body(Body::from(self.body(words))).ok()
    }
}

fn filled(text: &str, words: &[(&str, String)]) -> String {
    words.iter().fold(text.to_owned(), |text, (word, value)| {
        text.replace(&format!("<{word}>"), value)
    })
}

/// Proves V-037, V-022, V-039, R-041, R-045, R-067.
#[tokio::test]
async fn hostile_requests_are_refused_and_change_nothing() {
    let world = World::with("[op]\nunknown_hints = 0").await;
    let mut poster = shop("poster");
    poster.auth_method = ClientAuthMethod::ClientSecretPost;
    world.add_client(poster).await;
    let first = world.start(&[]).await;
    world.approve().await;
    let tokens = world.poll(&first).await.json();
    let approved = world.start(&[]).await;
    world.approve().await;
    let asked = world.trigger.seen.lock().unwrap().len();
    let words = [
        ("auth_req_id", approved.clone()),
        ("access_token", tokens["access_token"].as_str().unwrap().to_owned()),
        ("secret", SECRET.to_owned()),
        ("basic", basic("shop", SECRET)),
        ("code_challenge", digest::sha256_b64(VERIFIER)),
        ("pad:20000", "x".repeat(20_000)),
        ("lt", "<".to_owned()),
    ];
    let corpus = include_str!("../../../tests/vectors/parameters.json");
    let Corpus { requests } = serde_json::from_str(corpus).unwrap();
    let before = world.stored();
    let (mut sent, mut wrong) = (0, Vec::new());
    for hostile in &requests {
        let Some(request) = hostile.request(&words) else {
            continue;
        };
        let why = format!("{:?}: {}: {}", hostile.rows, hostile.id, hostile.what);
        let answer = world.send(request).await;
        let due = hostile.error.as_deref();
        if answer.status != hostile.status || due.is_some_and(|due| answer.error() != due) {
            wrong.push(format!("{why}: {} {}", answer.status, answer.body));
            continue;
        }
        if let Some(due) = due {
            answer.refused(hostile.status, due, &why);
        }
        assert!(
            answer.headers.get("location").is_none(),
            "{why}: nobody is sent anywhere"
        );
        assert!(answer.headers.get("access-control-allow-origin").is_none(), "{why}");
        assert!(
            answer.body.len() < 16 * 1024,
            "{why}: the answer is no larger than needed"
        );
        sent += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(sent >= 500, "V-037: {sent} requests");
    assert_eq!(world.stored(), before, "V-037: nothing that is stored changed");
    assert_eq!(
        world.trigger.seen.lock().unwrap().len(),
        asked,
        "V-037: nobody was asked"
    );
    assert_eq!(
        world.poll(&approved).await.status,
        200,
        "the honest request is still good"
    );
}
