//! `tests/vectors/device-api.json`: one exchange for each thing that is said, as the device API really says it.
//!
//! When what is said has changed, the test fails and leaves a new file in the target folder, to be looked at and put in the old one's place. What
//! is random (keys, signatures, ids) differs between runs; everything else may not.

use std::fs;

use countersign::consent::{Pins, verify_receipt};
use countersign_jose::b64;
use serde_json::{Value, json};

use crate::{
    device_actor::{By, TestDevice, fresh},
    device_stream::Listening,
    device_user_code::set as set_user_code,
    device_world::{ORIGIN, START, World},
};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/device-api.json");
const NEW_FILE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/device-api.json");

/// Names the last exchange of a device.
fn last(device: &TestDevice, name: &str) -> Value {
    let mut example = device.tape.lock().unwrap().last().unwrap().clone();
    example["name"] = name.into();
    example
}

async fn play() -> Value {
    let world = World::with("[op]\nuser_code = true").await;
    let mut device = TestDevice::stranger(&world);
    let mut told = Vec::new();

    let registered = device.register(&device.registration("anna")).await.json();
    let tape = device.tape.lock().unwrap().clone();
    told.push(json!({"name": "use_dpop_nonce", "status": tape[0]["status"], "response": tape[0]["response"]}));
    told.push(last(&device, "registration"));
    device.adopt(&registered);
    let session = json!({"device_session": device.session}).to_string();
    device.call_with("POST", "/ad/v1/session", None, Some(session)).await;
    told.push(last(&device, "session"));
    let mut stream = Listening::open(&device, None).await;

    let shown = world.ask("anna", World::show("W4SCT")).await;
    device.call("GET", "/ad/v1/requests", None).await;
    told.push(last(&device, "pending list, message shown"));
    device.approve(&shown).await;
    told.push(last(&device, "approved"));
    device.call("GET", &format!("/ad/v1/requests/{shown}"), None).await;
    told.push(last(&device, "status of a settled request"));

    world.clock.advance(1_000);
    let typed = world.ask("anna", World::typed("4711")).await;
    let request = device.request_object(&typed).await;
    told.push(last(&device, "status of a pending request, number typed"));
    device.approve_typing(&typed, "1").await;
    told.push(last(&device, "match_wrong, one try left"));
    device.approve_typing(&typed, "2").await;
    told.push(last(&device, "match_wrong, denied"));
    let claims = device.decision(&typed, &request, "deny");
    device.submit(&typed, &request, &claims, By::Pop).await;
    told.push(last(&device, "settled"));

    world.clock.advance(1_000);
    let denied = world.ask("anna", World::show("W4SCT")).await;
    device.deny(&denied).await;
    told.push(last(&device, "denied"));
    device.call("GET", "/ad/v1/history?limit=10", None).await;
    told.push(last(&device, "history"));
    device.call("GET", "/ad/v1/devices", None).await;
    told.push(last(&device, "devices"));
    let path = format!("/ad/v1/devices/{}", device.id);
    device.call("PATCH", &path, Some(json!({"name": "Kitchen"}))).await;
    told.push(last(&device, "rename"));
    device.call("PATCH", &path, Some(json!({"name": ""}))).await;
    told.push(last(&device, "invalid_body"));
    device.call("GET", "/ad/v1/keys", None).await;
    told.push(last(&device, "announcements"));
    set_user_code(&device, "blue moon 7").await;
    told.push(last(&device, "user code set"));
    device.call("GET", "/ad/v1/user-code", None).await;
    told.push(last(&device, "user code"));
    set_user_code(&device, "123").await;
    told.push(last(&device, "user_code_malformed"));
    device.call("DELETE", &path, None).await;
    told.push(last(&device, "revoke"));
    device.call("GET", "/ad/v1/requests", None).await;
    told.push(last(&device, "device_removed"));

    while stream.event().await.is_some() {}
    json!({
        "about": "Exchanges of the device API, described in docs/protocol.md. Written by backend/tests/it/device_vectors.rs.",
        "backend": ORIGIN,
        "starts_at": START,
        "exchanges": told,
        "stream": stream.everything(),
        "keys": {
            "pop_key": device.pop.public_jwk(), "uv_key": device.uv.public_jwk(), "request_keys": registered["request_keys"],
        },
    })
}

