//! What a provider without a connector of its own hands over: taken in once, whoever loses an answer, and shown to the right person.

use countersign::{connectors::handle_of, storage::Prompts as _};
use countersign_protocol::PromptState;
use serde_json::{Value, json};

use crate::{
    connector_generic_world::{AtProvider, OTHER, sign},
    device_actor::{By, TestDevice},
};

#[tokio::test]
async fn a_request_is_on_disk_and_on_the_device_when_it_is_acknowledged() {
    let at = AtProvider::new().await;
    let device = at.device("anna-uuid").await;
    let mut request = at.request();
    request["client"]["uri"] = json!("https://shop.example/");
    request["context"] = json!({"device": "Firefox 143 on Windows"});
    request["acr_values"] = json!("urn:countersign:acr:device-verified");
    let answer = at.hand_over(&request).await;
    assert_eq!(answer.status, 201, "{}", answer.json());
    assert_eq!(answer.headers["cache-control"], "no-store");
    let handle = handle_of("acme", "request-1");
    let expected = json!({"handle": handle, "expires_at": request["expires_at"]});
    assert_eq!(answer.json(), expected);
    assert!(
        at.world.stored().iter().any(|row| row.contains(handle.as_str())),
        "on disk"
    );
    let shown = at.shown(&device, &handle).await;
    let told = |name: &str| shown[name].clone();
    assert_eq!(told("op"), at.issuer());
    assert_eq!(told("op_title"), "Acme");
    assert_eq!(told("sub"), "anna-uuid");
    assert_eq!(
        told("client"),
        json!({"id": "shop", "name": "Demo Shop", "uri": "https://shop.example/"})
    );
    assert_eq!(told("scopes"), json!([{"name": "profile", "text": "See your name"}]));
    assert_eq!(told("match"), json!({"mode": "show", "message": "W4SCT"}));
    assert_eq!(told("context"), json!({"reported": request["context"]}));
    assert_eq!(told("policy")["uv"], "required");
}

/// The operator's name for a client counts, whatever the provider calls it.
#[tokio::test]
async fn a_client_is_shown_as_the_operator_calls_it() {
    let at = AtProvider::new().await;
    let device = at.device("anna-uuid").await;
    let mut request = at.request();
    request["client"] = json!({"id": "bank", "name": "Not a Bank"});
    let handle = at.ask(&request).await;
    assert_eq!(at.shown(&device, &handle).await["client"]["name"], "Acme Bank");
}

/// S-001: a number is typed, and is nowhere where it could be read.
#[tokio::test]
async fn a_number_is_typed_and_never_shown() {
    let at = AtProvider::new().await;
    let device = at.device("anna-uuid").await;
    let mut request = at.request();
    request.as_object_mut().unwrap().remove("binding_message");
    request["binding_code"] = json!("417");
    let handle = at.ask(&request).await;
    assert_eq!(
        at.shown(&device, &handle).await["match"],
        json!({"mode": "type"}),
        "S-001"
    );
    device.approve_typing(&handle, "418").await.refused(422, "match_wrong");
    assert_eq!(device.approve_typing(&handle, "417").await.status, 200, "S-001");
}

/// R-268: what is asked for in detail is shown as it was written, every member, with the operator's words where there are some.
#[tokio::test]
async fn details_are_shown_as_they_were_written() {
    let declared =
        "[op.authorization_details.payment]\ntitle = \"A payment\"\nschema = {}\nlabels = { \"/sum\" = \"Sum\" }\n";
    let at = AtProvider::with(declared).await;
    let device = at.device("anna-uuid").await;
    let written =
        r#"[ {"type":"payment", "sum":10.10, "b":1, "a":12345678901234567890}, {"type":"x:unheard-of","n":1e2} ]"#;
    let body = at.request().to_string();
    let body = format!("{},\"authorization_details\":{written}}}", &body[..body.len() - 1]);
    let answer = at.send("acme", &at.signed(&body), &body).await;
    assert_eq!(answer.status, 201, "{}", answer.json());
    let object = device.request_object(&handle_of("acme", "request-1")).await;
    let claims = countersign_jose::b64::decode(object.split('.').nth(1).unwrap()).unwrap();
    let claims = String::from_utf8(claims).unwrap();
    assert!(claims.contains(written.trim()), "R-268: byte by byte: {claims}");
    let claims: Value = serde_json::from_str(&claims).unwrap();
    let words = json!([
        {"type": "payment", "title": "A payment", "labels": [{"at": "/sum", "text": "Sum"}]},
        {"type": "x:unheard-of", "title": "x:unheard-of"},
    ]);
    assert_eq!(
        claims["authorization_details_words"], words,
        "a type without words is shown by its name"
    );
}

