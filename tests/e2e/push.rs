//! Clients that are called with their tokens: over real TLS, by a real device's decision, through failures and the server's death.

use std::{thread, time::Duration};

use countersign_e2e::{
    Backend, BackendOptions, Called, NotificationEndpoint, Person, RawDevice, RelyingParty, Says, eventually,
    raw_device::try_answered, soak::Store,
};
use countersign_jose::{b64, digest};
use countersign_postgres_cluster::Cluster;
use countersign_protocol::Verdict;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

const CONFIG: &str = "[op]\ndelivery_modes = [\"poll\", \"push\"]\ninterval = 1\nmin_expiry = 1\ngrace_seconds = 60\n";
const PATIENCE: Duration = Duration::from_mins(1);

/// A backend, a person with a phone, and a shop that is called with its tokens.
struct Cast {
    backend: Backend,
    phone: RawDevice,
    shop: RelyingParty,
    endpoint: NotificationEndpoint,
}

impl Cast {
    async fn new(script: &[Says], options: BackendOptions) -> Self {
        let endpoint = NotificationEndpoint::start(script);
        let config = format!("{}{CONFIG}{}", options.config, endpoint.allowed());
        let backend = Backend::start(&BackendOptions { config, ..options });
        let person = Person::add(&backend, "anna");
        let delivery = ["--delivery-mode", "push", "--notification-endpoint", &endpoint.url()];
        let shop = RelyingParty::add(&backend, "shop", &delivery).await;
        let phone = RawDevice::register(&backend, &person, "Anna's phone").await;
        Self {
            backend,
            phone,
            shop,
            endpoint,
        }
    }

    async fn ask(&self, more: &[(&str, &str)]) -> Called {
        self.shop.ask_to_be_called("anna", more).await
    }

    async fn decide(&self, verdict: Verdict) {
        self.phone.decide(verdict, None).await;
    }

    /// The body of call number `call`, counted from 0, which is one about `asked`.
    async fn told(&self, call: usize, asked: &Called) -> Value {
        let call = self.endpoint.heard(call + 1).await.remove(call);
        assert_eq!(call.line, "POST /ciba/cb?shop=1 HTTP/1.1", "R-150, R-187");
        let bearer = format!("Bearer {}", asked.token);
        assert_eq!(
            call.header("authorization"),
            bearer,
            "R-151, R-192: the token of this request"
        );
        assert_eq!(call.header("content-type"), "application/json", "R-187, R-192");
        let body: Value = serde_json::from_str(&call.body).expect("R-187, R-192: JSON");
        assert_eq!(body["auth_req_id"], asked.started.auth_req_id, "R-187, R-192");
        body
    }

    /// Checks tokens as a client has to (CIBA Core section 10.3.1) and returns the access token.
    async fn verified(&self, body: &Value, asked: &Called) -> String {
        let claims = self.shop.verify(body["id_token"].as_str().expect("an ID token")).await;
        let access = body["access_token"].as_str().expect("an access token");
        let hash = b64::encode(&digest::sha256(access)[..16]);
        assert_eq!(claims["at_hash"], hash, "R-188, R-190");
        let name = "urn:openid:params:jwt:claim:auth_req_id";
        assert_eq!(claims[name], asked.started.auth_req_id, "R-188");
        assert_eq!(body["token_type"], "Bearer", "R-187");
        assert!(body["expires_in"].as_u64() > Some(0), "R-187");
        access.to_owned()
    }

    async fn active(&self, access: &str) -> bool {
        let (status, body) = self.shop.post("introspection_endpoint", &[("token", access)]).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body["active"] == json!(true)
    }

    async fn logged(&self, words: &str, count: usize) {
        let logged = async || (self.backend.log().matches(words).count() >= count).then_some(());
        eventually(&format!("{words:?} in the log"), PATIENCE, logged).await;
    }
}

/// B-05, B-07, R-187 to R-195 in the client's eyes.
#[tokio::test]
async fn a_client_is_called_with_the_result_however_its_request_ended() {
    let cast = Cast::new(&[], BackendOptions::with("[log]\nlevel = \"trace\"\n")).await;
    let approved = cast.ask(&[("binding_message", "W4SCT")]).await;
    assert!(cast.endpoint.calls().is_empty(), "nothing before the decision");
    cast.decide(Verdict::Approve).await;
    let tokens = cast.told(0, &approved).await;
    let access = cast.verified(&tokens, &approved).await;
    assert!(cast.active(&access).await, "B-05: the grant is complete");

    let denied = cast.ask(&[]).await;
    cast.decide(Verdict::Deny).await;
    assert_eq!(cast.told(1, &denied).await["error"], "access_denied", "B-05, R-193");

    let expired = cast.ask(&[("requested_expiry", "1")]).await;
    assert_eq!(cast.told(2, &expired).await["error"], "expired_token", "R-194");

    let superseded = cast.ask(&[]).await;
    let newer = cast.ask(&[]).await;
    let gave_way = cast.told(3, &superseded).await;
    assert_eq!(gave_way["error"], "access_denied", "R-193: it gave way to a newer one");
    let fetched = cast.shop.poll(&newer.started.auth_req_id).await;
    assert_eq!(fetched.expect_err("R-171").0, "unauthorized_client", "R-171");

    cast.logged("reached client shop", 4).await;
    assert_eq!(cast.endpoint.calls().len(), 4, "R-196: one call each");
    let log = cast.backend.log();
    for secret in [&approved.token, &approved.started.auth_req_id, &denied.token, &access] {
        assert!(
            !log.contains(secret.as_str()),
            "R-196, S-095: not even at the finest level"
        );
    }
}

