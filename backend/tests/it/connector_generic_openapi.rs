//! `docs/connectors/generic.openapi.yaml` against the real routes: what it shows is taken, what is answered is described, and nothing is described that does
//! not happen.

use std::collections::BTreeSet;

use axum::{body::Body, http::Request};
use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

use crate::{
    connector_generic_world::{AtProvider, Signed},
    device_actor::By,
    device_world::{Answer, START},
};

const DOCUMENT: &str = include_str!("../../../docs/connectors/generic.openapi.yaml");

struct Described {
    document: Value,
}

impl Described {
    fn read() -> Self {
        let document: Value = serde_saphyr::from_str(DOCUMENT).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
        Self { document }
    }

    fn operation(&self) -> &Value {
        &self.document["paths"]["/connectors/{name}/requests"]["post"]
    }

    /// A validator for one of the named schemas, which may refer to each other.
    fn schema(&self, name: &str) -> Validator {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$ref": format!("#/components/schemas/{name}"),
            "components": self.document["components"],
        });
        let options = jsonschema::options().with_draft(Draft::Draft202012).offline();
        options.build(&schema).unwrap()
    }

    #[track_caller]
    fn fits(&self, name: &str, value: &Value) {
        if let Err(error) = self.schema(name).validate(value) {
            panic!("{name}: {error}: {value}");
        }
    }
}

fn examples(operation: &Value) -> Map<String, Value> {
    let content = &operation["requestBody"]["content"]["application/json"];
    content["examples"].as_object().unwrap().clone()
}

#[tokio::test]
async fn the_examples_are_taken_as_they_stand() {
    let described = Described::read();
    let at = AtProvider::new().await;
    let shown = examples(described.operation());
    assert!(shown.len() >= 3);
    for (name, example) in shown {
        let value = &example["value"];
        described.fits("Request", value);
        assert!(
            value["expires_at"].as_i64().unwrap() > START,
            "{name}: of the time of the tests"
        );
        let answer = at.hand_over(value).await;
        assert_eq!(answer.status, 201, "{name}: {}", answer.json());
        described.fits("Taken", &answer.json());
    }
}

/// What the schema refuses the route refuses.
#[tokio::test]
async fn the_schema_of_requests_is_not_wider_than_the_route() {
    let described = Described::read();
    let (schema, at) = (described.schema("Request"), AtProvider::new().await);
    for (member, value) in [
        ("id", json!("")),
        ("id", json!(7)),
        ("sub", json!("")),
        ("client", json!({"id": "x"})),
        ("client", json!({"id": "x", "name": "x", "logo": "x"})),
        ("client", json!({"id": "x", "name": "x", "uri": "http://x.example"})),
        ("scope", json!("")),
        ("binding_code", json!("1")),
        ("authorization_details", json!({})),
        ("authorization_details", json!([{}])),
        ("context", json!([])),
        ("expires_at", json!("soon")),
        ("more", json!(1)),
    ] {
        let mut request = at.request();
        request.as_object_mut().unwrap().remove("binding_message");
        request[member] = value;
        assert!(!schema.is_valid(&request), "the schema refuses {request}");
        at.hand_over(&request).await.refused(400, "invalid_body");
    }
}

/// Every status that the document names is one that is answered, with a body as described, and no other is.
#[tokio::test]
async fn every_answer_is_described_and_every_description_happens() {
    let described = Described::read();
    let at = AtProvider::new().await;
    let device = at.device("anna-uuid").await;
    let body = at.request().to_string();
    let signed = at.signed_as("msg_1", &body);
    let mut answers: Vec<Answer> = vec![at.send("acme", &signed, &body).await];
    let handle = answers[0].json()["handle"].as_str().unwrap().into();
    let object = device.request_object(&handle).await;
    let mut denial = device.decision(&handle, &object, "deny");
    denial["reason"] = json!("not_me");
    assert_eq!(device.submit(&handle, &object, &denial, By::Pop).await.status, 200);
    let mut again = at.request();
    again["id"] = json!("request-2");
    let unwanted = at.hand_over(&again).await;
    again["client"]["id"] = json!("other");
    let again = again.to_string();
    let huge = "x".repeat(70_000);
    let forged = Signed {
        signature: "v1,".to_owned(),
        ..signed.clone()
    };
    let text = Request::post("/connectors/acme/requests")
        .header("content-type", "text/plain")
        .header("webhook-id", &signed.id)
        .header("webhook-timestamp", &signed.timestamp)
        .header("webhook-signature", &signed.signature);
    let get = Request::get("/connectors/acme/requests").body(Body::empty()).unwrap();
    answers.extend([
        unwanted,
        at.send("acme", &at.signed_as("msg_1", &again), &again).await,
        at.send("acme", &at.signed("[]"), "[]").await,
        at.send("acme", &forged, &body).await,
        at.send("nobody", &signed, &body).await,
        at.world.send(get).await,
        at.send("acme", &at.signed(&huge), &huge).await,
        at.world.send(text.body(Body::from(body.clone())).unwrap()).await,
    ]);
    let mut seen = BTreeSet::new();
    for answer in &answers {
        let status = answer.status.as_u16().to_string();
        let response = &described.operation()["responses"][&status];
        assert!(response.is_object(), "{status} is described");
        if status == "201" {
            described.fits("Taken", &answer.json());
        } else {
            described.fits("Problem", &answer.json());
            assert_eq!(answer.headers["content-type"], "application/problem+json");
            let name = response["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
            let words = described.document["components"]["responses"][name]["description"].as_str();
            let code = format!("`{}`", answer.code());
            assert!(words.unwrap().starts_with(&code), "{status} is about {code}");
        }
        seen.insert(status);
    }
    // A store that does not answer is 503; `problem.rs` says the same of every call.
    seen.insert("503".to_owned());
    let named: BTreeSet<String> = described.operation()["responses"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(seen, named);
}

#[tokio::test]
async fn what_providers_are_told_is_described() {
    let described = Described::read();
    let hook = &described.document["webhooks"]["requestSettled"]["post"];
    for (name, example) in examples(hook) {
        described.fits("Result", &example["value"]);
        assert_eq!(example["value"]["result"], name);
    }
    let at = AtProvider::new().await;
    let device = at.device("anna-uuid").await;
    let handle = at.ask(&at.request()).await;
    device.approve(&handle).await;
    at.pay().await;
    let mut second = at.request();
    second["id"] = json!("request-2");
    let handle = at.ask(&second).await;
    device.deny(&handle).await;
    at.pay().await;
    (second["id"], second["client"]["id"]) = (json!("request-3"), json!("other"));
    at.ask(&second).await;
    at.world.clock.advance(121_000);
    at.world.consent.settle_deadlines().await.unwrap();
    at.pay().await;
    let results = at.results();
    assert_eq!(results.len(), 3);
    for result in &results {
        described.fits("Result", result);
    }
}
