//! All devices of the robot.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use countersign_authenticator::view::ConnectionView;
use countersign_jose::digest;
use countersign_protocol::Handle;
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, timeout_at},
};

use super::{
    board::Board,
    device::{Action, RobotDevice, Verdict, shows},
};
use crate::Person;

/// Sign-ins at a time: each costs the backend a password hash.
const AT_ONCE: usize = 4;

/// Which request is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The one with this `auth_req_id` at the embedded provider.
    AuthReqId(String),
    /// The newest that waits for the person with this sign-in name.
    LoginHint(String),
    /// The newest that waits and shows this message.
    BindingMessage(String),
}

/// The devices and what they know.
pub struct Fleet {
    devices: Vec<RobotDevice>,
    board: Arc<Board>,
    wait: Duration,
}

impl Fleet {
    /// Pairs a device for everybody. A decision waits `wait` for its request and for the backend.
    ///
    /// # Errors
    /// When somebody cannot be paired.
    pub async fn pair(backend: &str, everybody: Vec<Person>, wait: Duration) -> anyhow::Result<Self> {
        crate::install_tls();
        let board = Arc::new(Board::new());
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut pairings = JoinSet::new();
        for (index, person) in everybody.into_iter().enumerate() {
            let (backend, board, places) = (backend.to_owned(), board.clone(), places.clone());
            pairings.spawn(async move {
                let _place = places.acquire_owned().await?;
                let report = move |inbox: &_| board.report(index, inbox);
                let device = RobotDevice::pair(&backend, &person, report).await?;
                anyhow::Ok((index, device))
            });
        }
        let mut devices = Vec::new();
        while let Some(paired) = pairings.join_next().await {
            devices.push(paired.context("a person could not sign in")??);
        }
        devices.sort_by_key(|(index, _)| *index);
        let devices = devices.into_iter().map(|(_, device)| device).collect();
        Ok(Self { devices, board, wait })
    }

    /// Each person with how their device hears of requests.
    #[must_use]
    pub fn connections(&self) -> Vec<(&str, ConnectionView)> {
        let connection = |device: &RobotDevice| device.connection();
        self.devices
            .iter()
            .map(|device| (device.person.as_str(), connection(device)))
            .collect()
    }

    /// Waits for the request and decides it. `None` when there was none in time.
    pub async fn decide(&self, target: &Target, action: Action) -> Option<Verdict> {
        let until = Instant::now() + self.wait;
        let (device, handle) = self.find(target, until).await?;
        Some(device.decide(&handle, action, until).await)
    }

    async fn find(&self, target: &Target, until: Instant) -> Option<(&RobotDevice, Handle)> {
        let mut news = self.board.news();
        loop {
            news.mark_unchanged();
            if let Some(found) = self.look(target) {
                return Some(found);
            }
            timeout_at(until, news.changed()).await.ok()?.ok()?;
        }
    }

    fn look(&self, target: &Target) -> Option<(&RobotDevice, Handle)> {
        match target {
            Target::AuthReqId(id) => {
                let handle = Handle::new(digest::sha256_b64(format!("countersign-prompt{id}")));
                let device = self.devices.get(self.board.holder(&handle)?)?;
                Some((device, handle))
            }
            Target::LoginHint(username) => {
                let device = self.devices.iter().find(|device| device.person == *username)?;
                Some((device, device.newest(|_| true)?.handle))
            }
            Target::BindingMessage(text) => {
                let newest = |device: &RobotDevice| device.newest(|view| shows(view, text));
                let created = |view: &countersign_authenticator::view::RequestView| {
                    view.content.as_ref().map(|content| content.created_at)
                };
                self.devices
                    .iter()
                    .filter_map(|device| Some((device, newest(device)?)))
                    .max_by_key(|(_, view)| created(view))
                    .map(|(device, view)| (device, view.handle))
            }
        }
    }
}