///
#[tokio::test]
async fn tokens_that_a_client_refuses_are_revoked() {
    let cast = Cast::new(&[Says::Status(500), Says::Status(401)], BackendOptions::default()).await;
    let asked = cast.ask(&[]).await;
    cast.decide(Verdict::Approve).await;
    let tokens = cast.told(0, &asked).await;
    let again = cast.told(1, &asked).await;
    assert_eq!(tokens["access_token"], again["access_token"], "R-196: the same tokens");
    cast.logged("is given up on", 1).await;
    let access = cast.verified(&tokens, &asked).await;
    assert!(!cast.active(&access).await, "R-196: revoked");
    let listed = cast.backend.succeed(&["outbox", "list"], "");
    assert!(
        listed.contains("\tpush\tshop\t2 tries\t") && listed.contains("answered 401"),
        "R-154: {listed}"
    );
    let prompt = listed.split('\t').next().expect("a prompt");
    let resent = cast.backend.command(&["outbox", "resend", prompt], "");
    let said = String::from_utf8_lossy(&resent.stderr).into_owned();
    assert_eq!(resent.status.code(), Some(1), "R-196: {said}");
    assert!(said.contains("revoked"), "the operator reads why: {said}");
    assert_eq!(cast.endpoint.calls().len(), 2, "R-154: no third call");
}

/// A death of the server at each step of a delivery, and how often the client is called then. The first commit of the grant opens the request,
/// the second one decides it, the third one records and seals the tokens.
const DEATHS: [(&str, usize); 4] = [
    ("Redeem:1", 1),
    ("CommitBefore:3", 1),
    ("CommitAfter:3", 1),
    ("Called:1", 2),
];

///
#[test]
fn tokens_in_a_file_survive_the_servers_death_at_every_step() {
    die_at_every_step(Store::Sqlite);
}

///
#[test]
fn tokens_in_a_database_server_survive_the_servers_death_at_every_step() {
    die_at_every_step(Store::Postgres);
}

/// All at the same time, because each one waits until the dead server's lease is over; each on a thread of its own, because starting a server blocks.
fn die_at_every_step(store: Store) {
    let cluster = store.start();
    let cluster = cluster.as_ref();
    thread::scope(|scope| {
        for (point, calls) in DEATHS {
            scope.spawn(move || {
                let runtime = Runtime::new().expect("a runtime can be made");
                runtime.block_on(die(cluster, point, calls));
            });
        }
    });
}

async fn die(cluster: Option<&Cluster>, point: &str, calls: usize) {
    let mut cast = Cast::new(
        &[],
        BackendOptions {
            failpoints: true,
            database_url: cluster.map(Cluster::database),
            ..BackendOptions::default()
        },
    )
    .await;
    cast.backend.kill();
    cast.backend.fail_at(Some(&format!("{point}:abort")));
    cast.backend.restart();
    let asked = cast.ask(&[]).await;
    let pending = cast.phone.pending().await.remove(0);
    let decision = cast.phone.decision(&pending, Verdict::Approve, None);
    let url = format!("{}/ad/v1/requests/{}/decision", cast.backend.origin, pending.handle);
    // The answer may get lost as the server dies; what it would say is on disk all the same.
    try_answered(countersign_e2e::http().post(&url).json(&decision)).await;
    let backend = &mut cast.backend;
    eventually(&format!("the death at {point}"), PATIENCE, || {
        let dead = backend.has_ended();
        async move { dead.then_some(()) }
    })
    .await;
    cast.backend.kill();
    cast.backend.fail_at(None);
    cast.backend.restart();
    cast.logged("reached client shop", 1).await;
    let mut given = Vec::new();
    for call in 0..calls {
        let tokens = cast.told(call, &asked).await;
        given.push(cast.verified(&tokens, &asked).await);
    }
    assert_eq!(cast.endpoint.calls().len(), calls, "R-196: dead at {point}");
    given.dedup();
    assert_eq!(
        given.len(),
        1,
        "R-196: dead at {point}: one set of tokens, whoever sends it"
    );
    assert!(cast.active(&given[0]).await, "R-196: dead at {point}: they are good");
}

/// G-03, R-002: an operator offers push, or nobody has it.
#[tokio::test]
async fn push_is_offered_only_where_the_operator_says_so() {
    let backend = Backend::start(&BackendOptions::default());
    let arguments = "client add --id shop --name Shop --auth client_secret_basic --grant ciba --delivery-mode push \
        --notification-endpoint https://shop.example/cb";
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    let output = backend.command(&arguments, "");
    assert_eq!(output.status.code(), Some(1), "R-002, R-011");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("[op] delivery_modes"), "G-03: {said}");
}