/// What has to be the same in every run: tokens are opened, random values give only their length.
fn lasting(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (lasting_text(name), lasting(value)))
            .collect(),
        Value::Array(values) => values.iter().map(lasting).collect(),
        Value::String(text) => match opened(text) {
            Some(token) => token,
            None => lasting_text(text).into(),
        },
        other => other.clone(),
    }
}

fn opened(text: &str) -> Option<Value> {
    let parts: Vec<&str> = text.split('.').collect();
    let [header, payload, _] = parts[..] else { return None };
    let json = |part: &str| serde_json::from_slice::<Value>(&b64::decode(part).ok()?).ok();
    Some(json!({"header": lasting(&json(header)?), "payload": lasting(&json(payload)?)}))
}

/// Replaces words of base64url, which no word of ours looks like, by their length; within a stream, tokens too.
fn lasting_text(text: &str) -> String {
    let is_word = |char: char| char.is_ascii_alphanumeric() || "-_.".contains(char);
    let mut lasting = String::new();
    for piece in text.split_inclusive(|char| !is_word(char)) {
        let word = piece.trim_end_matches(|char| !is_word(char));
        let random = word.len() >= 22 && word.chars().any(|char| char.is_ascii_uppercase());
        if random && word.contains('.') {
            lasting.push_str("<token>");
        } else if random {
            lasting.extend(["<", &word.len().to_string(), " characters>"]);
        } else {
            lasting.push_str(word);
        }
        lasting.push_str(&piece[word.len()..]);
    }
    lasting
}

#[tokio::test]
async fn the_examples_are_what_is_really_said() {
    let played = play().await;
    let written = fs::read_to_string(FILE).unwrap_or_default();
    let written: Value = serde_json::from_str(&written).unwrap_or_default();
    let (written_lines, played_lines) = (pretty(&written), pretty(&played));
    if written_lines == played_lines {
        return;
    }
    let same = written_lines
        .iter()
        .zip(&played_lines)
        .take_while(|(written, played)| written == played);
    let number = same.count();
    let line = |lines: &[String]| lines.get(number).cloned().unwrap_or_default();
    let text = serde_json::to_string_pretty(&played).unwrap();
    fs::write(NEW_FILE, text + "\n").unwrap();
    panic!(
        "line {number} of what lasts in {FILE} is {:?}, but {:?} is said: if that is meant, put {NEW_FILE} in its place",
        line(&written_lines),
        line(&played_lines)
    );
}

fn pretty(value: &Value) -> Vec<String> {
    let text = serde_json::to_string_pretty(&lasting(value)).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The receipts in the file were made by keys that are gone, and verify nevertheless.
#[test]
fn the_receipts_among_the_examples_verify() {
    let written: Value = serde_json::from_str(&fs::read_to_string(FILE).unwrap()).unwrap();
    let exchanges = written["exchanges"].as_array().unwrap();
    let history = exchanges.iter().find(|one| one["name"] == "history").unwrap();
    let keys = json!({"keys": written["keys"]["request_keys"]});
    let mut verified = 0;
    for entry in history["response"]["entries"].as_array().unwrap() {
        if entry["receipt"].is_null() {
            continue;
        }
        let receipt = serde_json::from_value(entry["receipt"].clone()).unwrap();
        let pins = Pins {
            request_keys: Some(serde_json::from_value(keys.clone()).unwrap()),
            device_key: None,
        };
        verify_receipt(&receipt, &pins).unwrap();
        verified += 1;
    }
    assert_eq!(verified, 2, "an approval and a denial");
    assert!(
        fresh().len() == 22,
        "random names are as long as `lasting_text` expects"
    );
}
