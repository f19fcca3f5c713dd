//! What an operator's collector of traces sees.

use std::collections::BTreeMap;

use countersign_e2e::{
    BackendOptions, Credentials, NotificationEndpoint, RelyingParty, Stage, collector::Collector, http,
};
use countersign_protocol::Verdict;
use opentelemetry_proto::tonic::{
    common::v1::{KeyValue, any_value::Value as Any},
    trace::v1::{Span, span::SpanKind},
};
use serde_json::Value;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn options(collector: &Collector, more: &str) -> BackendOptions {
    let endpoint = collector.endpoint();
    BackendOptions::with(&format!(
        "[op]\ninterval = 1\n[telemetry]\notlp_endpoint = \"{endpoint}\"\n{more}"
    ))
}

fn attributes(of: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &KeyValue| match value.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Any::StringValue(text)) => text.clone(),
        Some(Any::IntValue(number)) => number.to_string(),
        other => panic!("{}: {other:?}", value.key),
    };
    of.iter().map(|value| (value.key.clone(), text(value))).collect()
}

/// The shop asks Anna with the trace of its own user, marked as kept or not.
async fn ask(stage: &Stage, flags: &str) -> String {
    let Credentials::Basic(secret) = &stage.shop.credentials else {
        panic!("the shop has a secret")
    };
    let asked = http()
        .post(format!("{}/bc-authorize", stage.backend.origin))
        .basic_auth("shop", Some(secret))
        .header("traceparent", format!("00-{TRACE}-{CALLER}-{flags}"))
        .form(&[("scope", "openid"), ("login_hint", "anna")]);
    let answer: Value = asked.send().await.expect("an answer").json().await.expect("JSON");
    answer["auth_req_id"].as_str().expect("an auth_req_id").to_owned()
}

#[tokio::test]
async fn the_steps_of_a_grant_are_a_trace() {
    let collector = Collector::start();
    let mut stage = Stage::with(&options(&collector, "service_name = \"consent\"\n")).await;
    let auth_req_id = ask(&stage, "01").await;
    stage.decide(Verdict::Approve, None).await;
    stage.shop.poll(&auth_req_id).await.expect("approved");
    assert!(stage.backend.stop().success(), "the end sends what is left");

    for request in collector.requests() {
        for resource in request.resource_spans {
            let resource = attributes(&resource.resource.expect("a resource").attributes);
            assert_eq!(resource["service.name"], "consent");
            assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
        }
    }
    let spans = collector.spans();
    let child = |parent: &Span, name: &str| {
        let found = spans
            .iter()
            .find(|span| span.name == name && span.parent_span_id == parent.span_id);
        let found = found.unwrap_or_else(|| panic!("{name} under {}: {spans:#?}", parent.name));
        assert_eq!(found.trace_id, parent.trace_id);
        assert!(found.end_time_unix_nano >= found.start_time_unix_nano);
        found
    };
    let named = |name: &str| {
        let found = spans.iter().filter(|span| span.name == name);
        found.collect::<Vec<_>>()
    };
    let asked = named("POST /bc-authorize")[0];
    assert_eq!(
        (hex(&asked.trace_id), hex(&asked.parent_span_id)),
        (TRACE.to_owned(), CALLER.to_owned()),
        "the trace of who asks goes on"
    );
    assert_eq!(asked.kind, i32::from(SpanKind::Server));
    let http = attributes(&asked.attributes);
    assert_eq!(http["http.request.method"], "POST");
    assert_eq!(http["http.route"], "/bc-authorize");
    assert_eq!(http["http.response.status_code"], "200");
    let open = child(child(asked, "bc-authorize"), "open");
    assert_eq!(attributes(&open.attributes)["client.id"], "shop");
    child(open, "commit");

    let decided = child(named("POST /ad/v1/requests/{handle}/decision")[0], "decide");
    child(decided, "commit");
    let redeemed = spans.iter().find(|span| span.name == "redeem").expect("redeemed");
    child(redeemed, "commit");
    let handle = |span: &Span| attributes(&span.attributes)["prompt.handle"].clone();
    assert_eq!(handle(decided), handle(redeemed), "one grant is found by its prompt");
    assert!(attributes(&decided.attributes).contains_key("device.id"));
}

#[tokio::test]
async fn a_caller_decides_for_its_own_traces_and_the_ratio_for_the_rest() {
    let collector = Collector::start();
    let mut stage = Stage::with(&options(&collector, "sampling_ratio = 0.0\n")).await;
    ask(&stage, "00").await;
    ask(&stage, "01").await;
    assert!(stage.backend.stop().success());
    let spans = collector.spans();
    let traces: Vec<String> = spans.iter().map(|span| hex(&span.trace_id)).collect();
    assert!(
        traces.iter().all(|trace| trace == TRACE),
        "nothing of our own: {traces:?}"
    );
    let asked = spans.iter().filter(|span| span.name == "POST /bc-authorize").count();
    assert_eq!(asked, 1, "the one whose caller keeps it");
}

#[tokio::test]
async fn a_collector_that_is_away_costs_no_grant() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let endpoint = format!("http://{}/v1/traces", nobody.local_addr().expect("an address"));
    drop(nobody);
    let config = format!("[op]\ninterval = 1\n[telemetry]\notlp_endpoint = \"{endpoint}\"\n");
    let mut stage = Stage::with(&BackendOptions::with(&config)).await;
    let started = stage.ask(&[]).await;
    stage.decide(Verdict::Approve, None).await;
    stage.shop.poll(&started.auth_req_id).await.expect("approved");
    assert!(stage.backend.stop().success(), "and the end is in order");
}

/// S-095 for what a client is told in secret.
#[tokio::test]
async fn calling_a_client_is_a_step_and_tells_no_secret() {
    let collector = Collector::start();
    let endpoint = NotificationEndpoint::start(&[]);
    let mut options = options(&collector, "");
    options.config += &endpoint.allowed();
    let mut stage = Stage::with(&options).await;
    let delivery = ["--delivery-mode", "ping", "--notification-endpoint", &endpoint.url()];
    let bank = RelyingParty::add(&stage.backend, "bank", &delivery).await;
    let token = "bandicoot-notification-token-0123456789";
    let started = stage.ask_as(&bank, &[("client_notification_token", token)]).await;
    stage.decide(Verdict::Approve, None).await;
    endpoint.heard(1).await[0].is_ping(token, &started.auth_req_id);
    assert!(stage.backend.stop().success());
    let spans = collector.spans();
    let delivered = spans.iter().find(|span| span.name == "delivery").expect("a step");
    let told = attributes(&delivered.attributes);
    assert_eq!((told["client.id"].as_str(), told["attempt"].as_str()), ("bank", "1"));
    let decided = spans.iter().find(|span| span.name == "decide").expect("a step");
    assert_eq!(told["prompt.handle"], attributes(&decided.attributes)["prompt.handle"]);
    let raw = collector.raw().concat();
    let raw = String::from_utf8_lossy(&raw);
    for secret in [token, &started.auth_req_id] {
        assert!(!raw.contains(secret), "S-095: not in a trace either");
    }
}
