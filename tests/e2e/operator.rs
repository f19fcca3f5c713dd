//! What an operator does, and what the server refuses to do for one.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    time::{Duration, Instant},
};

use countersign_e2e::{
    Backend, BackendOptions, Credentials, Device, Person, RawDevice, RelyingParty, Stage, eventually, http,
};
use countersign_protocol::Verdict;
use reqwest::StatusCode;
use serde_json::Value;

/// Longest wait for something that has to come.
const PATIENCE: Duration = Duration::from_secs(40);

#[test]
fn plain_http_is_refused_beyond_this_machine() {
    let backend = Backend::prepare(&BackendOptions::default());
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "127.0.0.2:0"] {
        let said = backend.refused(listen);
        assert!(
            said.contains("127.0.0.1 nor [::1]") && said.contains("tls"),
            "R-040: {listen}: {said}"
        );
    }
    assert!(!backend.database().exists(), "R-040: nothing is made before that");
    let public = Backend::prepare(&BackendOptions::with(
        "[server]\npublic_url = \"http://id.example.com\"\n",
    ));
    let said = public.refused("127.0.0.1:0");
    assert!(said.contains("public_url"), "R-040: {said}");
}

#[test]
fn a_database_of_a_newer_program_is_refused_and_left_alone() {
    let mut backend = Backend::start(&BackendOptions::default());
    assert!(backend.stop().success());
    let newer = |version: i64| {
        let store = rusqlite::Connection::open(backend.database()).expect("the database opens");
        store
            .pragma_update(None, "user_version", version)
            .expect("the version is set");
    };
    newer(9_999);
    let before = countersign_e2e::snapshot::take(&backend);
    let said = backend.refused("127.0.0.1:0");
    assert!(
        said.contains("schema version 9999") && said.contains("newer"),
        "it says what to do: {said}"
    );
    let output = backend.command(&["user", "list"], "");
    assert_eq!(output.status.code(), Some(1), "commands refuse it too");
    assert_eq!(countersign_e2e::snapshot::take(&backend), before, "nothing was touched");
}

#[test]
fn a_missing_key_file_is_not_replaced_while_something_is_sealed_with_it() {
    let mut backend = Backend::start(&BackendOptions::default());
    let key = backend.folder().join("countersign.db.key");
    for private in [&key, &backend.database()] {
        let mode = fs::metadata(private).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{} is for its owner alone", private.display());
    }
    assert!(backend.stop().success());
    let kept = fs::read(&key).expect("it can be read");
    fs::remove_file(&key).expect("it can be removed");
    let said = backend.refused("127.0.0.1:0");
    assert!(
        said.contains("is missing") && said.contains("backup"),
        "it says what to do: {said}"
    );
    assert!(!key.exists(), "no new one is made");
    let other: String = "A".repeat(43);
    fs::write(&key, other).expect("it can be written");
    let said = backend.refused("127.0.0.1:0");
    assert!(said.contains("key-encryption key"), "another key opens nothing: {said}");
    fs::write(&key, kept).expect("it can be written");
    backend.restart();
}

#[test]
fn a_second_server_on_the_same_database_is_refused_and_the_first_goes_on() {
    let backend = Backend::start(&BackendOptions::default());
    let said = backend.refused("127.0.0.1:0");
    assert!(said.contains("another countersign server"), "{said}");
    assert_eq!(backend.succeed(&["user", "list"], ""), "", "commands run beside it");
}

#[tokio::test]
async fn health_says_live_and_ready() {
    let backend = Backend::start(&BackendOptions::default());
    for (path, word) in [("live", "live\n"), ("ready", "ready\n")] {
        let answer = http().get(format!("{}/health/{path}", backend.origin)).send().await;
        let answer = answer.expect("the backend answers");
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.text().await.expect("a text"), word);
    }
}

