//! What the store says when all is over: how each request ended, and the receipts.

use std::{collections::HashMap, fs, process::Command, time::Duration};

use countersign_authenticator::verify_receipt;
use countersign_jose::digest;
use countersign_protocol::{HistoryEntry, HistoryPage};
use reqwest::{Method, StatusCode};

use super::{
    calls::World,
    history::{End, RequestHistory, Told},
    load::{Cast, Human},
};
use crate::program;

/// What is due is settled every second.
const SETTLED_WITHIN: Duration = Duration::from_secs(30);
/// Receipts that are checked by the operator's command, too.
const SAMPLE: usize = 3;

/// Adds what the store says to `histories`. What it does not say after some seconds stays open.
pub async fn tell(world: &World, cast: &Cast, histories: &mut [RequestHistory]) {
    let started = std::time::Instant::now();
    loop {
        let mut told = HashMap::new();
        for person in &cast.people {
            for entry in entries(person).await {
                told.insert(entry.handle.to_string(), read(world, person, &entry));
            }
        }
        for history in histories.iter_mut() {
            history.told = told.remove(&history.handle).flatten();
        }
        if histories.iter().all(|history| history.told.is_some()) || started.elapsed() > SETTLED_WITHIN {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn entries(person: &Human) -> Vec<HistoryEntry> {
    let mut entries = Vec::new();
    let mut next = None;
    loop {
        let before = next.map_or_else(String::new, |before: i64| format!("&before={before}"));
        let path = format!("/ad/v1/history?limit=100{before}");
        let (status, body) = person.devices[0].call(Method::GET, &path, None).await;
        assert_eq!(status, StatusCode::OK, "the history is told: {body}");
        let page: HistoryPage = serde_json::from_value(body).expect("section 4: a page of the history");
        entries.extend(page.entries);
        next = page.next;
        if next.is_none() {
            return entries;
        }
    }
}

fn read(world: &World, person: &Human, entry: &HistoryEntry) -> Option<Told> {
    let Some(end) = End::read(entry.state) else {
        world.surprise(format!("a request of this run ends as {:?}", entry.state));
        return None;
    };
    let receipt = entry.receipt.as_ref().map(|receipt| {
        let verified = verify_receipt(receipt).map_err(|error| error.to_string())?;
        let device = person.devices.iter().find(|device| device.id == verified.decision.iss);
        let device = device.ok_or("another person's device decided")?;
        let rules = [
            (
                [device.uv.kid(), device.pop.kid()].contains(&verified.device_key.as_str()),
                "another key signed the decision",
            ),
            (
                device.request_keys.contains(&verified.request_key),
                "a key that no device pinned signed the request",
            ),
            (verified.decision.req == entry.handle, "it is about another request"),
            (End::of(verified.decision.dec) == end, "it decides otherwise"),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, problem)) => Err((*problem).to_owned()),
            None => Ok(digest::sha256_b64(&receipt.decision)),
        }
    });
    Some(Told {
        end,
        receipt,
        redeemed: entry.received_at.is_some(),
    })
}

/// Has `countersign verify` look at some receipts of `histories`.
pub async fn verify_some(world: &World, cast: &Cast, histories: &[RequestHistory]) {
    let decided = |history: &&RequestHistory| history.told.as_ref().is_some_and(|told| told.receipt.is_some());
    let handles: Vec<&str> = histories
        .iter()
        .filter(decided)
        .map(|history| history.handle.as_str())
        .collect();
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut looked_at = 0;
    for person in &cast.people {
        for entry in entries(person).await {
            let Some(receipt) = entry.receipt.filter(|_| handles.contains(&entry.handle.as_str())) else {
                continue;
            };
            if looked_at == SAMPLE {
                return;
            }
            looked_at += 1;
            let file = folder.path().join("receipt.json");
            let text = serde_json::to_string(&receipt).expect("a receipt is JSON");
            fs::write(&file, text).expect("the receipt can be written");
            let output = Command::new(program::build("countersign", "countersign", &[]))
                .arg("verify")
                .arg(&file)
                .output();
            let output = output.expect("the command can be started");
            if !output.status.success() {
                let why = String::from_utf8_lossy(&output.stderr);
                world.surprise(format!("countersign verify, of {}: {why}", entry.handle));
            }
        }
    }
}
