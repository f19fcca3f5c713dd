//! S-095, V-039: what must never be logged is looked for after a whole run in which everything is logged.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use countersign_authenticator::view::UserCodeInput;
use countersign_e2e::{
    Backend, BackendOptions, Credentials, Device, PIN, Person, RawDevice, RelyingParty,
    collector::Collector,
    http,
    raw_device::{RawKeys, sign_in},
    stage::refusal,
};
use countersign_protocol::{DenyReason, Handle, Secret, Verdict};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

const MESSAGE: &str = "Wombat 42.00 EUR";
const NUMBER: &str = "73190482";
const WRONG_NUMBER: &str = "61840275";
const USER_CODE: &str = "dunnart seven";

/// Keeps everything that is traced on this thread.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What is looked for: what it is, and what it looks like.
#[derive(Default)]
struct Secrets(Vec<(String, String)>);

impl Secrets {
    fn add(&mut self, what: &str, value: impl Into<String>) {
        let value = value.into();
        assert!(value.len() >= 6, "{what} is too short to be looked for");
        self.0.push((what.to_owned(), value));
    }

    /// A JWS: the whole, and the signature alone.
    fn add_jws(&mut self, what: &str, jws: &str) {
        self.add(what, jws);
        self.add(
            &format!("signature of {what}"),
            jws.rsplit('.').next().unwrap_or_default(),
        );
    }

    fn add_tokens(&mut self, whose: &str, tokens: &Value) {
        for name in ["access_token", "refresh_token", "id_token", "code"] {
            if let Some(value) = tokens[name].as_str() {
                self.add(&format!("{name} of {whose}"), value);
            }
        }
    }

    fn found_in(&self, log: &str) -> Vec<&str> {
        let found = self.0.iter().filter(|(_, value)| log.contains(value.as_str()));
        found.map(|(what, _)| what.as_str()).collect()
    }
}

/// Proves S-095, V-039.
#[tokio::test]
async fn neither_the_servers_nor_the_devices_log_holds_a_secret_even_at_level_trace() {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .without_time()
        .with_ansi(false)
        .with_writer(captured.clone());
    let _traced = tracing::subscriber::set_default(subscriber.finish());
    let mut secrets = Secrets::default();
    let collector = Collector::start();
    let endpoint = collector.endpoint();
    let mut backend = Backend::start(&BackendOptions {
        config: format!("[op]\ninterval = 1\nuser_code = true\n[telemetry]\notlp_endpoint = \"{endpoint}\"\n"),
        environment: vec![("COUNTERSIGN_LOG__LEVEL", "trace".to_owned())],
        ..BackendOptions::default()
    });
    let person = Person::add(&backend, "quokka");
    secrets.add("password", &person.password);
    secrets.add("login hint", "quokka@mail.example");
    secrets.add("binding message", MESSAGE);
    secrets.add("number", NUMBER);
    secrets.add("wrong number", WRONG_NUMBER);
    secrets.add("user code", USER_CODE);
    let more = [
        "--grant",
        "refresh_token",
        "--scope",
        "openid profile payment offline_access",
    ];
    let shop = RelyingParty::add(&backend, "shop", &["--auth", "client_secret_basic"]).await;
    let secret = backend.succeed(
        &[
            &[
                "client",
                "add",
                "--id",
                "club",
                "--name",
                "Club",
                "--auth",
                "client_secret_post",
                "--grant",
                "ciba",
            ][..],
            &more,
        ]
        .concat(),
        "",
    );
    let club = RelyingParty::discover(&backend.origin, "club", Credentials::Post(secret.clone())).await;
    secrets.add("client secret", secret);
    let Credentials::Basic(secret) = &shop.credentials else {
        panic!("the shop has a secret")
    };
    secrets.add("client secret", secret);

    let handle = with_the_device(&backend, &person, &shop, &mut secrets).await;
    by_hand(&backend, &person, &club, &mut secrets).await;
    mistakes(&backend, &person, &shop, &mut secrets).await;

    let log = backend.log();
    assert!(log.contains("\"level\":\"DEBUG\""), "everything was logged:\n{log}");
    assert!(log.contains(handle.as_str()), "what is no secret is there to be found");
    assert_eq!(secrets.found_in(&log), Vec::<&str>::new(), "S-095: the server's log");
    assert!(backend.stop().success(), "the end sends the last spans");
    let spans: Vec<u8> = collector.raw().concat();
    let spans = String::from_utf8_lossy(&spans);
    assert!(spans.contains(handle.as_str()), "steps were traced");
    assert_eq!(
        secrets.found_in(&spans),
        Vec::<&str>::new(),
        "S-095: the server's traces"
    );
    let traced = captured.text();
    assert!(
        traced.contains("countersign_authenticator"),
        "the device was traced:\n{traced}"
    );
    secrets.add("PIN", PIN);
    assert_eq!(secrets.found_in(&traced), Vec::<&str>::new(), "S-095: the device's log");
}

