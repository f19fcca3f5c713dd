//! What each member may be: an error names it, repeats nothing of it, and changes nothing.

use countersign::{connectors::handle_of, storage::Prompts as _};
use serde_json::{Value, json};

use crate::connector_generic_world::AtProvider;

/// Sets the member at the dotted `path`.
fn with(mut request: Value, path: &str, value: Value) -> Value {
    let pointer = format!("/{}", path.replace('.', "/"));
    if let Some(member) = request.pointer_mut(&pointer) {
        *member = value;
    } else {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        request.pointer_mut(parent).unwrap()[name] = value;
    }
    request
}

/// Hands over requests of which one member is wrong: the error names it and repeats nothing of it.
async fn refuses(at: &AtProvider, cases: impl IntoIterator<Item = (&'static str, Value, &'static str)>) {
    for (path, value, field) in cases {
        let answer = at.hand_over(&with(at.request(), path, value.clone())).await;
        answer.refused(400, "invalid_body");
        assert_eq!(answer.field(), field, "{path} {value}: {}", answer.json());
        assert!(
            !answer.json()["detail"].as_str().unwrap().contains("evil"),
            "no value is repeated"
        );
    }
    nothing_is_stored(at).await;
}

async fn nothing_is_stored(at: &AtProvider) {
    let prompt = at.world.storage.find_prompt(&handle_of("acme", "request-1")).await;
    assert_eq!(prompt.unwrap(), None, "bad input changes nothing");
}

/// Proves V-014, V-023 and V-039 for bodies of providers.
#[tokio::test]
async fn the_member_at_fault_is_named_and_nothing_is_stored() {
    let at = AtProvider::new().await;
    let evil = "\u{202e}evil";
    let long = |length: usize| json!("x".repeat(length));
    let deep = json!({"a": [[[[1]]]]});
    let cases = [
        ("id", json!(""), "id"),
        ("id", long(513), "id"),
        ("id", json!("a\nb"), "id"),
        ("id", json!(7), "id"),
        ("sub", json!(""), "sub"),
        ("sub", long(256), "sub"),
        ("sub", json!("a\0b"), "sub"),
        ("sub", json!(null), "sub"),
        ("client", json!("shop"), "client"),
        ("client", json!({"id": "shop"}), "client"),
        ("client", json!({"id": "shop", "name": "Shop", "logo": "x"}), "client"),
        ("client.id", json!(""), "client.id"),
        ("client.id", long(256), "client.id"),
        ("client.name", json!("  "), "client.name"),
        ("client.name", long(129), "client.name"),
        ("client.name", json!(evil), "client.name"),
        ("client.uri", json!("http://shop.example"), "client.uri"),
        ("client.uri", json!("javascript:alert(1)"), "client.uri"),
        ("client.uri", json!("https://u:p@shop.example"), "client.uri"),
        (
            "client.uri",
            json!(format!("https://shop.example/{}", "x".repeat(512))),
            "client.uri",
        ),
        ("scope", json!(""), "scope"),
        ("scope", json!("  "), "scope"),
        ("scope", json!("a\"b"), "scope"),
        ("scope", long(1025), "scope"),
        ("scope", json!(["openid"]), "scope"),
        ("binding_message", json!(evil), "binding_message"),
        ("binding_message", json!("see https://x.example"), "binding_message"),
        ("binding_message", long(65), "binding_message"),
        ("binding_message", json!("two  spaces"), "binding_message"),
        ("binding_message", json!(4711), "binding_message"),
        ("binding_code", json!("417"), "binding_code"),
        ("acr_values", long(1025), "acr_values"),
        ("acr_values", json!("ä"), "acr_values"),
        ("context", json!([]), "context"),
        ("context", json!({"a": evil}), "context"),
        ("context", json!({evil: "a"}), "context"),
        ("context", deep, "context"),
        ("context", json!({"a": "x".repeat(2048)}), "context"),
        ("user_code", json!("1234"), "user_code"),
        ("login_hint", json!("anna"), "login_hint"),
    ];
    refuses(&at, cases).await;
}

/// Proves V-023 for authorization details.
#[tokio::test]
async fn details_that_cannot_be_shown_are_refused() {
    let at = AtProvider::new().await;
    let evil = "\u{202e}evil";
    let long = |length: usize| json!("x".repeat(length));
    let detail = |member: Value| json!([{"type": "t", "m": member}]);
    let cases = [
        ("authorization_details", json!({}), "authorization_details"),
        ("authorization_details", json!("[]"), "authorization_details"),
        ("authorization_details", json!([{}]), "authorization_details"),
        ("authorization_details", json!([{"type": 7}]), "authorization_details"),
        ("authorization_details", json!(["t"]), "authorization_details"),
        (
            "authorization_details",
            json!(vec![json!({"type": "t"}); 9]),
            "authorization_details",
        ),
        ("authorization_details", detail(long(4096)), "authorization_details"),
        ("authorization_details", detail(json!(evil)), "authorization_details"),
        (
            "authorization_details",
            detail(json!({evil: 1})),
            "authorization_details",
        ),
        (
            "authorization_details",
            detail(json!(vec![1; 128])),
            "authorization_details",
        ),
        (
            "authorization_details",
            detail(json!([[[[[[[[1]]]]]]]])),
            "authorization_details",
        ),
    ];
    refuses(&at, cases).await;
}

