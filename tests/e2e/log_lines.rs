//! What log lines look like, and how they find together.

use countersign_e2e::{BackendOptions, Stage, http};
use countersign_protocol::Verdict;
use reqwest::StatusCode;
use serde_json::Value;

fn lines(log: &str) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("a line is JSON: {line}"));
    log.lines().map(parse).collect()
}

fn at_level(level: &str) -> BackendOptions {
    BackendOptions {
        config: "[op]\ninterval = 1\n".to_owned(),
        environment: vec![("COUNTERSIGN_LOG__LEVEL", level.to_owned())],
        ..BackendOptions::default()
    }
}

/// The id that the outermost span of a line has.
fn request_of(line: &Value) -> Option<&str> {
    let outermost = &line["spans"][0];
    (outermost["name"] == "request").then(|| outermost["id"].as_str())?
}

/// Proves V-039: no caller writes a line, or a part of one.
#[tokio::test]
async fn a_request_is_found_by_an_id_that_nobody_else_can_choose() {
    let stage = Stage::with(&at_level("debug")).await;
    let asked = http()
        .get(format!("{}/jwks?wombat-query", stage.backend.origin))
        .header("x-request-id", "wombat-id")
        .header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let answer = asked.send().await.expect("an answer");
    let id = answer.headers()["x-request-id"].to_str().expect("text").to_owned();
    assert_eq!(id.len(), 12, "random, and ours: {id}");
    let log = stage.backend.log();
    let lines = lines(&log);
    let mine: Vec<&Value> = lines.iter().filter(|line| request_of(line) == Some(&id)).collect();
    let [line] = mine[..] else {
        panic!("one line tells of it: {mine:?}")
    };
    assert_eq!(line["level"], "DEBUG");
    assert!(
        line["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')),
        "UTC: {line}"
    );
    let fields = &line["fields"];
    assert_eq!(fields["message"], "request answered");
    assert_eq!((&fields["method"], &fields["route"]), (&"GET".into(), &"/jwks".into()));
    assert_eq!(fields["status"], 200);
    assert!(fields["milliseconds"].as_u64().is_some(), "{line}");
    assert!(!log.contains("wombat"), "nothing of the caller's choice is in it");
    let ready = lines.iter().find(|line| line["fields"]["message"] == "ready");
    assert_eq!(request_of(ready.expect("it is ready")), None, "that is no request");
}

/// Ids are there at every level: what is worth a warning is worth being found.
#[tokio::test]
async fn a_warning_names_its_request_even_where_nothing_else_is_written() {
    let stage = Stage::with(&at_level("warn,countersign::app=info")).await;
    stage.ask(&[("binding_message", "4711")]).await;
    let pending = stage.waiting().await;
    for wrong in ["0815", "0816"] {
        let decision = stage.phone.decision(&pending, Verdict::Approve, Some(wrong));
        let (status, _) = stage.phone.submit(&pending.handle, &decision).await;
        assert_ne!(status, StatusCode::OK);
    }
    let lines = lines(&stage.backend.log());
    let warnings: Vec<&Value> = lines.iter().filter(|line| line["level"] == "WARN").collect();
    let [warning] = warnings[..] else {
        panic!("one warning: {lines:?}")
    };
    assert_eq!(warning["fields"]["prompt.handle"], pending.handle.as_str());
    assert!(request_of(warning).is_some(), "{warning}");
}
