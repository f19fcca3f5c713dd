//! `tests/vectors/unicode.json`: every text in every field that takes text.

use std::{collections::BTreeSet, process::Command};

use axum::http::header;
use serde::Deserialize;
use serde_json::json;

use crate::{
    device_actor::{By, TestDevice},
    device_world,
    op_browser::{authorize, open, parameter},
    op_world::{SECRET, World, basic},
};

#[derive(Deserialize)]
struct Corpus {
    texts: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    id: String,
    rows: Vec<String>,
    #[serde(rename = "text")]
    value: String,
    what: String,
    accepted_by: BTreeSet<Field>,
}

/// Fields that some of the texts are fit for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Field {
    BindingMessage,
    DeviceName,
    ClientName,
}

impl Text {
    fn why(&self) -> String {
        format!("{:?}: {}: {}", self.rows, self.id, self.what)
    }
}

fn texts() -> Vec<Text> {
    let corpus = include_str!("../../../tests/vectors/unicode.json");
    let Corpus { texts } = serde_json::from_str(corpus).unwrap();
    assert!(texts.len() >= 100, "the corpus is large");
    texts
}

/// Proves V-023, V-033, V-037, V-039.
#[tokio::test]
async fn the_provider_takes_no_text_for_something_else() {
    let world = World::with("[op]\nunknown_hints = 0").await;
    let before = world.stored();
    let mut wrong = Vec::new();
    let mut judge = |is_right: bool, field: &str, text: &Text, answer: &str| {
        if !is_right {
            wrong.push(format!("{field}: {}: {answer}", text.why()));
        }
    };
    for text in &texts() {
        let value = text.value.as_str();
        for (field, error) in [
            ("login_hint", "unknown_user_id"),
            ("scope", "invalid_scope"),
            ("requested_expiry", "invalid_request"),
        ] {
            let mut form = vec![("scope", "openid"), ("login_hint", "anna")];
            form.retain(|(name, _)| *name != field);
            form.push((field, value));
            let answer = world.post("/bc-authorize", &form).await;
            let known = field == "login_hint" && answer.status == 200;
            judge(answer.error() == error && !known, field, text, &answer.body);
        }
        for (form, error) in [
            ([("grant_type", value), ("x", "x")], "unsupported_grant_type"),
            (
                [("grant_type", countersign_protocol::CIBA_GRANT), ("auth_req_id", value)],
                "invalid_grant",
            ),
            (
                [("grant_type", "refresh_token"), ("refresh_token", value)],
                "invalid_grant",
            ),
        ] {
            let answer = world.post("/token", &form).await;
            let is_right = [error, "invalid_request"].contains(&answer.error().as_str());
            judge(is_right, form[1].0, text, &answer.body);
        }
        let answer = world
            .form("/token", &[("authorization", &basic(value, SECRET))], &[])
            .await;
        judge(answer.error() == "invalid_client", "client_id", text, &answer.body);
        let answer = world
            .form("/token", &[("authorization", &basic("shop", value))], &[])
            .await;
        judge(answer.error() == "invalid_client", "client_secret", text, &answer.body);
        let answer = authorize(&world, &[("state", value), ("prompt", "none")]).await;
        let state = parameter(answer.header(header::LOCATION), "state");
        judge(state.as_deref() == Some(value), "state comes back as it was", text, "");
    }
    assert_eq!(world.stored(), before, "nothing that is stored changed");
    for text in &texts() {
        let form = [
            ("scope", "openid"),
            ("login_hint", "anna"),
            ("binding_message", &text.value),
        ];
        let answer = world.post("/bc-authorize", &form).await;
        let is_right = if text.accepted_by.contains(&Field::BindingMessage) {
            answer.status == 200
        } else {
            answer.error() == "invalid_binding_message"
        };
        judge(is_right, "binding_message", text, &answer.body);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Proves V-033, V-038, V-039: what is typed into the sign-in form is shown as text or not at all.
#[tokio::test]
async fn the_sign_in_page_shows_what_was_typed_as_text() {
    let world = World::new().await;
    let page = open(&world, &[]).await;
    for text in texts().iter().step_by(8) {
        let answer = page.submit(&world, &text.value, "x").await;
        assert!(
            [403, 429].contains(&answer.status.as_u16()),
            "V-033: {}: {}",
            text.why(),
            answer.status
        );
        for markup in ["<b>", "<script", "admin\":true", "\u{202e}<"] {
            assert!(!answer.body.contains(markup), "V-038: {}", text.why());
        }
    }
}

/// Proves V-023, S-017, S-033.
#[tokio::test]
async fn a_device_is_named_with_what_shows() {
    let world = device_world::World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let handle = world.ask("anna", device_world::World::show("m")).await;
    let request = device.request_object(&handle).await;
    let path = format!("/ad/v1/devices/{}", device.id);
    let before = world.stored();
    let mut wrong = Vec::new();
    for text in &texts() {
        let mut claims = device.decision(&handle, &request, "deny");
        claims["reason"] = text.value.as_str().into();
        let denied = device.submit(&handle, &request, &claims, By::Pop).await;
        if denied.code() != "invalid_decision" {
            wrong.push(format!("deny reason: {}: {:?}", text.why(), denied.json()));
        }
    }
    assert_eq!(world.stored(), before, "nothing that is stored changed");
    for text in &texts() {
        let answer = device.call("PATCH", &path, Some(json!({"name": text.value}))).await;
        let is_right = if text.accepted_by.contains(&Field::DeviceName) {
            answer.status.is_success()
        } else {
            answer.field() == "name"
        };
        if !is_right {
            wrong.push(format!(
                "device name: {}: {} {:?}",
                text.why(),
                answer.status,
                answer.json()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Proves V-023, S-020.
#[test]
fn a_client_is_named_with_what_shows() {
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for text in texts().iter().filter(|text| !text.value.starts_with('-')) {
        let added = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args([
                "client",
                "add",
                "--auth",
                "client_secret_basic",
                "--grant",
                "ciba",
                "--id",
                &text.id,
            ])
            .args(["--name", &text.value])
            .current_dir(folder.path())
            .output()
            .unwrap();
        if added.status.success() != text.accepted_by.contains(&Field::ClientName) {
            let said = String::from_utf8_lossy(&added.stderr).into_owned();
            wrong.push(format!("client name: {}: {said}", text.why()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
