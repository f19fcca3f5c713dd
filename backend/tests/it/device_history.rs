//! The history, and receipts that anybody can verify offline.

use std::{fs, path::PathBuf};

use countersign::cli::verify::{self, VerifyArgs};
use countersign_protocol::HistoryPage;
use serde_json::{Value, json};

use crate::{
    device_actor::TestDevice,
    device_world::{START, World},
};

async fn page(device: &TestDevice, query: &str) -> HistoryPage {
    let answer = device.call("GET", &format!("/ad/v1/history{query}"), None).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    serde_json::from_value(answer.json()).unwrap()
}

/// Proves S-094 and S-022: the person sees how each request ended, with the proof.
#[tokio::test]
async fn the_history_tells_how_each_request_ended() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let approved = world.ask("anna", World::show("W4SCT")).await;
    device.approve(&approved).await;
    world.clock.advance(1_000);
    let typed = world.ask("anna", World::typed("4711")).await;
    device.approve_typing(&typed, "4711").await;
    world.clock.advance(1_000);
    let superseded = world.ask("anna", World::show("one")).await;
    world.clock.advance(1_000);
    let expired = world.ask("anna", World::show("two")).await;
    world.clock.advance(120_000);
    assert_eq!(world.consent.expire(10).await.unwrap(), 1);
    let device_of_ben = TestDevice::registered(&world, "ben").await;
    assert!(
        page(&device_of_ben, "").await.entries.is_empty(),
        "nobody sees another's history"
    );

    let told = page(&device, "").await;
    let order: Vec<_> = told.entries.iter().map(|entry| entry.handle.clone()).collect();
    assert_eq!(order, [expired, superseded, typed, approved], "newest first");
    let states: Vec<_> = told
        .entries
        .iter()
        .map(|e| serde_json::to_value(e.state).unwrap())
        .collect();
    assert_eq!(states, ["expired", "superseded", "approved", "approved"]);
    assert_eq!(told.entries[3].message.as_deref(), Some("W4SCT"));
    assert_eq!(told.entries[2].message, None, "a number is not kept for the eye");
    assert!(told.entries[3].receipt.is_some() && told.entries[0].receipt.is_none());
    assert_eq!(told.next, None);

    let first = page(&device, "?limit=2").await;
    assert_eq!(first.entries[..], told.entries[..2]);
    let second = page(&device, &format!("?before={}&limit=2", first.next.unwrap())).await;
    assert_eq!(second.entries[..], told.entries[2..]);
    for (query, field) in [
        ("?limit=0", "limit"),
        ("?limit=101", "limit"),
        ("?limit=", "limit"),
        ("?before=now", "before"),
        ("?before=1&before=2", "before"),
        ("?x=1", "x"),
    ] {
        let answer = device.call("GET", &format!("/ad/v1/history{query}"), None).await;
        answer.refused(400, "invalid_parameter");
        assert_eq!(answer.field(), field);
    }
}

/// Requests that were settled in the same millisecond are on one page, so that none is lost between two.
#[tokio::test]
async fn pages_do_not_lose_what_was_settled_at_once() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    for (number, at) in [0, 0, 1, 1, 2].into_iter().enumerate() {
        world.clock.set(START + at);
        let client = format!("client-{number}");
        world.add_client(&client).await;
        let handle = world.ask_as(&client, "anna", World::show("m"), &client).await;
        assert_eq!(device.deny(&handle).await.status, 200);
    }
    let (mut seen, mut query) = (Vec::new(), "?limit=2".to_owned());
    for _ in 0..6 {
        let told = page(&device, &query).await;
        seen.extend(told.entries.into_iter().map(|entry| entry.handle));
        let Some(next) = told.next else { break };
        query = format!("?limit=2&before={next}");
    }
    let total = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((total, seen.len()), (5, 5));
}

struct Files(tempfile::TempDir);

impl Files {
    fn write(&self, name: &str, value: &Value) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, value.to_string()).unwrap();
        path
    }

    fn verify(
        &self,
        receipt: &Value,
        request_key: Option<&Value>,
        device_key: Option<&Value>,
    ) -> Result<String, String> {
        let args = VerifyArgs {
            receipt: self.write("receipt.json", receipt),
            request_key: request_key.map(|key| self.write("request-keys.json", key)),
            device_key: device_key.map(|key| self.write("device.json", key)),
        };
        let mut out = Vec::new();
        match verify::run(&args, &mut out) {
            Ok(()) => Ok(String::from_utf8(out).unwrap()),
            Err(error) => Err(format!("{error:#}")),
        }
    }
}

/// Proves S-015, S-022: a receipt verifies offline, and no altered one does.
#[tokio::test]
async fn a_receipt_is_verified_by_command() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let handle = world.ask("anna", World::show("Pay 42.00 EUR")).await;
    device.approve(&handle).await;
    world.clock.advance(1_000);
    let denied = world.ask("anna", World::typed("4711")).await;
    device.deny(&denied).await;
    let history = device.call("GET", "/ad/v1/history", None).await.json();
    let (denial, approval) = (&history["entries"][0]["receipt"], &history["entries"][1]["receipt"]);
    let files = Files(tempfile::tempdir().unwrap());

    let text = files.verify(approval, None, None).unwrap();
    for part in [
        "The receipt is good",
        "The shop (shop)",
        "payment: Make the payment described here",
        "\"Pay 42.00 EUR\"",
        "APPROVED at 2026-11-21 11:40:06 UTC",
        "by PIN at 2026-11-21 11:40:04 UTC",
        "comes from the receipt itself",
    ] {
        assert!(text.contains(part), "S-022: {part}\n{text}");
    }
    let text = files.verify(denial, None, None).unwrap();
    assert!(
        text.contains("DENIED") && text.contains("the person did not start this"),
        "{text}"
    );
    let set = json!({"keys": [approval["request_key"]]});
    let pinned = files
        .verify(approval, Some(&set), Some(&approval["device_key"]))
        .unwrap();
    assert!(!pinned.contains("comes from the receipt"), "{pinned}");
    assert!(
        files.verify(approval, Some(&approval["request_key"]), None).is_ok(),
        "one key is enough of a set"
    );

    let refused = |receipt: &Value, part: &str| {
        let error = files.verify(receipt, None, None).unwrap_err();
        assert!(error.contains(part), "S-022: {error}");
    };
    for (member, of, part) in [
        ("request", denial, "do not belong together"),
        ("decision", denial, "is not the key that its token names"),
        (
            "device_key",
            &json!({"device_key": approval["request_key"]}),
            "is not the key that its token names",
        ),
        (
            "request_key",
            &json!({"request_key": approval["device_key"]}),
            "is not the key that its token names",
        ),
        (
            "device_key",
            &json!({"device_key": {"kty": "oct"}}),
            "is not a usable public key",
        ),
    ] {
        let mut altered = approval.clone();
        altered[member] = of[member].clone();
        refused(&altered, part);
    }
    let mut altered = approval.clone();
    let cut = approval["request"].as_str().unwrap();
    altered["request"] = cut[..cut.len() - 4].into();
    refused(&altered, "does not verify");
    let error = files.verify(approval, Some(&approval["device_key"]), None).unwrap_err();
    assert!(error.contains("is not among the keys that were given"), "{error}");
    let error = files
        .verify(approval, None, Some(&approval["request_key"]))
        .unwrap_err();
    assert!(error.contains("is not among the keys that were given"), "{error}");
}