#[tokio::test]
async fn a_request_waits_an_hour_at_most_and_not_in_the_past() {
    let at = AtProvider::new().await;
    let now = at.now();
    let cases = [
        ("expires_at", json!(now), "expires_at"),
        ("expires_at", json!(now - 1), "expires_at"),
        ("expires_at", json!(now / 1000 + 60), "expires_at"),
        ("expires_at", json!(now + 3_600_001), "expires_at"),
        ("expires_at", json!(i64::MAX), "expires_at"),
        ("expires_at", json!(1e300), "expires_at"),
        ("expires_at", json!("soon"), "expires_at"),
    ];
    refuses(&at, cases).await;
}

#[tokio::test]
async fn what_is_missing_or_there_twice_is_refused() {
    let at = AtProvider::new().await;
    for missing in ["id", "sub", "client", "scope", "expires_at"] {
        let mut request = at.request();
        request.as_object_mut().unwrap().remove(missing);
        let answer = at.hand_over(&request).await;
        answer.refused(400, "invalid_body");
        assert_eq!(answer.field(), missing);
    }
    for code in ["1", "123456789", "12a", "١٢", ""] {
        let mut request = with(at.request(), "binding_code", json!(code));
        request.as_object_mut().unwrap().remove("binding_message");
        let answer = at.hand_over(&request).await;
        assert_eq!(
            (answer.status.as_u16(), answer.field().as_str()),
            (400, "binding_code"),
            "{code:?}"
        );
    }
    let twice = at.request().to_string().replacen('{', "{\"sub\":\"ben-uuid\",", 1);
    at.send("acme", &at.signed(&twice), &twice)
        .await
        .refused(400, "invalid_body");
    let inside = at
        .request()
        .to_string()
        .replacen("{\"id\":\"shop\"", "{\"id\":\"bank\",\"id\":\"shop\"", 1);
    at.send("acme", &at.signed(&inside), &inside)
        .await
        .refused(400, "invalid_body");
    nothing_is_stored(&at).await;
}

/// Proves V-023 and V-039: every text of the corpus, in the two members that people read.
#[tokio::test]
async fn no_text_of_a_provider_is_taken_for_something_else() {
    let corpus = include_str!("../../../tests/vectors/unicode.json");
    let corpus: Value = serde_json::from_str(corpus).unwrap();
    let texts = corpus["texts"].as_array().unwrap();
    assert!(texts.len() >= 100, "V-023: the corpus is large");
    let at = AtProvider::new().await;
    for (number, text) in texts.iter().enumerate() {
        for (member, field) in [("binding_message", "binding_message"), ("client.name", "client_name")] {
            let named = with(at.request(), "id", json!(format!("{field}-{number}")));
            let answer = at.hand_over(&with(named, member, text["text"].clone())).await;
            let fits = text["accepted_by"].as_array().unwrap().contains(&json!(field)) || text["text"] == "";
            let taken = if member == "client.name" && text["text"] == "" {
                false
            } else {
                fits
            };
            assert_eq!(
                answer.status == 201,
                taken,
                "V-023, V-039: {text} in {member}: {}",
                answer.json()
            );
        }
    }
}

#[tokio::test]
async fn what_is_just_within_its_limits_is_taken() {
    let at = AtProvider::new().await;
    let details = |count: usize| json!(vec![json!({"type": "t"}); count]);
    for (number, (path, value)) in [
        ("sub", json!("x".repeat(255))),
        ("client.id", json!("x".repeat(255))),
        ("client.name", json!("x".repeat(128))),
        ("client.uri", json!(null)),
        ("scope", json!("x".repeat(1024))),
        ("binding_message", json!("x".repeat(64))),
        ("binding_message", json!(null)),
        ("binding_message", json!("")),
        ("acr_values", json!("")),
        ("acr_values", json!("x".repeat(1024))),
        ("context", json!({})),
        ("context", json!(null)),
        ("authorization_details", json!([])),
        ("authorization_details", json!(null)),
        ("authorization_details", details(8)),
        ("expires_at", json!(at.now() + 3_600_000)),
        ("expires_at", json!(at.now() + 1)),
        ("id", json!("ö".repeat(512))),
    ]
    .into_iter()
    .enumerate()
    {
        let named = with(at.request(), "id", json!(format!("request-{number}")));
        let answer = at.hand_over(&with(named, path, value.clone())).await;
        assert_eq!(answer.status, 201, "{path} {value}: {}", answer.json());
    }
}
