//! One backend is a client of another: the person has the device at the other one.

use std::{fs, time::Duration};

use countersign_e2e::{
    Backend, BackendOptions, Credentials, Person, RawDevice, RelyingParty, Started, Tokens, eventually, stage::refusal,
};
use countersign_jose::SigningKey;
use countersign_protocol::{Pending, Verdict};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(30);

/// How we authenticate at the other provider.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Secret,
    Key,
}

/// A shop asks `here`, which asks `there`, where Anna has her phone.
struct Federation {
    here: Backend,
    there: Backend,
    shop: RelyingParty,
    phone: RawDevice,
}

impl Federation {
    async fn set() -> Self {
        Self::with(By::Secret, false, 1, None).await
    }

    /// `sub` stands in for Anna's `sub` over there.
    async fn with(by: By, failpoints: bool, interval: u32, sub: Option<&str>) -> Self {
        let there = Backend::start(&BackendOptions::with(&format!("[op]\ninterval = {interval}\n")));
        let anna_there = Person::add(&there, "anna");
        let phone = RawDevice::register(&there, &anna_there, "Anna's phone").await;
        let credential = credential(&there, by).await;
        let config = format!(
            "[op]\ninterval = 1\n[[connectors.upstream]]\nname = \"bank\"\nissuer = {:?}\ntitle = \"Example Bank\"\nclient_id = \"us\"\n{credential}\n\
             login_hint_attribute = \"email\"\n",
            there.origin
        );
        let here = Backend::start(&BackendOptions {
            failpoints,
            ..BackendOptions::with(&config)
        });
        let known_as = format!("bank_sub={}", sub.map_or_else(|| anna_there.sub(&there), str::to_owned));
        let anna = [
            "user",
            "add",
            "--username",
            "anna",
            "--name",
            "Anna",
            "--email",
            "anna@mail.example",
        ];
        let options = [&anna[..], &["--attribute", &known_as, "--password-stdin"]].concat();
        let _printed = here.succeed(&options, PASSWORD);
        let shop = RelyingParty::add(&here, "shop", &[]).await;
        Self {
            here,
            there,
            shop,
            phone,
        }
    }

    async fn ask(&self, parameters: &[(&str, &str)]) -> Started {
        let mut all = vec![("login_hint", "anna")];
        all.extend(parameters);
        self.shop.start(&all).await
    }

    /// The request that waits on the phone once that has rung so many times.
    async fn rings(&self, times: usize) -> Pending {
        eventually("the phone to ring", PATIENCE, async || {
            let rung = self.there.log().matches("of client us waits").count();
            assert!(rung <= times, "it rings no more often than that");
            (rung == times).then_some(())
        })
        .await;
        self.phone.waiting().await
    }

    async fn answer(&self, pending: &Pending, verdict: Verdict) {
        let decision = self.phone.decision(pending, verdict, None);
        let (status, body) = self.phone.submit(&pending.handle, &decision).await;
        assert!(status.is_success(), "the decision is taken: {body}");
    }

    async fn approved(&self, started: &Started) -> Tokens {
        self.shop.poll_to_the_end(started).await.expect("there are tokens")
    }

    /// Nothing is left to do, and nothing was given up on.
    fn is_settled(&self) {
        let dead = self.here.succeed(&["outbox", "list"], "");
        assert!(!dead.contains("\task\t"), "nothing was given up on: {dead}");
    }
}

const PASSWORD: &str = "correct horse anna";

/// Makes us a client over there; returns what the configuration says of our credential.
async fn credential(there: &Backend, by: By) -> String {
    let file = there.folder().join("us");
    let (key, kept) = match by {
        By::Secret => {
            let us = RelyingParty::add(there, "us", &[]).await;
            let Credentials::Basic(secret) = us.credentials else {
                panic!("the client has a secret")
            };
            ("client_secret_file", secret)
        }
        By::Key => {
            let us = RelyingParty::add_with_key(there, "us").await;
            let Credentials::Key(key) = us.credentials else {
                panic!("the client has a key")
            };
            ("private_key_file", pem(&key))
        }
    };
    fs::write(&file, kept).expect("the credential can be written");
    format!("{key} = {:?}", file.display().to_string())
}

/// RFC 7468 section 10.
fn pem(key: &SigningKey) -> String {
    let text = countersign_jose::b64::encode(key.to_pkcs8())
        .replace('-', "+")
        .replace('_', "/");
    let padding = "=".repeat((4 - text.len() % 4) % 4);
    format!("-----BEGIN PRIVATE KEY-----\n{text}{padding}\n-----END PRIVATE KEY-----\n")
}

