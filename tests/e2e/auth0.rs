//! The SDKs of Auth0 against our provider, over https and unchanged, decided by real devices.

use countersign_e2e::{Backend, BackendOptions, Person, robot::Robot, stranger::Stranger};
use reqwest::StatusCode;
use serde_json::{Value, json};

const PROGRAMS: [&str; 2] = ["auth0-auth-js.mjs", "auth0_python.py"];
const CONFIG: &str = "[server]\ntls = \"development\"\n[op]\ninterval = 1\nmin_expiry = 1\nauth0_aliases = true\n";

/// Lets each SDK play `story`, with a person of its own whose device does `action`, where it does anything.
async fn play(story: &Value, action: Option<&str>) {
    let backend = Backend::start(&BackendOptions::with(CONFIG));
    let people = ["anna", "ben"].map(|name| Person::add(&backend, name));
    let robot = Robot::start(&backend, &[&people[0], &people[1]], 30);
    for (program, person) in PROGRAMS.iter().zip(&people) {
        let id = format!("shop-of-{}", person.username);
        let client = [
            "client",
            "add",
            "--id",
            &id,
            "--name",
            "Demo Shop",
            "--grant",
            "ciba",
            "--scope",
            "openid profile",
        ];
        let more = ["--auth", "client_secret_post", "--binding-mode", "show"];
        let secret = backend.succeed(&[&client[..], &more].concat(), "");
        let mut config = story.clone();
        let sub = person.sub(&backend);
        config["sub"] = sub.as_str().into();
        config["binding_message"] = person.username.as_str().into();
        let mut stranger = Stranger::start_as(program, &backend, &id, &secret, &config);
        stranger.started().await;
        if let Some(action) = action {
            let order = [("binding_message", person.username.as_str()), ("action", action)];
            let (status, said) = robot.decide(&order).await;
            assert_eq!(status, StatusCode::OK, "{program}: {said}");
        }
        let result = stranger.result().await;
        assert_eq!(result["ok"], true, "{program}: {result}");
        if action == Some("approve") {
            assert_eq!(result["claims"]["sub"], sub.as_str(), "{program}: {result}");
        }
    }
}

#[tokio::test]
async fn an_sdk_of_auth0_gets_its_tokens_after_approval() {
    play(
        &json!({ "story": "approve", "scope": "openid profile" }),
        Some("approve"),
    )
    .await;
}

#[tokio::test]
async fn an_sdk_of_auth0_is_told_of_a_denial() {
    play(&json!({ "story": "deny" }), Some("deny")).await;
}

#[tokio::test]
async fn an_sdk_of_auth0_is_told_of_the_expiry() {
    play(&json!({ "story": "expiry", "requested_expiry": 3 }), None).await;
}
