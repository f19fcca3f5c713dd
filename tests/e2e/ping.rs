//! Clients that are called: over real TLS, through failures and a crash.

use std::time::Duration;

use countersign_e2e::{
    Backend, BackendOptions, Called, NotificationEndpoint, Person, RawDevice, RelyingParty, Says, eventually,
    stage::refusal,
};
use countersign_protocol::Verdict;
use serde_json::Value;

const CONFIG: &str = "[op]\ninterval = 1\nmin_expiry = 1\ngrace_seconds = 30\n";

/// A backend, a person with a phone, and a shop that is called.
struct Cast {
    backend: Backend,
    phone: RawDevice,
    shop: RelyingParty,
}

impl Cast {
    async fn new(endpoint: &NotificationEndpoint) -> Self {
        Self::with(&format!("{CONFIG}{}", endpoint.allowed()), endpoint).await
    }

    async fn with(config: &str, endpoint: &NotificationEndpoint) -> Self {
        let backend = Backend::start(&BackendOptions::with(config));
        let person = Person::add(&backend, "anna");
        let delivery = ["--delivery-mode", "ping", "--notification-endpoint", &endpoint.url()];
        let shop = RelyingParty::add(&backend, "shop", &delivery).await;
        let phone = RawDevice::register(&backend, &person, "Anna's phone").await;
        Self { backend, phone, shop }
    }

    async fn ask(&self, more: &[(&str, &str)]) -> Called {
        self.shop.ask_to_be_called("anna", more).await
    }

    async fn decide(&self, verdict: Verdict) {
        self.phone.decide(verdict, None).await;
    }

    async fn approved(&self) -> Called {
        let asked = self.ask(&[]).await;
        self.decide(Verdict::Approve).await;
        asked
    }

    async fn redeems(&self, asked: &Called) {
        let tokens = self.shop.poll(&asked.started.auth_req_id).await;
        assert!(
            tokens.is_ok(),
            "R-163, R-182: the result is there when the client comes"
        );
    }

    async fn refused(&self, asked: &Called) -> String {
        refusal(self.shop.poll(&asked.started.auth_req_id).await)
    }

    /// Waits until the backend has logged `words` this often.
    async fn logged(&self, words: &str, count: usize) {
        let logged = async || (self.backend.log().matches(words).count() >= count).then_some(());
        eventually(&format!("{words:?} in the log"), Duration::from_mins(1), logged).await;
    }

    fn given_up(&self) -> Vec<String> {
        let listed = self.backend.succeed(&["outbox", "list"], "");
        listed.lines().map(str::to_owned).collect()
    }
}

/// G-07, B-05; R-151 in each call, R-181 to R-183.
#[tokio::test]
async fn a_client_is_called_after_approval_denial_and_expiry() {
    let endpoint = NotificationEndpoint::start(&[]);
    let config = format!("{CONFIG}{}[log]\nlevel = \"trace\"\n", endpoint.allowed());
    let cast = Cast::with(&config, &endpoint).await;

    let approved = cast.ask(&[("binding_message", "W4SCT")]).await;
    assert_eq!(
        cast.refused(&approved).await,
        "authorization_pending",
        "R-162: it may poll too"
    );
    assert!(endpoint.calls().is_empty(), "R-182: nothing before the decision");
    cast.decide(Verdict::Approve).await;
    endpoint.heard(1).await[0].is_ping(&approved.token, &approved.started.auth_req_id);
    cast.redeems(&approved).await;

    let denied = cast.ask(&[]).await;
    cast.decide(Verdict::Deny).await;
    endpoint.heard(2).await[1].is_ping(&denied.token, &denied.started.auth_req_id);
    assert_eq!(cast.refused(&denied).await, "access_denied", "R-181");

    let expired = cast.ask(&[("requested_expiry", "1")]).await;
    endpoint.heard(3).await[2].is_ping(&expired.token, &expired.started.auth_req_id);
    assert_eq!(cast.refused(&expired).await, "expired_token", "R-183");

    let superseded = cast.ask(&[]).await;
    let newer = cast.ask(&[]).await;
    endpoint.heard(4).await[3].is_ping(&superseded.token, &superseded.started.auth_req_id);
    assert_eq!(
        cast.refused(&superseded).await,
        "access_denied",
        "R-181: it gave way to a newer one"
    );

    cast.logged("reached client shop", 4).await;
    assert_eq!(endpoint.calls().len(), 4, "R-181: one call each");
    assert!(cast.given_up().is_empty());
    let log = cast.backend.log();
    for asked in [&approved, &denied, &expired, &superseded, &newer] {
        for secret in [&asked.token, &asked.started.auth_req_id] {
            assert!(!log.contains(secret.as_str()), "S-095: not even at the finest level");
        }
    }
}

#[tokio::test]
async fn a_client_that_cannot_be_reached_is_called_again_until_it_knows() {
    let failures = [
        Says::HangsUp,
        Says::Status(500),
        Says::Nothing,
        Says::Status(503),
        Says::Endless,
    ];
    let mut endpoint = NotificationEndpoint::closed(&failures);
    let cast = Cast::new(&endpoint).await;
    let asked = cast.approved().await;
    cast.logged("will be tried again", 2).await;
    endpoint.open();
    cast.logged("reached client shop", 1).await;
    let calls = endpoint.calls();
    assert_eq!(
        calls.len(),
        4,
        "R-154, V-043: 500, silence, 503, and a 200 whose body never ends"
    );
    for call in calls {
        call.is_ping(&asked.token, &asked.started.auth_req_id);
    }
    for failure in ["refused", "answered 500", "no answer within 5 seconds", "answered 503"] {
        assert!(
            cast.backend.log().contains(failure),
            "the operator reads what went wrong: {failure}"
        );
    }
    cast.redeems(&asked).await;
}

