//! Each endpoint with each member missing, of the wrong kind, empty, too large, twice: a documented error, and nothing changes.

use std::sync::Arc;

use axum::{body::Body, http::Request};
use countersign::storage::{Devices as _, Prompts as _};
use serde_json::{Value, json};

use crate::{
    device_actor::{By, TestDevice},
    device_world::{Answer, World},
};

struct Endpoint {
    device: Arc<TestDevice>,
    method: &'static str,
    path: String,
    /// Whether the call carries an access token.
    token: bool,
    good: Value,
    /// For each member: the code when it is empty, and when it is a string of 17,000 characters.
    members: &'static [(&'static str, &'static str, &'static str)],
}

const REGISTRATION: &[(&str, &str, &str)] = &[
    ("id_token_hint", "invalid_id_token", "too_large"),
    ("salt", "invalid_body", "invalid_body"),
    ("name", "invalid_body", "invalid_body"),
    ("platform", "invalid_body", "invalid_body"),
    ("app_version", "invalid_body", "too_large"),
    ("pop_key", "invalid_key_proof", "too_large"),
    ("uv_key", "invalid_key_proof", "too_large"),
    ("uv_proof", "invalid_key_proof", "too_large"),
    ("key_level", "invalid_body", "invalid_body"),
    ("uv_method", "invalid_body", "invalid_body"),
    ("push", "invalid_body", "invalid_body"),
];

impl Endpoint {
    async fn send(&self, body: String) -> Answer {
        let token = self.token.then_some(self.device.token.as_str());
        self.device.call_with(self.method, &self.path, token, Some(body)).await
    }

    async fn send_as(&self, content_type: Option<&str>, body: String) -> Answer {
        let token = self.token.then_some(self.device.token.as_str());
        let mut request = self.device.request(self.method, &self.path, token);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        self.device.world.send(request.body(Body::from(body)).unwrap()).await
    }

    fn with(&self, name: &str, value: Value) -> String {
        let mut body = self.good.clone();
        body[name] = value;
        body.to_string()
    }

    fn without(&self, name: &str) -> String {
        let mut body = self.good.clone();
        body.as_object_mut().unwrap().remove(name);
        body.to_string()
    }

    async fn is_strict(&self) {
        let at = format!("{} {}", self.method, self.path);
        for (name, empty, large) in self.members {
            let answer = self.send(self.without(name)).await;
            answer.refused(400, "invalid_body");
            assert_eq!(answer.field(), *name, "{at} without {name}");
            for odd in [json!(7), json!([1]), json!(true), Value::Null] {
                let answer = self.send(self.with(name, odd)).await;
                // A key may be any JSON value before it is judged as a key.
                let expected = if name.ends_with("_key") {
                    "invalid_key_proof"
                } else {
                    "invalid_body"
                };
                answer.refused(400, expected);
                assert_eq!(answer.field(), *name, "{at} with an odd {name}");
            }
            let answer = self.send(self.with(name, "".into())).await;
            assert_eq!(answer.code(), *empty, "{at} with an empty {name}");
            let answer = self.send(self.with(name, "x".repeat(17_000).into())).await;
            assert_eq!(answer.code(), *large, "S-034: {at} with a large {name}");
            let twice = format!("{{\"{name}\":\"first\",{}", &self.good.to_string()[1..]);
            self.send(twice).await.refused(400, "invalid_body");
        }
        let answer = self.send(self.with("more", json!(1))).await;
        answer.refused(400, "invalid_body");
        assert_eq!(answer.field(), "more", "{at} with an unknown member");
        for text in ["", "null", "[]", "{}{}", "{", "\"text\"", "{\"a\":1e999}"] {
            self.send(text.to_owned()).await.refused(400, "invalid_body");
        }
        self.send(self.with("more", "x".repeat(65_536).into()))
            .await
            .refused(413, "too_large");
        for content_type in [None, Some("text/plain"), Some("application/jwt"), Some("")] {
            let answer = self.send_as(content_type, self.good.to_string()).await;
            answer.refused(415, "unsupported_media_type");
        }
    }
}

async fn state(world: &World) -> Vec<String> {
    let mut state = Vec::new();
    for person in ["anna", "ben"] {
        let account = World::account(person);
        let devices = world.storage.list_devices(&account).await.unwrap();
        let prompts = world.storage.prompts_since(&account, 0, 100).await.unwrap();
        state.push(format!("{devices:?} {prompts:?}"));
    }
    state
}