/// The shop knows nothing of the other provider; what it is told of the authentication is what that one signed.
#[tokio::test]
async fn a_person_decides_at_another_provider_and_the_shop_gets_its_tokens() {
    let stage = Federation::set().await;
    let started = stage.ask(&[("binding_message", "W4SCT")]).await;
    let pending = stage.rings(1).await;
    let waiting = refusal(stage.shop.poll(&started.auth_req_id).await);
    assert_eq!(waiting, "authorization_pending");
    stage.answer(&pending, Verdict::Approve).await;
    let tokens = stage.approved(&started).await;
    assert_eq!(
        tokens.claims["amr"],
        json!(["swk", "pin"]),
        "S-089: as it was said there"
    );
    assert_eq!(tokens.claims["acr"], "urn:countersign:acr:device-verified", "S-089");
    let again = refusal(stage.shop.poll(&started.auth_req_id).await);
    assert_eq!(again, "invalid_grant", "R-167: tokens exactly once");
    stage.is_settled();
}

/// A client of the other provider may authenticate by a key.
#[tokio::test]
async fn a_no_at_another_provider_is_a_no() {
    let stage = Federation::with(By::Key, false, 1, None).await;
    let started = stage.ask(&[]).await;
    stage.answer(&stage.rings(1).await, Verdict::Deny).await;
    let denied = stage.shop.poll_to_the_end(&started).await;
    assert_eq!(refusal(denied), "access_denied");
    stage.is_settled();
}

/// The question over there is over no later than the one here.
#[tokio::test]
async fn nobody_answers_and_both_questions_are_over() {
    let stage = Federation::set().await;
    let started = stage.ask(&[("requested_expiry", "8")]).await;
    stage.rings(1).await;
    let over = stage.shop.poll_to_the_end(&started).await;
    assert_eq!(refusal(over), "expired_token");
    eventually("the phone to be quiet", PATIENCE, async || {
        stage.phone.pending().await.is_empty().then_some(())
    })
    .await;
    stage.is_settled();
}

/// First decision wins, wherever it is made.
#[tokio::test]
async fn a_device_here_may_be_faster() {
    let stage = Federation::set().await;
    let anna = Person {
        username: "anna".to_owned(),
        password: PASSWORD.to_owned(),
    };
    let own = RawDevice::register(&stage.here, &anna, "Anna's laptop").await;
    let started = stage.ask(&[]).await;
    let there = stage.rings(1).await;
    own.decide(Verdict::Deny, None).await;
    stage.answer(&there, Verdict::Approve).await;
    let denied = stage.shop.poll_to_the_end(&started).await;
    assert_eq!(refusal(denied), "access_denied", "S-028: the first decision wins");
    stage.is_settled();
}

/// What is owed is paid when the other provider is back.
#[tokio::test]
async fn another_provider_that_is_away_for_a_while_is_asked_when_it_is_back() {
    let mut stage = Federation::set().await;
    stage.there.kill();
    let started = stage.ask(&[]).await;
    eventually("a try to fail", PATIENCE, async || {
        stage.here.log().contains("will be tried again").then_some(())
    })
    .await;
    stage.there.restart();
    let pending = stage.rings(1).await;
    stage.there.kill();
    stage.there.restart();
    stage.answer(&pending, Verdict::Approve).await;
    stage.approved(&started).await;
    stage.is_settled();
}

/// an answer that was given out, and lost with the process that heard it, is asked for once more.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whatever_dies_with_the_process_is_asked_once_more() {
    let mut stage = Federation::with(By::Secret, true, 5, None).await;
    for (rung, point, lost) in [
        (0, "Called:1:abort", "the acknowledgement"),
        (2, "Called:2:abort", "the answer"),
    ] {
        stage.here.kill();
        stage.here.fail_at(Some(point));
        stage.here.restart();
        let started = stage.ask(&[]).await;
        let first = stage.rings(rung + 1).await;
        if lost == "the answer" {
            stage.answer(&first, Verdict::Approve).await;
        }
        eventually(&format!("the death with {lost}"), PATIENCE, || {
            let dead = stage.here.has_ended();
            async move { dead.then_some(()) }
        })
        .await;
        stage.here.kill();
        stage.here.fail_at(None);
        tokio::task::block_in_place(|| stage.here.restart());
        let second = stage.rings(rung + 2).await;
        stage.answer(&second, Verdict::Approve).await;
        stage.approved(&started).await;
    }
    stage.is_settled();
}

/// Whoever answers there is nobody here unless the operator said who they are.
#[tokio::test]
async fn somebody_else_at_the_other_provider_approves_nothing() {
    let stage = Federation::with(By::Secret, false, 1, Some("somebody-else")).await;
    let started = stage.ask(&[]).await;
    stage.answer(&stage.rings(1).await, Verdict::Approve).await;
    eventually("the answer to be refused", PATIENCE, async || {
        stage.here.log().contains("it is of another person").then_some(())
    })
    .await;
    let waiting = refusal(stage.shop.poll(&started.auth_req_id).await);
    assert_eq!(waiting, "authorization_pending", "it goes on for devices here");
}