#[tokio::test]
async fn a_no_is_final_until_the_operator_says_otherwise() {
    let says = [Says::Status(401), Says::Elsewhere(302), Says::Elsewhere(307)];
    let endpoint = NotificationEndpoint::start(&says);
    let cast = Cast::new(&endpoint).await;
    for tries in 1..=says.len() {
        let asked = cast.approved().await;
        endpoint.heard(tries).await;
        cast.redeems(&asked).await;
    }
    cast.logged("is given up on", says.len()).await;
    let listed = cast.given_up();
    for status in [401, 302, 307] {
        let recorded = listed
            .iter()
            .any(|line| line.contains(&format!("answered {status}")) && line.contains("shop"));
        assert!(recorded, "R-154: {status} is recorded for an administrator: {listed:?}");
    }
    let calls = endpoint.calls();
    assert_eq!(
        calls.len(),
        says.len(),
        "R-152, R-154, V-004: no second call, no redirect followed"
    );
    let prompt = listed[0].split('\t').next().expect("a prompt");
    assert_eq!(cast.backend.succeed(&["outbox", "resend", prompt], ""), "");
    endpoint.heard(4).await;
    cast.logged("reached client shop", 1).await;
    assert_eq!(cast.given_up().len(), 2);
    assert_eq!(
        cast.backend.succeed(&["outbox", "resend", "--all"], ""),
        "2 will be sent again"
    );
    endpoint.heard(6).await;
    let again = cast.backend.command(&["outbox", "resend", prompt], "");
    assert_eq!(again.status.code(), Some(1), "what was delivered is not sent again");
}

/// The power fails after the decision was answered and before the client was called.
#[tokio::test]
async fn a_client_is_called_after_a_crash() {
    let mut endpoint = NotificationEndpoint::closed(&[]);
    let mut cast = Cast::new(&endpoint).await;
    let asked = cast.approved().await;
    cast.backend.kill();
    assert!(endpoint.calls().is_empty(), "nobody could be called");
    endpoint.open();
    cast.backend.restart();
    endpoint.heard(1).await[0].is_ping(&asked.token, &asked.started.auth_req_id);
    cast.logged("reached client shop", 1).await;
    cast.redeems(&asked).await;
    assert_eq!(endpoint.calls().len(), 1, "R-181: once");
}

#[tokio::test]
async fn a_server_that_stops_lets_no_call_be_forgotten() {
    let endpoint = NotificationEndpoint::start(&[]);
    let mut cast = Cast::new(&endpoint).await;
    let asked = cast.approved().await;
    assert!(cast.backend.stop().success());
    cast.backend.restart();
    let calls = endpoint.heard(1).await;
    calls[0].is_ping(&asked.token, &asked.started.auth_req_id);
    cast.redeems(&asked).await;
    cast.logged("reached client shop", 1).await;
    assert_eq!(endpoint.calls().len(), 1, "R-181: an orderly end calls nobody twice");
}

/// R-150, V-043: who cannot prove who it is learns nothing.
#[tokio::test]
async fn an_endpoint_that_nobody_vouches_for_is_told_nothing() {
    let endpoint = NotificationEndpoint::start(&[]);
    let config = "[op]\ninterval = 1\nexpires_in = 5\ngrace_seconds = 1\n[outbound]\nallow = [\"127.0.0.1/32\"]\n";
    let cast = Cast::with(config, &endpoint).await;
    cast.approved().await;
    cast.logged("will be tried again", 1).await;
    let given_up = async || Some(cast.given_up()).filter(|listed| listed.len() == 1);
    let listed = eventually("the debt to be given up on", Duration::from_mins(1), given_up).await;
    assert!(listed[0].contains("certificate"), "the operator reads why: {listed:?}");
    assert!(endpoint.calls().is_empty(), "R-150: nothing was sent");
    let prompt = listed[0].split('\t').next().expect("a prompt");
    let too_late = async || {
        let output = cast.backend.command(&["outbox", "resend", prompt], "");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        said.contains("time of that request is over").then_some(())
    };
    eventually("the request's time to be over", Duration::from_secs(20), too_late).await;
}

/// V-003, R-150: the guard stands at registration.
#[tokio::test]
async fn an_endpoint_that_must_not_be_called_is_not_registered() {
    let backend = Backend::start(&BackendOptions::default());
    for endpoint in [
        "https://127.0.0.1:1/cb",
        "https://169.254.169.254/cb",
        "http://shop.example/cb",
    ] {
        let arguments = [
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
            "--delivery-mode",
            "ping",
            "--notification-endpoint",
            endpoint,
        ];
        let output = backend.command(&arguments, "");
        assert_eq!(output.status.code(), Some(1), "V-003: {endpoint}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("backchannel_client_notification_endpoint"), "{said}");
    }
    let discovered: Value = countersign_e2e::http()
        .get(format!("{}/.well-known/openid-configuration", backend.origin))
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    let modes = &discovered["backchannel_token_delivery_modes_supported"];
    assert_eq!(*modes, serde_json::json!(["poll", "ping"]), "R-002");
}