/// Proves S-033, S-034, V-014.
#[tokio::test]
async fn every_endpoint_is_strict_about_every_member() {
    let world = World::new().await;
    let device = Arc::new(TestDevice::registered(&world, "anna").await);
    let stranger = Arc::new(TestDevice::stranger(&world));
    let handle = world.ask("anna", World::typed("4711")).await;
    let request = device.request_object(&handle).await;
    let decision = device.sign_decision(&device.decision(&handle, &request, "deny"), By::Pop);
    let endpoint = |method, path: String, good, members| Endpoint {
        device: device.clone(),
        method,
        path,
        token: true,
        good,
        members,
    };
    let endpoints = [
        Endpoint {
            device: stranger.clone(),
            token: false,
            ..endpoint(
                "POST",
                "/bc-deviceRegistration".to_owned(),
                stranger.registration("anna"),
                REGISTRATION,
            )
        },
        Endpoint {
            token: false,
            ..endpoint(
                "POST",
                "/ad/v1/session".to_owned(),
                json!({"device_session": device.session}),
                &[("device_session", "invalid_session", "invalid_session")],
            )
        },
        endpoint(
            "PUT",
            "/ad/v1/push".to_owned(),
            json!({"push": {"type": "fcm", "token": "t"}}),
            &[("push", "invalid_body", "invalid_body")],
        ),
        endpoint(
            "PUT",
            "/ad/v1/keys".to_owned(),
            json!({"statement": "s"}),
            &[("statement", "invalid_statement", "too_large")],
        ),
        endpoint(
            "PATCH",
            format!("/ad/v1/devices/{}", device.id),
            json!({"name": "n"}),
            &[("name", "invalid_body", "invalid_body")],
        ),
        endpoint(
            "POST",
            format!("/ad/v1/requests/{handle}/decision"),
            json!({"request": request, "decision": decision}),
            &[
                ("request", "invalid_decision", "too_large"),
                ("decision", "invalid_decision", "too_large"),
            ],
        ),
    ];
    let before = state(&world).await;
    for endpoint in &endpoints {
        endpoint.is_strict().await;
    }
    assert_eq!(state(&world).await, before, "what is refused changes nothing");
    let answer = device.send_decision(&handle, &request, &decision).await;
    assert_eq!(answer.status, 200, "the good decision was good all along");
}

/// Proves S-033: reading changes nothing, and nothing answers to a method that is not documented.
#[tokio::test]
async fn other_methods_and_addresses_are_problems_too() {
    let world = World::new().await;
    let known = [
        ("/.well-known/countersign", "POST"),
        ("/bc-deviceRegistration", "GET"),
        ("/ad/v1/session", "GET"),
        ("/ad/v1/requests", "POST"),
        ("/ad/v1/requests/h", "POST"),
        ("/ad/v1/requests/h/decision", "GET"),
        ("/ad/v1/history", "DELETE"),
        ("/ad/v1/stream", "POST"),
        ("/ad/v1/devices", "POST"),
        ("/ad/v1/devices/d", "PUT"),
        ("/ad/v1/keys", "POST"),
        ("/ad/v1/push", "GET"),
    ];
    let send = async |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path).body(Body::empty());
        world.send(request.unwrap()).await
    };
    for (path, method) in known {
        let answer = send(method, path).await;
        answer.refused(405, "method_not_allowed");
        assert!(answer.headers.contains_key("allow"), "RFC 9110 section 15.5.6: {path}");
        assert!(answer.headers.contains_key("dpop-nonce"), "{path}");
    }
    for path in [
        "/ad",
        "/ad/v1",
        "/ad/v1/nothing",
        "/ad/v2/requests",
        "/ad/v1/requests/h/decision/x",
    ] {
        send("GET", path).await.refused(404, "not_found");
    }
    for path in [
        "/ad/v1/requests",
        "/ad/v1/requests/h",
        "/ad/v1/history",
        "/ad/v1/stream",
        "/ad/v1/devices",
        "/ad/v1/keys",
    ] {
        let answer = send("GET", path).await;
        answer.refused(401, "invalid_token");
        assert_eq!(
            answer.headers["www-authenticate"],
            "DPoP error=\"invalid_token\", algs=\"ES256\""
        );
    }
}

#[tokio::test]
async fn an_identifier_in_the_path_has_its_limit() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let long = "h".repeat(129);
    for (path, field) in [("requests", "handle"), ("devices", "device_id")] {
        let method = if path == "devices" { "DELETE" } else { "GET" };
        let answer = device.call(method, &format!("/ad/v1/{path}/{long}"), None).await;
        answer.refused(413, "too_large");
        assert_eq!(answer.field(), field, "S-034");
        let answer = device.call(method, &format!("/ad/v1/{path}/%FF"), None).await;
        answer.refused(400, "invalid_parameter");
        assert_eq!(answer.field(), field);
        let answer = device
            .call(method, &format!("/ad/v1/{path}/{}", &long[1..]), None)
            .await;
        answer.refused(404, "not_found");
    }
}