/// A real device pairs, types a wrong number and the right one, denies, rotates its keys and is revoked. Returns the handle of a request.
async fn with_the_device(backend: &Backend, person: &Person, shop: &RelyingParty, secrets: &mut Secrets) -> Handle {
    let phone = Device::pair(backend, person, "Phone").await;
    let started = shop
        .start(&[("login_hint", "quokka@mail.example"), ("binding_message", NUMBER)])
        .await;
    secrets.add("auth_req_id", &started.auth_req_id);
    let request = phone.wait_for_request().await;
    phone.approve(&request.handle, Some(WRONG_NUMBER)).await;
    phone.approve(&request.handle, Some(NUMBER)).await;
    let tokens = shop
        .poll(&started.auth_req_id)
        .await
        .expect("the right number approves");
    secrets.add_tokens("the shop", &tokens.response);
    let receipt = phone.authenticator.receipt(&phone.account_id, &request.handle).await;
    let receipt: Value = serde_json::from_str(&receipt.expect("there is a receipt")).expect("JSON");
    for part in ["request", "decision"] {
        secrets.add_jws(part, receipt[part].as_str().expect("a JWS"));
    }
    let started = shop
        .start(&[("login_hint", "quokka@mail.example"), ("binding_message", MESSAGE)])
        .await;
    secrets.add("auth_req_id", &started.auth_req_id);
    let request = phone.wait_for_request().await;
    phone.deny(&request.handle, DenyReason::TooMany).await;
    assert_eq!(refusal(shop.poll(&started.auth_req_id).await), "access_denied");
    phone
        .authenticator
        .rotate_keys(&phone.account_id, PIN)
        .await
        .expect("keys rotate");
    let input = UserCodeInput {
        account_id: phone.account_id.clone(),
        pin: PIN.to_owned(),
        user_code: Some(Secret::new(USER_CODE)),
    };
    phone.authenticator.set_user_code(input).await.expect("a code is set");
    let store = countersign_authenticator::Host::secrets(&*phone.host);
    let name = format!("account.{}", phone.account_id);
    let kept = store.get(&name).await.expect("memory answers").expect("it is kept");
    let kept: Value = serde_json::from_str(kept.expose()).expect("JSON");
    for name in ["pop_key", "device_session"] {
        secrets.add(name, kept["credentials"][name].as_str().expect("a secret"));
    }
    let own = phone
        .authenticator
        .devices(&phone.account_id)
        .await
        .expect("devices are listed");
    let id = &own.devices[0].device_id;
    phone
        .authenticator
        .revoke_device(&phone.account_id, id)
        .await
        .expect("it revokes itself");
    request.handle
}

/// A device and a client whose tokens are all known to the test.
async fn by_hand(backend: &Backend, person: &Person, club: &RelyingParty, secrets: &mut Secrets) {
    let keys = RawKeys::generate();
    secrets.add_tokens("the app", &sign_in(&backend.origin, person, &keys.nonce()).await);
    let laptop = RawDevice::register(backend, person, "Laptop").await;
    secrets.add("device session", &laptop.session);
    secrets.add(
        "ID token of a registration",
        laptop.registration["id_token_hint"].as_str().expect("a token"),
    );
    secrets.add("salt", laptop.registration["salt"].as_str().expect("a salt"));
    secrets.add("device access token", laptop.access().await.0);
    let asked = [
        ("scope", "openid offline_access"),
        ("login_hint", "quokka"),
        ("binding_message", MESSAGE),
    ];
    let started = club.start(&asked).await;
    let pending = laptop.pending().await.remove(0);
    let decision = laptop.decision(&pending, Verdict::Approve, None);
    secrets.add_jws("request object", &pending.request);
    secrets.add_jws("signed decision", &decision.decision);
    assert_eq!(laptop.submit(&pending.handle, &decision).await.0, StatusCode::OK);
    secrets.add("auth_req_id", &started.auth_req_id);
    let tokens = club.poll(&started.auth_req_id).await.expect("approved");
    secrets.add_tokens("the club", &tokens.response);
    let access = tokens.response["access_token"].as_str().expect("a token");
    let userinfo = http().get(format!("{}/userinfo", backend.origin)).bearer_auth(access);
    assert_eq!(userinfo.send().await.expect("an answer").status(), StatusCode::OK);
    let (_, introspected) = club.post("introspection_endpoint", &[("token", access)]).await;
    assert_eq!(introspected["active"], true);
    assert_eq!(laptop.call(Method::GET, "/ad/v1/history", None).await.0, StatusCode::OK);
    let form = [("token", access), ("client_id", "club")];
    let revoked = http()
        .post(format!("{}/revoke", backend.origin))
        .form(&form)
        .send()
        .await;
    assert_eq!(
        revoked.expect("an answer").status(),
        StatusCode::UNAUTHORIZED,
        "without its secret"
    );
}

