//! What an operator's Prometheus sees.

use std::collections::BTreeMap;

use countersign_e2e::{Backend, BackendOptions, Device, Person, RelyingParty, http, stage::refusal};
use countersign_protocol::DenyReason;
use reqwest::StatusCode;
use serde_json::Value;

const CONFIG: &str = "[op]\ninterval = 1\n[metrics]\nlisten = \"127.0.0.1:0\"\n";

/// Where the server says that it serves metrics.
fn address(backend: &Backend) -> String {
    let log = backend.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut found = lines.filter_map(|line| line["fields"]["metrics"].as_str().map(str::to_owned));
    found.next().expect("the server logs where it serves metrics")
}

/// Each series with its value.
async fn scrape(address: &str) -> BTreeMap<String, String> {
    let answer = http().get(format!("http://{address}/metrics")).send().await;
    let answer = answer.expect("metrics answer");
    assert_eq!(answer.status(), StatusCode::OK);
    let kind = answer.headers()["content-type"].to_str().expect("text").to_owned();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    read(&answer.text().await.expect("text"))
}

fn number(text: &str) -> f64 {
    text.parse().expect("a number")
}

/// Reads the text as strictly as the `OpenMetrics` specification asks: families in one piece, with type and help, series that fit the type.
fn read(text: &str) -> BTreeMap<String, String> {
    let mut series = BTreeMap::new();
    let mut types = BTreeMap::new();
    let mut current = String::new();
    let body = text.strip_suffix("# EOF\n").expect("the text says that it is whole");
    for line in body.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let (keyword, family, rest) = (words.next(), words.next(), words.next());
            let family = family.expect("a family").to_owned();
            assert!(rest.is_some_and(|rest| !rest.is_empty()), "{line}");
            match keyword {
                Some("HELP") => {
                    assert!(!types.contains_key(&family), "one piece: {line}");
                    current = family;
                }
                Some("TYPE") => {
                    assert_eq!(family, current, "after its help: {line}");
                    types.insert(family, rest.unwrap_or_default().to_owned());
                }
                Some("UNIT") => {
                    let unit = rest.unwrap_or_default();
                    assert!(family.ends_with(&format!("_{unit}")), "{line}");
                }
                other => panic!("{other:?}: {line}"),
            }
            continue;
        }
        let (name, value) = line.rsplit_once(' ').expect("a series and its value");
        let bare = name.split('{').next().expect("a name");
        let suffix = bare
            .strip_prefix(&current)
            .unwrap_or_else(|| panic!("{line} in {current}"));
        let allowed: &[&str] = match types[&current].as_str() {
            "counter" => &["_total"],
            "gauge" => &[""],
            "info" => &["_info"],
            "histogram" => &["_bucket", "_count", "_sum"],
            other => panic!("{other}: {line}"),
        };
        assert!(allowed.contains(&suffix), "{line}");
        assert!(value.parse::<f64>().is_ok(), "a number: {line}");
        assert!(
            series.insert(name.to_owned(), value.to_owned()).is_none(),
            "once: {line}"
        );
    }
    for (name, value) in series.iter().filter(|(name, _)| name.contains("le=\"+Inf\"")) {
        let count = name.replace("_bucket{", "_count{").replace("le=\"+Inf\"", "");
        let count = count.replace("{,", "{").replace(",}", "}").replace("{}", "");
        assert_eq!(series[&count], *value, "all buckets together: {name}");
    }
    series
}

