//! A device without a window: the real authenticator on a host in memory, and a person who signs in for it.

use std::{sync::Arc, time::Duration};

use countersign_authenticator::{
    Authenticator, MemoryChannels, MemoryHost, Options, Timing,
    view::{ApproveInput, ConnectionView, DenyInput, PairInput, RequestState, RequestView},
};
use countersign_clock::{OsRandom, SystemClock};
use countersign_protocol::{DenyReason, Handle};
use tokio::sync::Mutex;
use url::Url;

use crate::{Backend, Person, eventually, install_tls};

/// The PIN of every device of the tests.
pub const PIN: &str = "271828";

/// How long a device may take for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// A paired device.
pub struct Device {
    /// The authentication device.
    pub authenticator: Arc<Authenticator>,
    /// Its first account.
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
        let browse = async |url: &Url| person.sign_in_and_return(url).await;
        Self::pair_as(&backend.origin, Some(&backend.origin), name, timing, browse).await
    }

    /// Pairs a new device at the backend `origin` as somebody of the provider `issuer`; `browse` does what the person does in the browser,
    /// until it has come back to the app. Without `issuer` the backend has to offer only one provider.
    pub async fn pair_as(
        origin: &str,
        issuer: Option<&str>,
        name: &str,
        timing: Timing,
        browse: impl AsyncFnOnce(&Url),
    ) -> Self {
        let mut device = Self::unpaired(name, timing).await;
        device.account_id = device.add_account(origin, issuer, name, browse).await;
        device.wait_until_live(&device.account_id).await;
        device
    }

    /// Pairs this device with one more account, as [`Self::pair_as`]; returns the account's local id once its stream is open.
    pub async fn pair_another(
        &self,
        origin: &str,
        issuer: Option<&str>,
        name: &str,
        browse: impl AsyncFnOnce(&Url),
    ) -> String {
        let account_id = self.add_account(origin, issuer, name, browse).await;
        self.wait_until_live(&account_id).await;
        account_id
    }

    /// A device that knows nobody yet.
    pub async fn unpaired(name: &str, timing: Timing) -> Self {
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

    async fn add_account(
        &self,
        origin: &str,
        issuer: Option<&str>,
        name: &str,
        browse: impl AsyncFnOnce(&Url),
    ) -> String {
        let input = PairInput {
            backend: origin.to_owned(),
            device_name: name.to_owned(),
            pin: PIN.to_owned(),
            issuer: issuer.map(str::to_owned),
        };
        let browsing = async {
            let opened = self.channels.lock().await.opened.recv().await;
            browse(&opened.expect("the device opens the browser")).await;
        };
        let (paired, ()) = tokio::join!(self.authenticator.pair(input), browsing);
        paired.expect("the device pairs").id
    }

    async fn wait_until_live(&self, account_id: &str) {
        eventually("the stream to open", PATIENCE, async || {
            (self.connection_of(account_id) == ConnectionView::Live).then_some(())
        })
        .await;
    }

    /// How the device hears of requests.
    #[must_use]
    pub fn connection(&self) -> ConnectionView {
        self.connection_of(&self.account_id)
    }

    fn connection_of(&self, account_id: &str) -> ConnectionView {
        let status = self.authenticator.status();
        status
            .accounts
            .into_iter()
            .find(|account| account.id == account_id)
            .expect("the account is there")
            .connection
    }

    /// Waits until the request `handle` is in a state that is `wanted`, as after the provider was told of a decision.
    pub async fn wait_until(&self, handle: &Handle, wanted: impl Fn(&RequestState) -> bool) -> RequestView {
        eventually("the request to come into a state", PATIENCE, async || {
            let requests = self.authenticator.inbox().requests;
            let view = requests.into_iter().find(|view| view.handle == *handle);
            view.filter(|view| wanted(&view.state))
        })
        .await
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
