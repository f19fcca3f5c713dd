//! Networks fail: nothing is lost, and the person is told the truth about the connection.

use std::time::Duration;

use countersign_authenticator::{
    AuthenticatorError, Timing,
    view::{ApproveInput, ConnectionView, RequestState},
};
use countersign_e2e::{
    Backend, BackendOptions, Device, PIN, Person, RawDevice, RelyingParty, eventually,
    wire::{Weather, Wire},
};
use countersign_protocol::{DenyReason, Verdict};
use reqwest::StatusCode;

const PATIENCE: Duration = Duration::from_secs(20);

/// A device at the far end of a wire, a laptop and a shop right beside the backend.
struct Far {
    backend: Backend,
    wire: Wire,
    shop: RelyingParty,
    phone: Device,
    laptop: RawDevice,
}

impl Far {
    async fn away() -> Self {
        let wire = Wire::lay().await;
        let config = format!(
            "[op]\ninterval = 1\n[consent]\nsupersede = false\n[server]\npublic_url = {:?}\n",
            wire.origin
        );
        let backend = Backend::start(&BackendOptions::with(&config));
        wire.connect(backend.listen().parse().expect("an address and a port"));
        let here = format!("http://{}", backend.listen());
        let person = Person::add(&backend, "anna");
        let shop = RelyingParty::add(&backend, "shop", &[]).await.by_way_of(&here);
        let laptop = RawDevice::register(&backend, &person, "Anna's laptop").await;
        let timing = Timing {
            call: Duration::from_secs(2),
            first_byte: Duration::from_secs(1),
            poll_every: Duration::from_millis(200),
            poll_for: Duration::from_secs(2),
            backoff_first: Duration::from_millis(100),
            backoff_most: Duration::from_millis(400),
            ..Timing::default()
        };
        let phone = Device::pair_with(&backend, &person, "Anna's phone", timing).await;
        Self {
            laptop: laptop.by_way_of(&here),
            backend,
            wire,
            shop,
            phone,
        }
    }

    async fn ask(&self) -> String {
        self.shop.start(&[("login_hint", "anna")]).await.auth_req_id
    }

    async fn connection(&self, what: &str, wanted: impl Fn(&ConnectionView) -> bool) {
        eventually(what, PATIENCE, async || wanted(&self.phone.connection()).then_some(())).await;
    }

    async fn offline(&self) {
        let offline = |connection: &ConnectionView| matches!(connection, ConnectionView::Offline { .. });
        self.connection("the device to notice that it is offline", offline)
            .await;
    }

    async fn live(&self) {
        self.connection("the stream to open again", |connection| {
            *connection == ConnectionView::Live
        })
        .await;
    }

    /// States of the phone's requests, oldest first.
    fn states(&self) -> Vec<RequestState> {
        let requests = self.phone.authenticator.inbox().requests;
        requests.into_iter().map(|request| request.state).collect()
    }
}

/// S-061: the stream resumes where it broke, whatever happened to the backend in between.
#[tokio::test]
async fn what_happened_while_the_device_was_cut_off_is_there_when_it_is_back() {
    let mut far = Far::away().await;
    let decided_elsewhere = far.ask().await;
    far.phone.wait_for_request().await;

    far.wire.set(Weather::Cut);
    far.offline().await;
    let pending = far.laptop.pending().await.remove(0);
    let decision = far.laptop.decision(&pending, Verdict::Approve, None);
    assert_eq!(far.laptop.submit(&pending.handle, &decision).await.0, StatusCode::OK);
    let opened_before_restart = far.ask().await;
    far.backend.kill();
    far.backend.restart();
    far.wire
        .connect(far.backend.listen().parse().expect("an address and a port"));
    let opened_after_restart = far.ask().await;
    assert_eq!(
        far.states(),
        [RequestState::Pending { tries_left: None }],
        "nobody told the device yet"
    );

    far.wire.set(Weather::Fair);
    let waiting = |state: &RequestState| matches!(state, RequestState::Pending { .. });
    eventually("both requests", PATIENCE, async || {
        (far.states().iter().filter(|state| waiting(state)).count() == 2).then_some(())
    })
    .await;
    far.live().await;
    let states = far.states();
    assert!(
        matches!(&states[0], RequestState::HandledElsewhere { by, .. } if by.name == "Anna's laptop"),
        "S-061: what became of the first one: {states:?}"
    );
    for request in far.phone.authenticator.inbox().requests.into_iter().skip(1) {
        far.phone.approve(&request.handle, None).await;
    }
    for id in [decided_elsewhere, opened_before_restart, opened_after_restart] {
        far.shop.poll(&id).await.expect("S-061: nothing was lost");
    }
}

/// S-061: without streams it works by polling, and the device says so.
#[tokio::test]
async fn where_streams_do_not_pass_the_device_polls_until_they_do() {
    let far = Far::away().await;
    far.wire.set(Weather::Cut);
    far.offline().await;
    far.wire.set(Weather::NoStreams);
    let polling = |connection: &ConnectionView| matches!(connection, ConnectionView::Polling { .. });
    far.connection("the device to poll", polling).await;

    let id = far.ask().await;
    let request = far.phone.wait_for_request().await;
    far.phone.deny(&request.handle, DenyReason::NotMe).await;
    let answer = countersign_e2e::stage::refusal(far.shop.poll(&id).await);
    assert_eq!(answer, "access_denied", "S-061: a decision needs no stream");

    far.wire.set(Weather::Fair);
    far.live().await;
}

/// An approval that did not arrive is an error on the screen, never a success, and can be given again.
#[tokio::test]
async fn an_approval_without_a_network_is_said_to_have_failed_and_can_be_given_again() {
    let far = Far::away().await;
    let id = far.ask().await;
    let request = far.phone.wait_for_request().await;
    let device = &far.phone.authenticator;
    device
        .present(&far.phone.account_id, &request.handle)
        .expect("the request can be shown");
    far.wire.set(Weather::Cut);
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    let input = ApproveInput {
        account_id: far.phone.account_id.clone(),
        handle: request.handle.clone(),
        matched: None,
        pin: Some(PIN.to_owned()),
    };
    let failed = device.approve(input).await;
    assert!(
        matches!(failed, Err(AuthenticatorError::Offline(_))),
        "S-031: {failed:?}"
    );
    let still = device
        .request(&far.phone.account_id, &request.handle)
        .expect("it is there");
    assert_eq!(
        still.state,
        RequestState::Pending { tries_left: None },
        "the request waits again"
    );

    far.wire.set(Weather::Fair);
    far.live().await;
    let again = far.phone.approve(&request.handle, None).await;
    assert!(matches!(again.state, RequestState::Decided { .. }), "{again:?}");
    far.shop.poll(&id).await.expect("the second approval arrives");
}
