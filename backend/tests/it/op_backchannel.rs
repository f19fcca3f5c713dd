//! Authentication requests.

use axum::http::header;
use countersign::{
    domain::{BindingMode, ClientAuthMethod, GrantType},
    storage::Accounts as _,
};
use serde_json::json;

use crate::op_world::{ISSUER, World, shop};

const GOOD: [(&str, &str); 2] = [("scope", "openid payment"), ("login_hint", "anna")];

#[tokio::test]
async fn a_request_is_acknowledged_and_handed_over() {
    let world = World::new().await;
    let answer = world
        .post("/bc-authorize", &[&GOOD[..], &[("binding_message", "W4SCT")]].concat())
        .await;
    assert_eq!(answer.status, 200, "R-121: {}", answer.body);
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store", "R-121");
    assert_eq!(answer.header(header::CONTENT_TYPE), "application/json", "R-121");
    insta::assert_json_snapshot!(answer.json(), { ".auth_req_id" => "[auth_req_id]" });
    let acknowledged = answer.json();
    assert!(
        acknowledged["expires_in"].as_u64() > Some(0),
        "R-123: a positive integer"
    );
    assert!(acknowledged["interval"].as_u64() > Some(0), "R-124: a positive integer");
    let id = acknowledged["auth_req_id"].as_str().unwrap();
    assert_eq!(id.len(), 43, "R-122: 256 bits");
    let url_safe = |char: char| char.is_ascii_alphanumeric() || "-_".contains(char);
    assert!(id.chars().all(url_safe), "R-122: {id}");
    let again = world.start(&[]).await;
    assert_ne!(id, again, "R-122: unique");
    let seen = world.trigger.seen.lock().unwrap();
    assert_eq!(seen.len(), 2, "each was handed over once");
    assert_eq!(seen[0].message.as_deref(), Some("W4SCT"), "R-059, R-060: word for word");
    assert_eq!(seen[0].scopes, ["payment"], "R-141: what the person reads");
    assert_eq!(seen[0].expires_in, 120, "R-123");
}

#[tokio::test]
async fn a_person_is_named_in_every_declared_way() {
    let world = World::new().await;
    let subject = json!({"format": "iss_sub", "iss": ISSUER, "sub": "sub-anna"}).to_string();
    let bare = json!({"iss": ISSUER, "sub": "sub-anna"}).to_string();
    for hint in ["sub-anna", "anna", "anna@mail.example", "+49anna", &subject, &bare] {
        let answer = world.post("/bc-authorize", &[GOOD[0], ("login_hint", hint)]).await;
        assert_eq!(answer.status, 200, "R-076: {hint}: {}", answer.body);
    }
}

#[tokio::test]
async fn whoever_cannot_be_asked_is_unknown() {
    let world = World::new().await;
    world.add_person("ben").await;
    // Ben's e-mail address is carl's sign-in name: the hint names two people.
    world.add_person("ben@mail.example").await;
    world.add_person("dora").await;
    world.storage.set_account_disabled("dora", true).await.unwrap();
    let elsewhere = json!({"iss": "https://other.example", "sub": "sub-anna"}).to_string();
    let mut bodies = Vec::new();
    for hint in ["nobody", "ben@mail.example", "dora", "ANNA", " anna", &elsewhere, "{"] {
        let answer = world.post("/bc-authorize", &[GOOD[0], ("login_hint", hint)]).await;
        answer.refused(400, "unknown_user_id", &format!("R-076, R-132, V-001, V-033: {hint}"));
        bodies.push(answer.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "R-132, V-033: they are not told apart");
    assert!(world.trigger.seen.lock().unwrap().is_empty(), "R-076: nobody was asked");
}

#[tokio::test]
async fn exactly_one_hint_is_needed() {
    let world = World::new().await;
    for hints in [
        &[][..],
        &[("login_hint", "")],
        &[("login_hint", "anna"), ("id_token_hint", "x")],
        &[("login_hint", "anna"), ("login_hint_token", "x")],
        &[("id_token_hint", "x"), ("login_hint_token", "x")],
        &[
            ("login_hint", "anna"),
            ("id_token_hint", "x"),
            ("login_hint_token", "x"),
        ],
        &[("id_token_hint", "x")],
        &[("login_hint_token", "x")],
    ] {
        let answer = world.post("/bc-authorize", &[&GOOD[..1], hints].concat()).await;
        answer.refused(400, "invalid_request", &format!("R-075: {hints:?}"));
    }
}

#[tokio::test]
async fn the_provider_makes_the_number_when_the_client_sent_none() {
    let world = World::with("[op]\nbinding_code_digits = 6").await;
    let mut client = shop("typist");
    client.binding_mode = BindingMode::Type;
    world.add_client(client).await;
    let answer = world.post_as("typist", "/bc-authorize", &GOOD).await.json();
    let code = answer["binding_code"].as_str().unwrap();
    assert!(
        code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()),
        "S-004: {code}"
    );
    assert_eq!(
        world.trigger.seen.lock().unwrap()[0].code.as_deref(),
        Some(code),
        "S-005"
    );
    let words = [&GOOD[..], &[("binding_message", "W4SCT")]].concat();
    let answer = world.post_as("typist", "/bc-authorize", &words).await;
    answer.refused(400, "invalid_binding_message", "S-005");
    let own = [&GOOD[..], &[("binding_message", "0042")]].concat();
    let answer = world.post_as("typist", "/bc-authorize", &own).await.json();
    assert!(
        answer.get("binding_code").is_none(),
        "S-005: the client knows its own number"
    );
    assert_eq!(
        world.trigger.seen.lock().unwrap()[1].code.as_deref(),
        Some("0042"),
        "S-005"
    );
}

