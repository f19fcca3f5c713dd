//! The example for developers of clients that are called, as a process of its own, against our provider.

use std::{net::TcpListener, path::Path, process::Stdio};

use countersign_e2e::{Backend, BackendOptions, Credentials, Device, Person, RelyingParty, program};
use countersign_protocol::{DenyReason, Verdict};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

/// A port that nobody had a moment ago: the client registers its address before it listens there.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("it is bound").port()
}

fn certificate(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate can be made");
    let write = |name: &str, text: String| std::fs::write(folder.join(name), text).expect("it can be written");
    write("cert.pem", made.cert.pem());
    write("key.pem", made.signing_key.serialize_pem());
}

/// What the example prints at last when Anna has decided.
async fn called(mode: &str, verdict: Verdict) -> Value {
    let example = program::workspace().join("demo/examples/called.mjs");
    let installed = program::workspace().join("demo/node_modules").exists();
    assert!(installed, "the packages of demo are not installed, run `npm ci` there");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    certificate(folder.path());
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let ca_file = cert.display().to_string();
    let config = format!(
        "[op]\ndelivery_modes = [\"ping\", \"push\"]\n[outbound]\nallow = [\"127.0.0.1/32\"]\nca_file = {ca_file:?}\n"
    );
    let backend = Backend::start(&BackendOptions::with(&config));
    let person = Person::add(&backend, "anna");
    let port = free_port();
    let endpoint = format!("https://127.0.0.1:{port}/ciba");
    let delivery = ["--delivery-mode", mode, "--notification-endpoint", &endpoint];
    let shop = RelyingParty::add(&backend, "shop", &delivery).await;
    let Credentials::Basic(secret) = &shop.credentials else {
        panic!("the shop has a secret")
    };
    let device = Device::pair(&backend, &person, "Phone").await;
    let mut process = Command::new("node")
        .arg(example)
        .envs([("MODE", mode), ("ISSUER", &backend.origin), ("LOGIN_HINT", "anna")])
        .envs([("CLIENT_ID", "shop"), ("CLIENT_SECRET", secret)])
        .envs([("PORT", port.to_string())])
        .envs([("TLS_CERT", cert), ("TLS_KEY", key)])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node can be started");
    let mut lines = BufReader::new(process.stdout.take().expect("its output is piped")).lines();
    let mut line = async || -> Value {
        let line = lines
            .next_line()
            .await
            .expect("it speaks UTF-8")
            .expect("it says something");
        serde_json::from_str(&line).expect("it speaks JSON")
    };
    assert_eq!(line().await, json!({ "asked": true }));
    let request = device.wait_for_request().await;
    let seen = match verdict {
        Verdict::Approve => device.approve(&request.handle, None).await,
        Verdict::Deny => device.deny(&request.handle, DenyReason::NotMe).await,
    };
    assert_eq!(seen.handle, request.handle, "it is the request that is decided");
    let result = line().await;
    let status = process.wait().await.expect("it ends");
    assert!(status.success(), "R-185: the provider got its answer");
    result
}

/// B-05, B-07: the client that was copied from us verifies what we send.
#[tokio::test]
async fn the_example_is_called_and_believes_what_it_is_told() {
    for mode in ["ping", "push"] {
        let approved = called(mode, Verdict::Approve).await;
        assert_eq!(approved["tokens"], true, "B-07, R-185, R-191: {mode}: {approved}");
        assert!(approved["sub"].is_string(), "{mode}: {approved}");
        let denied = called(mode, Verdict::Deny).await;
        assert_eq!(denied, json!({ "error": "access_denied" }), "B-05, R-192: {mode}");
    }
}
