//! A device under test, its person and its browser.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use countersign_authenticator::{
    AppEvent, Authenticator, AuthenticatorError, MemoryChannels, MemoryHost, MemorySecrets, Options, PinCost, Timing,
    view::{AccountView, ApproveInput, ConnectionView, DenyInput, PairInput, RequestState, RequestView},
};
use countersign_clock::{OsRandom, SystemClock};
use countersign_protocol::{DenyReason, Handle};
use url::Url;

use crate::fake::Fake;

pub const PIN: &str = "135790";

/// A device with everything around it.
pub struct Kit {
    pub device: Arc<Authenticator>,
    pub secrets: Arc<MemorySecrets>,
    pub channels: MemoryChannels,
    pub account: String,
}

/// Options under which nothing takes long and nothing is left out.
pub fn quick() -> Options {
    let ms = Duration::from_millis;
    Options {
        unlock_seconds: 0,
        present_for_ms: 0,
        pin_cost: PinCost {
            memory_kib: 64,
            passes: 1,
        },
        timing: Timing {
            call: ms(2_000),
            silence: ms(2_000),
            first_byte: ms(300),
            poll_every: ms(50),
            poll_for: ms(500),
            hint_every: ms(200),
            backoff_first: ms(10),
            backoff_most: ms(100),
            sign_in: ms(5_000),
        },
        ..Options::default()
    }
}

/// A device that is not paired.
pub async fn device(options: Options, secrets: Arc<MemorySecrets>) -> (Arc<Authenticator>, MemoryChannels) {
    let (host, channels) = MemoryHost::with_secrets("Robot", secrets);
    let device = Authenticator::new(host, Arc::new(SystemClock), Arc::new(OsRandom), options)
        .await
        .unwrap();
    (Arc::new(device), channels)
}

pub fn pair_input(fake: &Fake) -> PairInput {
    PairInput {
        backend: fake.origin(),
        device_name: String::new(),
        pin: PIN.to_owned(),
        issuer: None,
    }
}

/// Does what the person does in the browser; `change` may tamper with the answer.
pub async fn browse(fake: &Fake, url: &Url, change: impl FnOnce(&mut Url)) {
    let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    assert_eq!(query["code_challenge_method"], "S256", "R-272");
    assert_eq!(query["response_type"], "code");
    let asked = (query["nonce"].clone(), query["code_challenge"].clone());
    let code = format!("code-{}", query["state"]);
    let issuer = {
        let mut inner = fake.lock();
        inner.nonces.insert(code.clone(), asked);
        inner.origin.clone()
    };
    let mut back = Url::parse(&query["redirect_uri"]).unwrap();
    back.query_pairs_mut()
        .append_pair("code", &code)
        .append_pair("state", &query["state"])
        .append_pair("iss", &issuer);
    change(&mut back);
    deliver(&back).await;
}

/// Follows a redirect to the device's listener; returns what it answers.
pub async fn deliver(back: &Url) -> String {
    let host = format!("127.0.0.1:{}", back.port().unwrap());
    let target = back[url::Position::BeforePath..].to_owned();
    let mut connection = tokio::net::TcpStream::connect(&host).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    tokio::io::AsyncWriteExt::write_all(&mut connection, request.as_bytes())
        .await
        .unwrap();
    let mut page = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut connection, &mut page)
        .await
        .unwrap();
    page
}

/// Pairs `device` with the fake.
pub async fn pair(
    device: &Arc<Authenticator>,
    channels: &mut MemoryChannels,
    fake: &Fake,
    change: impl FnOnce(&mut Url),
) -> Result<AccountView, AuthenticatorError> {
    let input = pair_input(fake);
    let pairing = tokio::spawn({
        let device = Arc::clone(device);
        async move { device.pair(input).await }
    });
    let url = channels.opened.recv().await.unwrap();
    browse(fake, &url, change).await;
    pairing.await.unwrap()
}

impl Kit {
    /// A device that is paired with `fake` and listens.
    pub async fn paired(fake: &Fake, options: Options) -> Self {
        let secrets = Arc::new(MemorySecrets::default());
        let (device, mut channels) = device(options, Arc::clone(&secrets)).await;
        device.start();
        let account = pair(&device, &mut channels, fake, |_| {}).await.unwrap().id;
        Self {
            device,
            secrets,
            channels,
            account,
        }
    }

    /// A paired device whose stream is open.
    pub async fn live(fake: &Fake) -> Self {
        let kit = Self::paired(fake, quick()).await;
        kit.until_connected(|connection| *connection == ConnectionView::Live)
            .await;
        kit
    }

    pub fn request(&self, handle: &str) -> Option<RequestView> {
        self.device
            .inbox()
            .requests
            .into_iter()
            .find(|request| request.handle.as_str() == handle)
    }

    /// Waits until the request is in a state.
    pub async fn until(&self, handle: &str, wanted: impl Fn(&RequestState) -> bool) -> RequestView {
        eventually(handle, || self.request(handle).filter(|request| wanted(&request.state))).await
    }

    pub async fn until_pending(&self, handle: &str) -> RequestView {
        self.until(handle, |state| matches!(state, RequestState::Pending { .. }))
            .await
    }

    pub async fn until_connected(&self, wanted: impl Fn(&ConnectionView) -> bool) -> ConnectionView {
        let find = || {
            self.device
                .status()
                .accounts
                .first()
                .map(|account| account.connection.clone())
                .filter(|now| wanted(now))
        };
        eventually("connection", find).await
    }

    pub fn present(&self, handle: &str) {
        self.device.present(&self.account, &Handle::from(handle)).unwrap();
    }

    pub async fn approve(
        &self,
        handle: &str,
        matched: Option<&str>,
        pin: Option<&str>,
    ) -> Result<RequestView, AuthenticatorError> {
        let input = ApproveInput {
            account_id: self.account.clone(),
            handle: handle.into(),
            matched: matched.map(str::to_owned),
            pin: pin.map(str::to_owned),
        };
        self.device.approve(input).await
    }

    pub async fn deny(&self, handle: &str, reason: DenyReason) -> Result<RequestView, AuthenticatorError> {
        self.device
            .deny(DenyInput {
                account_id: self.account.clone(),
                handle: handle.into(),
                reason,
            })
            .await
    }

    /// Events that came since the last call.
    pub fn events(&mut self) -> Vec<AppEvent> {
        std::iter::from_fn(|| self.channels.events.try_recv().ok()).collect()
    }
}

/// Waits for a condition, bounded.
pub async fn eventually<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    for _ in 0..1_000 {
        if let Some(found) = find() {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}: did not happen within ten seconds");
}