/// Refusals are logged too, and what was refused is somebody's secret all the same.
async fn mistakes(backend: &Backend, person: &Person, shop: &RelyingParty, secrets: &mut Secrets) {
    let post = async |endpoint: &str, form: &[(&str, &str)]| shop.post(endpoint, form).await.0;
    let refused = StatusCode::BAD_REQUEST;
    let hints = "backchannel_authentication_endpoint";
    let link = "see https://wallaby.example/x";
    for (what, form) in [
        (
            "unknown login hint",
            [("login_hint", "platypus@mail.example"), ("binding_message", MESSAGE)],
        ),
        (
            "hint token",
            [("login_hint_token", "eyJ.bandicoot.x"), ("binding_message", MESSAGE)],
        ),
        ("refused message", [("login_hint", "quokka"), ("binding_message", link)]),
    ] {
        let form = [&[("scope", "openid")][..], &form].concat();
        assert_eq!(post(hints, &form).await, refused, "{what}");
    }
    secrets.add("unknown login hint", "platypus@mail.example");
    secrets.add("hint token", "bandicoot");
    let till = RelyingParty::add(backend, "till", &["--set", "backchannel_user_code_parameter=true"]).await;
    let Credentials::Basic(secret) = &till.credentials else {
        panic!("the till has a secret")
    };
    secrets.add("client secret", secret);
    for (code, status) in [("numbat-code", refused), (USER_CODE, StatusCode::OK)] {
        let form = [("scope", "openid"), ("login_hint", "quokka"), ("user_code", code)];
        assert_eq!(till.post(hints, &form).await.0, status, "user code");
    }
    secrets.add("wrong user code", "numbat-code");
    secrets.add("refused message", "wallaby");
    let wrong = RelyingParty::discover(
        &backend.origin,
        "shop",
        Credentials::Basic("kookaburra-secret".to_owned()),
    )
    .await;
    assert_eq!(
        wrong.post(hints, &[("scope", "openid")]).await.0,
        StatusCode::UNAUTHORIZED
    );
    secrets.add("wrong client secret", "kookaburra");
    let redeem = [
        ("grant_type", countersign_protocol::CIBA_GRANT),
        ("auth_req_id", "cassowary-cassowary-cassowary"),
    ];
    assert_eq!(post("token_endpoint", &redeem).await, refused);
    secrets.add("unknown auth_req_id", "cassowary");
    let origin = &backend.origin;
    let device = http()
        .post(format!("{origin}/ad/v1/session"))
        .json(&json!({ "device_session": "echidna-session" }));
    assert_eq!(
        device.send().await.expect("an answer").status(),
        StatusCode::UNAUTHORIZED
    );
    secrets.add("unknown session", "echidna");
    let query = http().get(format!(
        "{origin}/authorize?login_hint=numbat-hint&state=numbat-state&client_id=x"
    ));
    assert_eq!(query.send().await.expect("an answer").status(), refused);
    secrets.add("query", "numbat");
    let body = json!({ "request": "bilby-request", "decision": "bilby-decision" });
    let decision = http().post(format!("{origin}/ad/v1/requests/x/decision")).json(&body);
    assert_eq!(decision.send().await.expect("an answer").status(), refused);
    secrets.add("unusable decision", "bilby-");
    let form = [
        ("username", person.username.as_str()),
        ("password", "potoroo-password"),
        ("request", "potoroo-request"),
    ];
    let sign_in = http()
        .post(format!("{origin}/sign-in"))
        .header("origin", origin)
        .form(&form);
    assert_eq!(sign_in.send().await.expect("an answer").status(), refused);
    secrets.add("password on a stale page", "potoroo");
}