#[tokio::test]
async fn the_development_certificate_is_good_for_whoever_trusts_its_file() {
    let mut backend = Backend::start(&BackendOptions::with("[server]\ntls = \"development\"\n"));
    assert!(
        backend.origin.starts_with("https://127.0.0.1:"),
        "R-040: {}",
        backend.origin
    );
    let certificate = backend.folder().join("countersign.db.crt");
    let pem = fs::read(&certificate).expect("the certificate is beside the database");
    let key = fs::metadata(backend.folder().join("countersign.db.crt.key")).expect("so is its key");
    assert_eq!(
        key.permissions().mode() & 0o777,
        0o600,
        "the key is for its owner alone"
    );
    let secret = backend.succeed(
        &[
            "client",
            "add",
            "--id",
            "shop",
            "--name",
            "Shop",
            "--auth",
            "client_secret_basic",
            "--grant",
            "ciba",
        ],
        "",
    );
    let _anna = Person::add(&backend, "anna");
    countersign_e2e::install_tls();
    let trusting = || {
        let root = reqwest::Certificate::from_pem(&pem).expect("a PEM certificate");
        let builder = reqwest::Client::builder().no_proxy().tls_certs_only([root]);
        builder
            .timeout(Duration::from_secs(10))
            .build()
            .expect("a client can be built")
    };
    let discovery = format!("{}/.well-known/openid-configuration", backend.origin);
    let stranger = http().get(&discovery).send().await;
    assert!(stranger.is_err(), "R-040: who does not trust the file does not connect");
    let known: Value = trusting()
        .get(&discovery)
        .send()
        .await
        .expect("trust connects")
        .json()
        .await
        .expect("JSON");
    assert_eq!(known["issuer"], backend.origin.as_str(), "R-260");
    let endpoint = known["backchannel_authentication_endpoint"]
        .as_str()
        .expect("an endpoint");
    let ask = trusting().post(endpoint).basic_auth("shop", Some(&secret));
    let answer = ask
        .form(&[("scope", "openid"), ("login_hint", "anna")])
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK, "a request is acknowledged over https");
    assert!(backend.stop().success());
    backend.restart();
    assert_eq!(
        fs::read(&certificate).expect("still there"),
        pem,
        "who trusted it once can go on"
    );
    trusting()
        .get(&discovery)
        .send()
        .await
        .expect("the same certificate is served");
}

#[tokio::test]
async fn told_to_stop_the_server_ends_in_time_although_streams_are_open() {
    let config = "[op]\ninterval = 1\n[server]\nshutdown_seconds = 5\n";
    let mut backend = Backend::start(&BackendOptions::with(config));
    let person = Person::add(&backend, "anna");
    let _phone = Device::pair(&backend, &person, "Anna's phone").await;
    let _laptop = Device::pair(&backend, &person, "Anna's laptop").await;
    let began = Instant::now();
    let status = tokio::task::spawn_blocking(move || {
        let status = backend.stop();
        (status, backend)
    });
    let (status, backend) = status.await.expect("the server ends");
    assert_eq!(status.code(), Some(0), "an orderly end is no error");
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "it took {:?}",
        began.elapsed()
    );
    assert!(backend.log().contains("\"stopped\""), "and it says so");
}

#[test]
fn the_server_can_be_stopped_in_the_moment_it_is_ready() {
    let mut backend = Backend::start(&BackendOptions::default());
    for _ in 0..10 {
        assert_eq!(
            backend.stop().code(),
            Some(0),
            "the signal is heard before anybody can send it"
        );
        backend.restart();
    }
}