#[tokio::test]
async fn a_scrape_tells_what_happened() {
    let backend = Backend::start(&BackendOptions::with(CONFIG));
    let person = Person::add(&backend, "anna");
    let shop = RelyingParty::add(&backend, "shop", &[]).await;
    let address = address(&backend);
    let before = scrape(&address).await;
    assert_eq!(
        before[r#"countersign_grants_total{outcome="approved"}"#], "0",
        "zero is said"
    );
    let phone = Device::pair(&backend, &person, "Anna's phone").await;
    for approve in [true, true, false] {
        let started = shop.start(&[("login_hint", "anna")]).await;
        let request = phone.wait_for_request().await;
        if approve {
            phone.approve(&request.handle, None).await;
            shop.poll(&started.auth_req_id).await.expect("approved");
        } else {
            phone.deny(&request.handle, DenyReason::ChangedMind).await;
            assert_eq!(refusal(shop.poll(&started.auth_req_id).await), "access_denied");
        }
    }
    for _ in 0..2 {
        shop.start(&[("login_hint", "anna")]).await;
    }
    let nowhere = http()
        .get(format!("{}/wombat-nobody-knows", backend.origin))
        .send()
        .await;
    assert_eq!(nowhere.expect("an answer").status(), StatusCode::NOT_FOUND);

    let after = scrape(&address).await;
    for (outcome, count) in [
        ("opened", "5"),
        ("approved", "2"),
        ("denied", "1"),
        ("superseded", "1"),
        ("expired", "0"),
        ("redeemed", "2"),
    ] {
        let series = format!(r#"countersign_grants_total{{outcome="{outcome}"}}"#);
        assert_eq!(after[&series], count, "{series}");
    }
    let answered = |route: &str, class: &str| {
        let series = format!(r#"countersign_http_request_duration_seconds_count{{route="{route}",status="{class}"}}"#);
        after.get(&series).map_or("0", String::as_str)
    };
    assert_eq!(answered("/bc-authorize", "2xx"), "5");
    assert!(number(answered("/token", "2xx")) >= 3.0, "two grants and a sign-in");
    assert!(number(answered("/token", "4xx")) >= 1.0);
    assert_eq!(answered("/ad/v1/requests/{handle}/decision", "2xx"), "3");
    assert_eq!(answered("unmatched", "4xx"), "1");
    assert_eq!(after["countersign_decision_seconds_count"], "3");
    let commits = "countersign_storage_commit_seconds_count";
    assert!(number(&after[commits]) > number(&before[commits]));
    assert_eq!(after[commits], after["countersign_storage_group_size_count"]);
    assert_eq!(after["countersign_open_streams"], "1", "the phone's");
    assert_eq!(
        after["countersign_outbox_owed"], "0",
        "clients that poll are owed nothing"
    );
    for purpose in ["id-token-es256", "id-token-rs256", "request-object"] {
        let series = format!(r#"countersign_signing_key_active_since_timestamp_seconds{{purpose="{purpose}"}}"#);
        assert!(number(&after[&series]) > 1_700_000_000.0, "{series}");
    }
    assert!(after.contains_key(concat!(
        r#"countersign_build_info{version=""#,
        env!("CARGO_PKG_VERSION"),
        r#""}"#
    )));
    assert!(number(&after["process_resident_memory_bytes"]) > 1_000_000.0);
    assert!(
        !after
            .keys()
            .any(|series| series.contains("wombat") || series.contains("anna") || series.contains("shop")),
        "labels hold nothing that somebody sent"
    );
    let public = http().get(format!("{}/metrics", backend.origin)).send().await;
    assert_eq!(
        public.expect("an answer").status(),
        StatusCode::NOT_FOUND,
        "never on the public listener"
    );
}

#[test]
fn metrics_stay_on_this_machine_unless_the_operator_says_otherwise() {
    let config = "[metrics]\nlisten = \"0.0.0.0:0\"\n";
    let said = Backend::prepare(&BackendOptions::with(config)).refused("127.0.0.1:0");
    assert!(said.contains("beyond_loopback"), "it says how: {said}");
    let allowed = format!("{config}beyond_loopback = true\n");
    let backend = Backend::start(&BackendOptions::with(&allowed));
    assert!(address(&backend).starts_with("0.0.0.0:"));
    let silent = Backend::start(&BackendOptions::default());
    assert!(!silent.log().contains("metrics are served"), "off by default");
}