/// V-013, S-092: an answer that was lost is given again; nobody is asked twice, and nothing is changed under a name that is known.
#[tokio::test]
async fn the_same_again_is_answered_the_same_and_another_one_is_refused() {
    let at = AtProvider::new().await;
    let device = at.device("anna-uuid").await;
    let body = at.request().to_string();
    let signed = at.signed_as("msg_1", &body);
    let first = at.send("acme", &signed, &body).await;
    at.world.clock.advance(1500);
    for again in [
        signed.clone(),
        at.signed_as("msg_1", &body),
        at.signed_as("msg_2", &body),
    ] {
        let answer = at.send("acme", &again, &body).await;
        assert_eq!(
            (answer.status, answer.json()),
            (first.status, first.json()),
            "V-013: {again:?}"
        );
    }
    let mut other = at.request();
    other["binding_message"] = json!("EVIL");
    let other = other.to_string();
    for message in ["msg_1", "msg_3"] {
        at.send("acme", &at.signed_as(message, &other), &other)
            .await
            .refused(409, "conflict");
    }
    let mut second = at.request();
    second["id"] = json!("request-2");
    let second = second.to_string();
    at.send("acme", &at.signed_as("msg_1", &second), &second)
        .await
        .refused(409, "conflict");
    let stored = at.world.storage.find_prompt(&handle_of("acme", "request-2")).await;
    assert_eq!(stored.unwrap(), None, "S-092: a message holds one request");
    assert_eq!(at.waiting(&device).await, 1, "V-013: nobody is asked twice");
    device.approve(&handle_of("acme", "request-1")).await;
    assert_eq!(at.send("acme", &signed, &body).await.status, 201);
    assert_eq!(at.waiting(&device).await, 0, "V-013: what is decided stays decided");
    let second_message = at.signed_as("msg_4", &second);
    assert_eq!(
        at.send("acme", &second_message, &second).await.status,
        201,
        "a message of its own"
    );
}

/// Two at the same time are one.
#[tokio::test]
async fn the_same_at_once_asks_once() {
    let at = AtProvider::new().await;
    let device = at.device("anna-uuid").await;
    let body = at.request().to_string();
    let signed = at.signed(&body);
    let all = futures_util::future::join_all((0..16).map(|_| at.send("acme", &signed, &body))).await;
    assert!(all.iter().all(|answer| answer.status == 201), "V-013");
    assert_eq!(at.waiting(&device).await, 1, "V-013");
}

/// V-012, S-092: a request for somebody else is never listed, and a decision for somebody else never taken.
#[tokio::test]
async fn only_the_person_that_the_provider_names_can_decide() {
    let at = AtProvider::new().await;
    let anna = at.device("anna-uuid").await;
    let handle = at.ask(&at.request()).await;
    let object = anna.request_object(&handle).await;
    let local = TestDevice::registered(&at.world, "anna").await;
    for somebody in [&at.device("ben-uuid").await, &local] {
        assert_eq!(at.waiting(somebody).await, 0, "V-012");
        let path = format!("/ad/v1/requests/{}", handle.as_str());
        somebody.call("GET", &path, None).await.refused(404, "not_found");
        let claims = somebody.decision(&handle, &object, "approve");
        let answer = somebody.submit(&handle, &object, &claims, By::Uv).await;
        answer.refused(400, "invalid_decision");
    }
    assert_eq!(at.settled(&handle).await.state, PromptState::Pending, "V-012, S-092");
    assert_eq!(at.heard().len(), 0);
    assert_eq!(anna.approve(&handle).await.status, 200);
}

/// The same `sub` and the same name of a request at two providers are two people and two requests.
#[tokio::test]
async fn providers_do_not_meet() {
    let at = AtProvider::new().await;
    let anna = at.device("anna-uuid").await;
    let body = at.request().to_string();
    let signed = sign(&at.other_key, "msg_1", at.now() / 1000, &body);
    let other = at.send(OTHER, &signed, &body).await;
    assert_eq!(other.status, 201, "{}", other.json());
    assert_eq!(at.waiting(&anna).await, 0, "V-012: somebody else's Anna");
    let own = at.send("acme", &at.signed_as("msg_1", &body), &body).await;
    assert_eq!(own.status, 201, "{}", own.json());
    assert_ne!(own.json()["handle"], other.json()["handle"]);
    assert_eq!(at.waiting(&anna).await, 1);
}

/// Who said that a request was not theirs is left alone by that client.
#[tokio::test]
async fn a_client_that_was_reported_asks_in_vain() {
    let at = AtProvider::new().await;
    let device = at.device("anna-uuid").await;
    let handle = at.ask(&at.request()).await;
    let object = device.request_object(&handle).await;
    let mut denial = device.decision(&handle, &object, "deny");
    denial["reason"] = json!("not_me");
    assert_eq!(device.submit(&handle, &object, &denial, By::Pop).await.status, 200);
    let mut again = at.request();
    again["id"] = json!("request-2");
    at.hand_over(&again).await.refused(403, "unwanted");
}
