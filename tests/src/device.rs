//! A device without a window: the real authenticator on a host in memory, and a person who signs in for it.

use std::{sync::Arc, time::Duration};

use countersign_authenticator::{
    Authenticator, MemoryChannels, MemoryHost, Options, Timing,
    view::{ApproveInput, ConnectionView, DenyInput, PairInput, RequestState, RequestView},
};
use countersign_clock::{OsRandom, SystemClock};
use countersign_protocol::{DenyReason, Handle};
use tokio::sync::Mutex;

use crate::{Backend, Person, eventually, install_tls};

/// The PIN of every device of the tests.
pub const PIN: &str = "271828";

/// How long a device may take for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// A paired device.
pub struct Device {
    /// The authentication device.
    pub authenticator: Arc<Authenticator>,
    /// Its one account.
    pub account_id: String,
    /// What it opened and told.
    pub channels: Mutex<MemoryChannels>,
    /// Its host, whose secrets outlive it.
    pub host: Arc<MemoryHost>,
}

impl Device {
    /// Pairs a new device called `name` as `person` at `backend`, and waits until its stream is open.
    pub async fn pair(backend: &Backend, person: &Person, name: &str) -> Self {
        Self::pair_with(backend, person, name, Timing::default()).await
    }

    /// As [`Self::pair`], with other times of the conversation with the backend.
    pub async fn pair_with(backend: &Backend, person: &Person, name: &str, timing: Timing) -> Self {
        let device = Self::unpaired(name, timing).await;
        device.sign_in(&backend.origin, person, name).await
    }

    async fn unpaired(name: &str, timing: Timing) -> Self {
        install_tls();
        let (host, channels) = MemoryHost::new(name);
        // The person waits the second that a request has to be in view; only the tests' patience with PINs is shorter.
        let options = Options {
            unlock_seconds: 60,
            timing,
            ..Options::default()
        };
        let authenticator = Authenticator::new(host.clone(), Arc::new(SystemClock), Arc::new(OsRandom), options).await;
        let authenticator = Arc::new(authenticator.expect("a device starts on an empty store"));
        authenticator.start();
        Self {
            authenticator,
            account_id: String::new(),
            channels: Mutex::new(channels),
            host,
        }
    }

    async fn sign_in(mut self, origin: &str, person: &Person, name: &str) -> Self {
        let input = PairInput {
            backend: origin.to_owned(),
            device_name: name.to_owned(),
            pin: PIN.to_owned(),
        };
        let pairing = self.authenticator.pair(input);
        let browsing = async {
            let opened = self.channels.lock().await.opened.recv().await;
            person
                .sign_in_and_return(&opened.expect("the device opens the browser"))
                .await;
        };
        let (paired, ()) = tokio::join!(pairing, browsing);
        self.account_id = paired.expect("the device pairs").id;
        eventually("the stream to open", PATIENCE, async || {
            (self.connection() == ConnectionView::Live).then_some(())
        })
        .await;
        self
    }

    /// How the device hears of requests.
    #[must_use]
    pub fn connection(&self) -> ConnectionView {
        let status = self.authenticator.status();
        status
            .accounts
            .into_iter()
            .find(|account| account.id == self.account_id)
            .expect("the account is there")
            .connection
    }

    /// Waits until exactly one request can be decided, and returns it.
    pub async fn wait_for_request(&self) -> RequestView {
        let waiting = |view: &RequestView| matches!(view.state, RequestState::Pending { .. });
        eventually("a request on the device", PATIENCE, async || {
            let requests: Vec<RequestView> = self
                .authenticator
                .inbox()
                .requests
                .into_iter()
                .filter(waiting)
                .collect();
            assert!(requests.len() < 2, "one request is expected");
            requests.into_iter().next()
        })
        .await
    }

    /// Waits until the request `handle` can be decided.
    pub async fn wait_for(&self, handle: &Handle) -> RequestView {
        eventually("the request on the device", PATIENCE, async || {
            self.authenticator
                .inbox()
                .requests
                .into_iter()
                .find(|view| view.handle == *handle)
        })
        .await
    }

    /// Looks at the request as long as it has to be in view, and approves it, typing `matched` where a number is asked for.
    pub async fn approve(&self, handle: &Handle, matched: Option<&str>) -> RequestView {
        self.authenticator
            .present(&self.account_id, handle)
            .expect("the request can be shown");
        tokio::time::sleep(Duration::from_millis(1_050)).await;
        let input = ApproveInput {
            account_id: self.account_id.clone(),
            handle: handle.clone(),
            matched: matched.map(str::to_owned),
            pin: Some(PIN.to_owned()),
        };
        self.authenticator
            .approve(input)
            .await
            .expect("the approval is answered")
    }

    /// Approves a request that is settled already; returns its state.
    pub async fn approve_late(&self, request: &RequestView) -> RequestState {
        let input = ApproveInput {
            account_id: self.account_id.clone(),
            handle: request.handle.clone(),
            matched: None,
            pin: Some(PIN.to_owned()),
        };
        let answer = self.authenticator.approve(input).await;
        answer.expect("what was settled is an answer").state
    }

    /// Denies the request.
    pub async fn deny(&self, handle: &Handle, reason: DenyReason) -> RequestView {
        let input = DenyInput {
            account_id: self.account_id.clone(),
            handle: handle.clone(),
            reason,
        };
        self.authenticator.deny(input).await.expect("the denial is answered")
    }
}
