//! What an operator and a client's registration say of requests: time, classes, messages, context.

use countersign::domain::{Client, RequestRules};
use countersign_clock::Clock as _;
use countersign_protocol::CIBA_GRANT;
use serde_json::json;

use crate::op_world::{Answer, World, claims, shop};

const GOOD: [(&str, &str); 2] = [("scope", "openid payment"), ("login_hint", "anna")];
const DEVICE: &str = "urn:countersign:acr:device";
const VERIFIED: &str = "urn:countersign:acr:device-verified";
const PASSWORD: &str = "urn:countersign:acr:password";

fn held_to(id: &str, requests: RequestRules) -> Client {
    Client { requests, ..shop(id) }
}

async fn ask(world: &World, client: &str, more: &[(&str, &str)]) -> Answer {
    world
        .post_as(client, "/bc-authorize", &[&GOOD[..], more].concat())
        .await
}

/// Proves R-066, G-16 and C-01: everybody's time, and a client's own.
#[tokio::test]
async fn time_is_granted_within_everybodys_bounds_and_the_clients() {
    let world = World::with("[op]\nexpires_in = 90\nmax_expiry = 300\nmin_expiry = 10").await;
    let rules = RequestRules {
        expires_in: Some(30),
        max_expiry: Some(60),
        ..RequestRules::default()
    };
    world.add_client(held_to("quick", rules)).await;
    for (client, requested, expected) in [
        ("shop", None, Some(90)),
        ("shop", Some("300"), Some(300)),
        ("shop", Some("301"), None),
        ("shop", Some("9"), None),
        ("quick", None, Some(30)),
        ("quick", Some("60"), Some(60)),
        ("quick", Some("61"), None),
        ("quick", Some("10"), Some(10)),
    ] {
        let more: Vec<_> = requested
            .iter()
            .map(|requested| ("requested_expiry", *requested))
            .collect();
        let answer = ask(&world, client, &more).await;
        let why = format!("R-066, C-01: {client} {requested:?}");
        match expected {
            Some(seconds) => assert_eq!(answer.json()["expires_in"], seconds, "{why}: {}", answer.body),
            None => answer.refused(400, "invalid_request", &why),
        }
    }
}

/// Proves R-204, R-058 and C-04 (classes): what is asked for first is aimed at, and what is required is required.
#[tokio::test]
async fn the_class_that_is_asked_for_decides_what_an_approval_needs() {
    let world = World::with(&format!("[op.required_acr]\npayment = \"{VERIFIED}\"")).await;
    let rules = |required: Option<&str>, usual: &[&str]| RequestRules {
        required_acr: required.map(str::to_owned),
        default_acr_values: usual.iter().map(|&acr| acr.to_owned()).collect(),
        ..RequestRules::default()
    };
    world.add_client(held_to("strict", rules(Some(VERIFIED), &[]))).await;
    world
        .add_client(held_to("usual", rules(None, &[VERIFIED, DEVICE])))
        .await;
    world.add_client(held_to("modest", rules(Some(DEVICE), &[]))).await;
    let both = format!("{VERIFIED} {DEVICE}");
    let reversed = format!("{DEVICE} {VERIFIED}");
    let foreign = format!("urn:example:gold {VERIFIED}");
    for (client, scope, acr_values, needs) in [
        ("shop", "openid", None, false),
        ("shop", "openid profile", Some(DEVICE), false),
        ("shop", "openid", Some(PASSWORD), false),
        ("shop", "openid", Some("urn:example:gold"), false),
        ("shop", "openid", Some(VERIFIED), true),
        ("shop", "openid", Some(both.as_str()), true),
        ("shop", "openid", Some(reversed.as_str()), false),
        ("shop", "openid", Some(foreign.as_str()), true),
        ("shop", "openid payment", None, true),
        ("shop", "openid payment", Some(DEVICE), true),
        ("strict", "openid", None, true),
        ("strict", "openid", Some(DEVICE), true),
        ("usual", "openid", None, true),
        ("usual", "openid", Some(DEVICE), false),
        ("modest", "openid", None, false),
        ("modest", "openid payment", None, true),
    ] {
        let mut form = vec![("scope", scope), ("login_hint", "anna")];
        form.extend(acr_values.map(|acr| ("acr_values", acr)));
        let answer = world.post_as(client, "/bc-authorize", &form).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let seen = world.trigger.seen.lock().unwrap();
        let seen = seen.last().unwrap();
        let why = format!("R-204: {client} {scope} {acr_values:?}");
        assert_eq!(seen.needs_user_verification, needs, "{why}");
        let usual = (client == "usual" && acr_values.is_none()).then_some(both.as_str());
        assert_eq!(
            seen.acr_values.as_deref(),
            acr_values.or(usual),
            "{why}: the person's device is told"
        );
    }
}

