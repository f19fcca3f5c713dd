//! A provider of the generic connector that does not hear well: the decision is kept, told until it counts once, or reported as not delivered to the person and
//! the operator; never shown as a success. Real processes, the real device, and people who sign in at a provider that is another backend.

use std::time::Duration;

use countersign_authenticator::{
    Timing,
    view::{RequestState, RequestView},
};
use countersign_e2e::{Backend, BackendOptions, Device, Hears, Person, UpstreamOp, eventually};
use countersign_protocol::{Delivery, DenyReason, Handle, PromptState};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(40);

/// A provider, whose people sign in at `home`, and a person of it with a device.
struct Cast {
    /// Keeps the provider's sign-in alive.
    _home: Backend,
    backend: Backend,
    provider: UpstreamOp,
    phone: Device,
    sub: String,
}

impl Cast {
    async fn new(provider: UpstreamOp) -> Self {
        let home = Backend::start(&BackendOptions::default());
        let person = Person::add(&home, "anna");
        let sub = person.sub(&home);
        let config = format!("[log]\nlevel = \"debug\"\n{}", provider.connector(&home.origin));
        let backend = Backend::start(&BackendOptions::with(&config));
        let phone = Device::pair_as(
            &backend.origin,
            Some(&home.origin),
            "Phone",
            Timing::default(),
            async |url| person.sign_in_and_return(url).await,
        )
        .await;
        Self {
            _home: home,
            backend,
            provider,
            phone,
            sub,
        }
    }

    /// Hands over the request `id`; the person has it on the device when this returns.
    async fn ask(&self, id: &str) -> Handle {
        let mut request = self.provider.request(id, &self.sub);
        request["client"]["id"] = json!(format!("client-of-{id}"));
        let handle = self.provider.ask(&self.backend.origin, &request).await;
        let handle = Handle::new(handle);
        let shown = self.phone.wait_for_request().await;
        assert_eq!(shown.handle, handle, "the person is asked");
        handle
    }

    /// What the device shows of the request when it is known whether the provider was told.
    async fn outcome(&self, handle: &Handle) -> RequestView {
        let settled = |view: &RequestView| match &view.state {
            RequestState::Decided { settled } | RequestState::Failed { settled } => {
                settled.delivery != Some(Delivery::Owed)
            }
            _ => false,
        };
        eventually("the provider to be told, or not", PATIENCE, async || {
            let view = self.phone.authenticator.request(&self.phone.account_id, handle);
            view.ok().filter(settled)
        })
        .await
    }

    /// Every call about the request `id`.
    fn heard(&self, id: &str) -> Vec<(String, Value)> {
        let heard = self.provider.heard().into_iter();
        let calls = heard.filter(|heard| heard.body["id"] == id);
        calls.map(|heard| (heard.message, heard.body)).collect()
    }

    async fn logged(&self, words: &str) {
        eventually(&format!("{words:?} in the log"), PATIENCE, async || {
            self.backend.log().contains(words).then_some(())
        })
        .await;
    }
}

/// What goes wrong, and how many calls arrive whole before the provider has taken the result.
const PASSING: [(&str, &[Hears], usize); 7] = [
    ("slow", &[Hears::WithoutAnswer], 2),
    (
        "failing",
        &[Hears::Refuses(500), Hears::Refuses(503), Hears::Refuses(425)],
        4,
    ),
    ("babbling", &[Hears::Babbles], 2),
    ("endless", &[Hears::Endlessly], 2),
    ("closed-early", &[Hears::HalfOfIt], 1),
    ("closed-late", &[Hears::AndHangsUp], 2),
    ("not-yet", &[Hears::Refuses(404)], 2),
];

/// S-092: what may pass is told again, and counts once.
#[tokio::test]
async fn a_provider_that_stumbles_knows_in_the_end_and_once() {
    let cast = Cast::new(UpstreamOp::start("acme", &[])).await;
    for (id, faults, calls) in PASSING {
        let handle = cast.ask(id).await;
        cast.provider.does(faults);
        let decided = cast.phone.approve(&handle, None).await;
        let RequestState::Decided { settled } = &decided.state else {
            panic!("{id}: the decision is taken: {decided:?}")
        };
        assert_eq!(settled.delivery, Some(Delivery::Owed), "{id}: not yet a success");
        let RequestState::Decided { settled } = cast.outcome(&handle).await.state else {
            panic!("S-092: {id}: the provider knows in the end")
        };
        assert_eq!(settled.state, PromptState::Approved, "{id}");
        assert_eq!(settled.delivery, Some(Delivery::Done), "S-092: {id}");
        assert_eq!(
            cast.provider.result(id).expect("it knows")["result"],
            "approved",
            "{id}"
        );
        let heard = cast.heard(id);
        assert_eq!(heard.len(), calls, "S-092: {id}: no call after the answer");
        for (message, body) in &heard {
            assert_eq!(message, handle.as_str(), "S-092: {id}: the same message");
            assert_eq!(body, &heard[0].1, "S-092: {id}: the same result");
        }
        cast.logged(&format!("complete of prompt {handle} reached acme")).await;
    }
    assert_eq!(
        cast.backend.succeed(&["outbox", "list"], ""),
        "",
        "nothing was given up"
    );
    let log = cast.backend.log();
    for private in ["W4SCT", "v1,", "whsec", cast.sub.as_str()] {
        assert!(!log.contains(private), "S-095: {private} stays out of the log");
    }
}

