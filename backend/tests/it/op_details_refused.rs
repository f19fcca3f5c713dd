//! Authorization details and resources that nobody is asked about.

use axum::http::header;
use countersign::domain::RequestRules;

use crate::{
    op_browser::{authorize, parameter},
    op_details::{payer, world},
    op_world::{World, shop},
};

const GOOD: [(&str, &str); 2] = [("scope", "openid payment"), ("login_hint", "anna")];
const INVALID: &str = "invalid_authorization_details";

/// Proves R-268, R-127: each in its own way is not what the operator declared, or not what a person can look at.
#[tokio::test]
async fn details_that_are_not_what_was_declared_are_refused() {
    let world = world().await;
    let element = |members: &str| format!(r#"[{{"type":"transfer","units":1{members}}}]"#);
    let long = element(&format!(r#","a":"{}""#, "x".repeat(4100)));
    let nine = format!("[{}]", [r#"{"type":"transfer","units":1}"#; 9].join(","));
    let many = element(&format!(r#","a":[{}]"#, ["1"; 130].join(",")));
    let deep = element(&format!(r#","a":{}1{}"#, "[".repeat(8), "]".repeat(8)));
    for (details, why) in [
        ("{", "not JSON"),
        ("[", "not JSON"),
        ("x", "not JSON"),
        (r#"[{"type":"transfer","units":1}"#, "half an array"),
        (r#"[{"type":"transfer","units":1}][]"#, "something after it"),
        (r#"{"type":"transfer","units":1}"#, "not an array"),
        ("null", "not an array"),
        ("\"transfer\"", "not an array"),
        ("[\"transfer\"]", "not objects"),
        ("[[]]", "not objects"),
        (r#"[{"units":1}]"#, "no type"),
        (r#"[{"type":1,"units":1}]"#, "a type that is no string"),
        (r#"[{"type":"nothing","units":1}]"#, "an unknown type"),
        (r#"[{"type":"transfer ","units":1}]"#, "an unknown type"),
        (r#"[{"type":"deploy"}]"#, "a type of other clients"),
        (r#"[{"type":"transfer","units":1},{"type":"deploy"}]"#, "one of two"),
        (r#"[{"type":"transfer"}]"#, "a member is missing"),
        (r#"[{"type":"transfer","units":"1"}]"#, "a member of another kind"),
        (
            r#"[{"type":"transfer","units":12345678901234567891}]"#,
            "one more than the greatest",
        ),
        (
            r#"[{"type":"transfer","units":99999999999999999999}]"#,
            "more digits than can be compared",
        ),
        (
            r#"[{"type":"transfer","units":0.1234567890123456789}]"#,
            "more digits than can be compared",
        ),
        (r#"[{"type":"transfer","units":1e400}]"#, "beyond every number"),
        (r#"[{"type":"transfer","units":01}]"#, "no number"),
        (
            r#"[{"type":"transfer","units":1,"NOTE":1}]"#,
            "a name against the schema",
        ),
        (r#"[{"type":"transfer","units":1,"units":2}]"#, "V-037: a member twice"),
        (
            r#"[{"type":"transfer","units":1,"a":{"b":1,"\u0062":2}}]"#,
            "V-037: a member twice",
        ),
        (&element(r#","a":"x\u202ey""#), "V-023: turns the text round"),
        (&element(r#","a":"x\u200by""#), "V-023: cannot be seen"),
        (&element(r#","a":"x\u0000y""#), "V-023: a control"),
        (&element(r#","a":"x\ny""#), "V-023: a line break"),
        (&element(r#","a":"\ud800""#), "half a character"),
        (
            &element(",\"a\":\"Z\u{0300}\u{0300}\u{0300}\""),
            "V-023: marks on marks",
        ),
        (&element(r#","a\u202eb":1"#), "V-023: in a name"),
        (&long, "too long"),
        (&nine, "too many elements"),
        (&many, "too many values"),
        (&deep, "too deep"),
    ] {
        let form = [&GOOD[..], &[("authorization_details", details)]].concat();
        let answer = world.post_as("payer", "/bc-authorize", &form).await;
        answer.refused(400, INVALID, &format!("R-268, R-127, S-017: {why}: {details}"));
        let shown = authorize(&world, &browser(&[("authorization_details", details)])).await;
        let location = shown.header(header::LOCATION);
        assert_eq!(
            parameter(location, "error").as_deref(),
            Some(INVALID),
            "R-268: {why}: {location}"
        );
    }
    let twice = [
        &GOOD[..],
        &[("authorization_details", "[]"), ("authorization_details", "[]")],
    ]
    .concat();
    let answer = world.post_as("payer", "/bc-authorize", &twice).await;
    answer.refused(400, "invalid_request", "R-268, V-037: the parameter twice");
    assert!(world.trigger.seen.lock().unwrap().is_empty(), "R-268: nobody was asked");
}

/// The schema's own words name the place, and nothing of what was sent is repeated.
#[tokio::test]
async fn the_developer_is_told_which_rule_was_broken() {
    let world = world().await;
    let details =
        r#"[{"type":"transfer","units":1},{"type":"transfer","units":1,"note":"much more than that, my friend"}]"#;
    let form = [&GOOD[..], &[("authorization_details", details)]].concat();
    let answer = world.post_as("payer", "/bc-authorize", &form).await.json();
    assert_eq!(
        answer["error_description"],
        "element 2 of authorization_details breaks /properties/note/maxLength of the schema of its type"
    );
    let details = r#"[{"type":"transfer","units":1,"\u00e4":2}]"#;
    let form = [&GOOD[..], &[("authorization_details", details)]].concat();
    let answer = world.post_as("payer", "/bc-authorize", &form).await;
    answer.refused(400, INVALID, "R-128: the rule has a name that no description may have");
}

/// Proves R-268: a provider without types has no details, and a client without any is given none.
#[tokio::test]
async fn who_may_not_ask_for_details_is_told_so() {
    let plain = World::new().await;
    let form = [
        &GOOD[..],
        &[("authorization_details", r#"[{"type":"transfer","units":1}]"#)],
    ]
    .concat();
    plain
        .post("/bc-authorize", &form)
        .await
        .refused(400, INVALID, "R-268: no types are declared");
    assert!(
        !plain
            .get("/.well-known/openid-configuration")
            .await
            .body
            .contains("authorization_details")
    );
    let world = world().await;
    world
        .post("/bc-authorize", &form)
        .await
        .refused(400, INVALID, "R-268: not for the shop");
    let metadata = world.get("/.well-known/openid-configuration").await.json();
    let types = &metadata["authorization_details_types_supported"];
    assert_eq!(*types, serde_json::json!(["deploy", "transfer"]), "R-268");
}

/// Proves R-127, R-069: a resource is an absolute URI that the client was given.
#[tokio::test]
async fn a_resource_that_is_not_for_the_client_is_refused() {
    let world = world().await;
    let mut other = payer("other");
    other.requests = RequestRules::default();
    world.add_client(other).await;
    let long = format!("https://api.example/{}", "x".repeat(512));
    for (client, resource, why) in [
        ("payer", "https://api.example", "one character less"),
        ("payer", "https://API.example/", "other letters"),
        ("payer", "https://api.example/#x", "a fragment"),
        ("payer", "/relative", "not absolute"),
        ("payer", "api", "not absolute"),
        ("payer", "https://elsewhere.example/", "another's"),
        ("payer", &long, "too long"),
        ("other", "https://own.example/a?b", "another client's"),
    ] {
        let form = [&GOOD[..], &[("resource", "urn:example:ledger"), ("resource", resource)]].concat();
        let answer = world.post_as(client, "/bc-authorize", &form).await;
        answer.refused(400, "invalid_target", &format!("R-127, R-069: {why}"));
    }
    let answer = authorize(&world, &browser(&[("resource", "https://elsewhere.example/")])).await;
    let location = answer.header(header::LOCATION);
    assert_eq!(
        parameter(location, "error").as_deref(),
        Some("invalid_target"),
        "{location}"
    );
    assert!(world.trigger.seen.lock().unwrap().is_empty(), "nobody was asked");
}

/// An authorization request of the payer.
fn browser<'a>(more: &[(&'static str, &'a str)]) -> Vec<(&'static str, &'a str)> {
    [
        &[("client_id", "payer"), ("redirect_uri", "https://shop.example/cb")],
        more,
    ]
    .concat()
}

/// Proves B-09: words for people belong to the operator, scopes to the client that was given them.
#[tokio::test]
async fn scopes_of_the_operator_are_given_client_by_client() {
    let world = World::with("[op.scopes]\n\"payment.balance.write\" = \"Change the balance of your account\"").await;
    let mut ledger = shop("ledger");
    ledger.scopes = vec!["payment.balance.write".to_owned()];
    world.add_client(ledger).await;
    let form = [("scope", "openid payment.balance.write"), GOOD[1]];
    world
        .post("/bc-authorize", &form)
        .await
        .refused(400, "invalid_scope", "B-09: not for the shop");
    let answer = world.post_as("ledger", "/bc-authorize", &form).await;
    assert_eq!(answer.status, 200, "B-09: {}", answer.body);
    let stored = world.stored().join("\n");
    assert!(
        stored.contains("Change the balance of your account"),
        "B-09: the person reads the operator's words"
    );
}