/// Proves R-058, R-205: the ID token says what was met.
#[tokio::test]
async fn the_id_token_says_what_was_met() {
    let world = World::new().await;
    let id = world.start(&[("acr_values", VERIFIED)]).await;
    world.approve().await;
    let form = [("grant_type", CIBA_GRANT), ("auth_req_id", id.as_str())];
    let token = world.post("/token", &form).await.json()["id_token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(claims(&token)["acr"], VERIFIED, "R-058, R-205");
    assert_eq!(claims(&token)["auth_time"], world.clock.now_seconds());
}

/// Proves R-132, R-204, G-06: a class that nobody meets here is refused before anybody is asked.
#[tokio::test]
async fn what_cannot_be_met_is_refused_by_policy() {
    let world = World::with("[op.required_acr]\npayment = \"urn:example:gold\"\nwire = \"urn:example:gold\"").await;
    let rules = RequestRules {
        required_acr: Some("urn:example:platinum".to_owned()),
        ..RequestRules::default()
    };
    world.add_client(held_to("demanding", rules)).await;
    let before = world.stored();
    let plain = [("scope", "openid"), ("login_hint", "anna")];
    ask(&world, "shop", &[])
        .await
        .refused(403, "access_denied", "R-132, R-204: by scope");
    let wire = [&plain[..], &[("authorization_details", "[{\"type\":\"wire\"}]")]].concat();
    let answer = world.post("/bc-authorize", &wire).await;
    assert!(
        [(403, "access_denied"), (400, "invalid_authorization_details")]
            .contains(&(answer.status.as_u16(), answer.error().as_str())),
        "R-204: by type, or because it is no type here: {}",
        answer.body
    );
    world
        .post_as("demanding", "/bc-authorize", &plain)
        .await
        .refused(403, "access_denied", "R-132, R-204: by client");
    assert_eq!(world.stored(), before, "a refusal changes nothing");
    assert!(world.trigger.seen.lock().unwrap().is_empty(), "R-132: nobody was asked");
    assert_eq!(
        world.post("/bc-authorize", &plain).await.status,
        200,
        "what is not ruled out is fine"
    );
    // The same code is 400 at the token endpoint, where it is the person's answer.
    let started = world.post("/bc-authorize", &plain).await.json();
    let id = started["auth_req_id"].as_str().unwrap().to_owned();
    world.deny().await;
    world.poll(&id).await.refused(400, "access_denied", "R-178");
}

/// Proves C-01, G-16 and R-062.
#[tokio::test]
async fn messages_look_as_the_operator_wants() {
    let world =
        World::with("[op]\nbinding_message_length = 10\nbinding_message_pattern = '[A-Z0-9]{4,}|[0-9]{2}'").await;
    for (message, good) in [
        ("W4SCT", true),
        ("1234", true),
        ("07", true),
        ("ABCDEFGHIJ", true),
        ("ABCDEFGHIJK", false),
        ("w4sct", false),
        ("ABC", false),
        ("W4SCT please", false),
        ("1", false),
    ] {
        let answer = ask(&world, "shop", &[("binding_message", message)]).await;
        if good {
            assert_eq!(answer.status, 200, "C-01, R-062: {message}: {}", answer.body);
        } else {
            answer.refused(400, "invalid_binding_message", &format!("C-01, R-062: {message}"));
        }
    }
    assert_eq!(ask(&world, "shop", &[]).await.status, 200, "it need not be there");
}

/// Proves R-207, R-208 and R-069.
#[tokio::test]
async fn a_request_says_where_it_began() {
    let world = World::with("[op]\nrequire_request_context = true").await;
    for missing in [&[][..], &[("request_context", "")], &[("request_context", "{}")]] {
        let answer = ask(&world, "shop", missing).await;
        answer.refused(400, "invalid_request", &format!("R-207: {missing:?}"));
    }
    let context = r#"{"device":"Firefox 143 on Windows","ip":"203.0.113.7"}"#;
    let answer = ask(&world, "shop", &[("request_context", context)]).await;
    assert_eq!(answer.status, 200, "R-207: {}", answer.body);
    let seen = world.trigger.seen.lock().unwrap().last().unwrap().context.clone();
    let expected = json!({"reported": {"device": "Firefox 143 on Windows", "ip": "203.0.113.7"}});
    assert_eq!(seen, Some(expected), "R-207: told to the person as what was reported");

    let world = World::new().await;
    assert_eq!(
        ask(&world, "shop", &[]).await.status,
        200,
        "R-207: it is asked for where the operator wants it"
    );
    assert_eq!(world.trigger.seen.lock().unwrap().last().unwrap().context, None);
    let wrong = ask(&world, "shop", &[("request_context", "[]")]).await;
    wrong.refused(400, "invalid_request", "R-069, R-207: but never wrong");
}