/// S-092: a no is final. The decision is kept, and nobody is told that it worked.
#[tokio::test]
async fn a_provider_that_will_not_hear_is_reported_and_never_a_success() {
    let cast = Cast::new(UpstreamOp::start("acme", &[])).await;
    for status in [409, 410, 401, 302] {
        let id = format!("answers-{status}");
        let handle = cast.ask(&id).await;
        cast.provider.does(&[Hears::Refuses(status)]);
        cast.phone.approve(&handle, None).await;
        let RequestState::Failed { settled } = cast.outcome(&handle).await.state else {
            panic!("S-092: {status} is never a success")
        };
        assert_eq!(settled.delivery, Some(Delivery::Failed), "{status}");
        assert_eq!(cast.heard(&id).len(), 1, "S-092: {status}: not again by itself");
        assert_eq!(cast.provider.result(&id), None, "{status}");
        let history = cast.phone.authenticator.history(&cast.phone.account_id, None).await;
        let entry = history.expect("the history is there").entries.remove(0);
        assert_eq!(
            (entry.handle, entry.settled.state),
            (handle.clone(), PromptState::Failed),
            "{status}"
        );
        assert!(entry.receipt_verified, "S-092: {status}: the decision is kept");
        cast.logged(&format!("complete of prompt {handle} to acme is given up on"))
            .await;
        let listed = cast.backend.succeed(&["outbox", "list"], "");
        let line = listed.lines().find(|line| line.starts_with(handle.as_str()));
        let line = line.expect("the operator sees it");
        assert!(
            line.contains("\tcomplete\tacme\t1 tries\t") && line.contains(&status.to_string()),
            "{line}"
        );
    }
    let refused = cast.ask("mended").await;
    cast.provider.does(&[Hears::Refuses(403)]);
    cast.phone.approve(&refused, None).await;
    assert!(matches!(
        cast.outcome(&refused).await.state,
        RequestState::Failed { .. }
    ));
    let _said = cast.backend.succeed(&["outbox", "resend", refused.as_str()], "");
    assert_eq!(
        cast.provider.told("mended").await["result"],
        "approved",
        "the operator has it told again"
    );
    let shown = cast
        .phone
        .wait_until(&refused, |state| matches!(state, RequestState::Decided { .. }));
    assert_eq!(shown.await.handle, refused, "and the person sees that it is told");
}

/// A provider that is away while the person decides, and a server that dies before it was told.
#[tokio::test]
async fn a_decision_outlives_both_sides() {
    let mut cast = Cast::new(UpstreamOp::closed("acme", &[])).await;
    let approved = cast.ask("approved").await;
    cast.phone.approve(&approved, None).await;
    cast.logged(&format!("complete of prompt {approved} did not reach acme"))
        .await;
    let denied = cast.ask("denied").await;
    cast.phone.deny(&denied, DenyReason::ChangedMind).await;
    cast.backend.kill();
    cast.provider.open();
    cast.backend.restart();
    let told = cast.provider.told("approved").await;
    assert_eq!(
        (&told["result"], &told["sub"]),
        (&json!("approved"), &json!(cast.sub)),
        "S-092"
    );
    let told = cast.provider.told("denied").await;
    assert_eq!(
        (&told["result"], &told["reason"]),
        (&json!("denied"), &json!("changed_mind"))
    );
    let RequestState::Decided { settled } = cast.outcome(&approved).await.state else {
        panic!("it is told in the end")
    };
    assert_eq!(settled.delivery, Some(Delivery::Done), "the person sees it");
    assert_eq!(cast.heard("approved").len(), 1, "S-092: once");
}

/// Nobody decides: the provider is told that, too.
#[tokio::test]
async fn an_expiry_is_told() {
    let cast = Cast::new(UpstreamOp::start("acme", &[])).await;
    let mut request = cast.provider.request("late", &cast.sub);
    let soon = request["expires_at"].as_i64().expect("a time") - 118_000;
    request["expires_at"] = json!(soon);
    cast.provider.ask(&cast.backend.origin, &request).await;
    let told = cast.provider.told("late").await;
    assert_eq!(
        (&told["result"], &told["decided_at"]),
        (&json!("expired"), &json!(soon))
    );
}