/// S-013: keys change under running devices and clients, and nobody has to do anything.
#[tokio::test]
async fn keys_rotate_while_everybody_goes_on() {
    let config = "[op]\ninterval = 1\n[keys]\nannounce_seconds = 5\nreread_seconds = 1\n";
    let backend = Backend::start(&BackendOptions::with(config));
    let person = Person::add(&backend, "anna");
    let shop = RelyingParty::add(&backend, "shop", &[]).await;
    let phone = Device::pair(&backend, &person, "Anna's phone").await;
    let approved = async || {
        let started = shop.start(&[("login_hint", "anna")]).await;
        let request = phone.wait_for_request().await;
        phone.approve(&request.handle, None).await;
        let tokens = shop
            .poll(&started.auth_req_id)
            .await
            .expect("the client gets its tokens");
        tokens.response["id_token"].as_str().expect("an ID token").to_owned()
    };
    let kids = async || {
        let keys: Value = http()
            .get(format!("{}/jwks", backend.origin))
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        let keys = keys["keys"].as_array().expect("a JWK Set").clone();
        keys.iter()
            .map(|key| key["kid"].as_str().expect("a kid").to_owned())
            .collect::<Vec<_>>()
    };
    let header = |token: &str| token.split('.').next().map(str::to_owned);
    let old = approved().await;
    let before = kids().await;

    let published = backend.succeed(&["keys", "rotate"], "");
    assert_eq!(
        published.matches("published").count(),
        3,
        "each purpose has a next key: {published}"
    );
    let early = backend.succeed(&["keys", "rotate", "--purpose", "id-token-es256"], "");
    assert!(
        early.contains("nothing changed") && early.contains("rotate again in"),
        "not everybody knows it yet: {early}"
    );
    let announced = eventually("the server to publish the next keys", PATIENCE, async || {
        let announced = kids().await;
        (announced.len() == 2 * before.len()).then_some(announced)
    })
    .await;
    let old_again = approved().await;
    assert_eq!(
        header(&old),
        header(&old_again),
        "a key that is only announced does not sign"
    );
    eventually("the keys to be announced for long enough", PATIENCE, async || {
        let said = backend.succeed(&["keys", "rotate", "--purpose", "request-object"], "");
        said.contains("signs now").then_some(())
    })
    .await;
    for purpose in ["id-token-es256", "id-token-rs256"] {
        let signing = backend.succeed(&["keys", "rotate", "--purpose", purpose], "");
        assert!(signing.contains("signs now"), "and then it signs: {signing}");
    }
    let listed = backend.succeed(&["keys", "list"], "");
    for (state, count) in [("active", 3), ("retiring", 3), ("next", 0)] {
        let found = listed.lines().filter(|line| line.ends_with(state)).count();
        assert_eq!(found, count, "{state}: {listed}");
    }
    assert_eq!(kids().await, announced, "old and new keys stay published");
    shop.verify(&old).await;
    // The device follows by itself (S-013).
    let new = eventually("the server to sign with its new key", PATIENCE, async || {
        let new = approved().await;
        (header(&old) != header(&new)).then_some(new)
    })
    .await;
    shop.verify(&new).await;
    let history = phone
        .authenticator
        .history(&phone.account_id, None)
        .await
        .expect("the history can be read");
    let verified = history.entries.iter().all(|entry| entry.receipt_verified);
    assert!(
        verified && history.entries.len() >= 3,
        "S-013: receipts under both keys hold"
    );
}

#[tokio::test]
async fn people_and_clients_come_and_go_while_the_server_runs() {
    let stage = Stage::set().await;
    let (backend, shop) = (&stage.backend, &stage.shop);
    let line = |name: &str, number: &str| {
        serde_json::json!({ "username": name, "name": name, "password": format!("correct horse {name}"),
            "phone": number })
        .to_string()
    };
    let import = backend.folder().join("people.jsonl");
    fs::write(
        &import,
        [line("ben", "+4915112345678"), line("cleo", "+4915112345679")].join("\n"),
    )
    .expect("a file");
    let import = import.to_str().expect("paths are UTF-8");
    assert_eq!(backend.succeed(&["user", "import", import], ""), "added 2");
    let again = backend.command(&["user", "import", import], "");
    assert_eq!(again.status.code(), Some(1), "names are taken only once");
    let ben = Person {
        username: "ben".to_owned(),
        password: "correct horse ben".to_owned(),
    };
    let phone = RawDevice::register(backend, &ben, "Ben's phone").await;
    let started = shop.start(&[("login_hint", "+4915112345678")]).await;
    let pending = phone.pending().await.remove(0);
    let decision = phone.decision(&pending, Verdict::Approve, None);
    assert_eq!(phone.submit(&pending.handle, &decision).await.0, StatusCode::OK);
    shop.poll(&started.auth_req_id)
        .await
        .expect("who was imported can approve");

    let ask = async |hint: &str| {
        let form = [("scope", "openid"), ("login_hint", hint)];
        shop.post("backchannel_authentication_endpoint", &form).await.0
    };
    assert_eq!(backend.succeed(&["user", "disable", "cleo"], ""), "");
    assert_eq!(ask("cleo").await, StatusCode::BAD_REQUEST, "V-001");
    assert_eq!(backend.succeed(&["user", "enable", "cleo"], ""), "");
    assert_eq!(ask("cleo").await, StatusCode::OK);
    let people = backend.succeed(&["user", "list"], "");
    assert_eq!(people.lines().count(), 3, "{people}");

    let clients = backend.succeed(&["client", "list"], "");
    assert!(clients.starts_with("shop\t"), "{clients}");
    let Credentials::Basic(secret) = &shop.credentials else {
        panic!("the shop has a secret")
    };
    assert!(
        !clients.contains(secret.as_str()),
        "a secret is printed once and never again"
    );
    assert_eq!(backend.succeed(&["client", "remove", "shop"], ""), "");
    assert_eq!(
        ask("cleo").await,
        StatusCode::UNAUTHORIZED,
        "a removed client is a stranger at once"
    );
}