#[tokio::test]
async fn a_number_is_typed_unless_the_client_says_otherwise() {
    let world = World::new().await;
    world.start(&[("binding_message", "4711")]).await;
    let seen = world.trigger.seen.lock().unwrap();
    assert_eq!(
        (seen[0].code.as_deref(), seen[0].message.as_deref()),
        (Some("4711"), None),
        "S-001"
    );
}

#[tokio::test]
async fn the_expiry_is_the_one_that_was_asked_for() {
    let world = World::new().await;
    let answer = world
        .post("/bc-authorize", &[&GOOD[..], &[("requested_expiry", "10")]].concat())
        .await;
    assert_eq!(answer.json()["expires_in"], 10, "R-064, R-066");
    assert_eq!(world.trigger.seen.lock().unwrap()[0].expires_in, 10, "R-066");
}

#[tokio::test]
async fn what_a_poll_client_need_not_send_is_ignored() {
    let world = World::new().await;
    for (extra, why) in [
        (("client_notification_token", "x"), "R-056: far too short"),
        (("client_notification_token", "\u{e4} not a token"), "R-056: no token"),
        (("user_code", "1234"), "R-063, V-008: not offered, R-006"),
        (("foo", "bar"), "R-068"),
        (("request_context", "{}"), "R-069: an extension we do not know"),
        (("authorization_details", "[]"), "R-268: no details"),
        (("resource", ""), "R-067"),
        (("acr_values", "urn:example:gold urn:countersign:acr:device"), "R-057"),
        (("client_name", "Your Bank"), "S-020: a name is registered, not sent"),
    ] {
        let answer = world.post("/bc-authorize", &[&GOOD[..], &[extra]].concat()).await;
        assert_eq!(answer.status, 200, "{why}: {extra:?}");
        let sent = extra.1;
        let stored = world.stored().join("\n");
        if extra.0 == "client_notification_token" && sent.len() > 1 {
            assert!(!stored.contains(sent), "R-056: not stored");
        }
        assert!(!stored.contains("Your Bank"), "S-020: nothing of it is kept or shown");
        let members: Vec<String> = answer.json().as_object().unwrap().keys().cloned().collect();
        assert_eq!(
            members,
            ["auth_req_id", "expires_in", "interval"],
            "{why}: answered as without"
        );
    }
    assert!(
        world.stored().join("\n").contains("Demo Shop"),
        "S-020: the registered name is what is kept"
    );
}

#[tokio::test]
async fn the_first_failure_answers() {
    let world = World::new().await;
    let bad: [(&str, &str); 5] = [
        ("scope", "nonsense"),
        ("login_hint", "nobody"),
        ("binding_message", "a\u{202e}b"),
        ("requested_expiry", "0"),
        ("request", "x.y.z"),
    ];
    let answer = world
        .form("/bc-authorize", &[("authorization", "Basic eDp5")], &bad)
        .await;
    answer.refused(401, "invalid_client", "R-120: the client first");
    let order = [
        "invalid_request",         // the signed request, R-005
        "invalid_scope",           // then parameters
        "invalid_request",         // the expiry
        "invalid_binding_message", // the message
        "unknown_user_id",         // at last the hint
    ];
    let mut form = bad.to_vec();
    let mended = [
        ("request", ""),
        ("scope", "openid"),
        ("requested_expiry", "30"),
        ("binding_message", "fine"),
        ("login_hint", "anna"),
    ];
    for (code, (name, value)) in order.into_iter().zip(mended) {
        world
            .post("/bc-authorize", &form)
            .await
            .refused(400, code, &format!("R-120: before {name} is mended"));
        form.iter_mut()
            .filter(|(known, _)| *known == name)
            .for_each(|pair| pair.1 = value);
    }
    assert!(
        world.trigger.seen.lock().unwrap().is_empty(),
        "nobody was asked until now"
    );
    assert_eq!(world.post("/bc-authorize", &form).await.status, 200);
}

#[tokio::test]
async fn only_confidential_clients_that_registered_for_it_may_ask() {
    let world = World::new().await;
    let mut web = shop("web");
    web.grant_types = vec![GrantType::AuthorizationCode];
    world.add_client(web).await;
    let answer = world.post_as("web", "/bc-authorize", &GOOD).await;
    answer.refused(400, "unauthorized_client", "R-131");
    let mut public = shop("public");
    public.auth_method = ClientAuthMethod::None;
    world.add_client(public).await;
    for id in ["public", "countersign-app"] {
        let form = [&GOOD[..], &[("client_id", id)]].concat();
        let answer = world.form("/bc-authorize", &[], &form).await;
        answer.refused(401, "invalid_client", "R-042: public clients do not ask");
    }
}

#[tokio::test]
async fn scopes_stay_within_what_the_client_may_ask_for() {
    let world = World::new().await;
    let mut modest = shop("modest");
    modest.scopes = vec!["profile".to_owned()];
    world.add_client(modest).await;
    for (scope, code) in [
        ("profile", "invalid_scope"),
        ("openid unheard-of", "invalid_scope"),
        ("openid payment", "invalid_scope"),
        ("openid \"x\"", "invalid_scope"),
        ("openid \u{e4}", "invalid_scope"),
        ("", "invalid_request"),
    ] {
        let answer = world
            .post_as("modest", "/bc-authorize", &[("scope", scope), GOOD[1]])
            .await;
        answer.refused(400, code, &format!("R-050, R-051: {scope:?}"));
    }
    let answer = world
        .post_as(
            "modest",
            "/bc-authorize",
            &[("scope", "profile openid openid"), GOOD[1]],
        )
        .await;
    assert_eq!(answer.status, 200, "R-050");
}
