//! One device of the robot: paired as a person would pair it, deciding as it is told.

use std::{convert::Infallible, sync::Arc, time::Duration};

use anyhow::Context as _;
use countersign_authenticator::{
    AppEvent, Authenticator, AuthenticatorError, MemoryChannels, MemoryHost, Options, PinCost, Timing,
    view::{ApproveInput, ConnectionView, DenyInput, InboxView, PairInput, RequestState, RequestView},
};
use countersign_clock::{OsRandom, SystemClock};
use countersign_protocol::{DenyReason, Handle, Match, PromptState};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, timeout_at},
};

use crate::{PIN, Person, eventually};

/// For the stream to open after pairing.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two tries while the backend does not answer.
const PAUSE: Duration = Duration::from_millis(50);

/// What to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Approve.
    Approve,
    /// Deny.
    Deny,
}

/// What came of it.
#[derive(Debug)]
pub enum Verdict {
    /// The backend has taken this device's decision, and it is the one that was asked for.
    Taken(PromptState),
    /// The request ended another way.
    Settled(RequestState),
    /// It asks for a number that only the other screen shows.
    AsksForNumber,
    /// The backend did not answer in time.
    Unanswered,
    /// The device could not decide.
    Failed(AuthenticatorError),
}

/// A paired device of one person.
pub(super) struct RobotDevice {
    pub(super) person: String,
    account_id: String,
    authenticator: Authenticator,
    // One request is in view at a time.
    turn: Mutex<()>,
}

impl RobotDevice {
    /// Pairs a device as `person` and waits until its stream is open. Every inbox goes to `report`.
    ///
    /// # Panics
    /// When the person cannot sign in, or the stream does not open within a minute.
    pub(super) async fn pair(
        backend: &str,
        person: &Person,
        report: impl Fn(&InboxView) + Send + 'static,
    ) -> anyhow::Result<Self> {
        let name = format!("Robot of {}", person.username);
        let (host, MemoryChannels { mut opened, mut events }) = MemoryHost::new(&name);
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                if let AppEvent::Inbox(inbox) = event {
                    report(&inbox);
                }
            }
        });
        let authenticator = Authenticator::new(host, Arc::new(SystemClock), Arc::new(OsRandom), options()).await?;
        authenticator.start();
        let pairing = authenticator.pair(PairInput {
            backend: backend.to_owned(),
            device_name: name,
            pin: PIN.to_owned(),
            // A robot answers for people of the embedded provider, whoever else there is.
            issuer: Some(backend.trim_end_matches('/').to_owned()),
        });
        let browsing = async {
            if let Some(url) = opened.recv().await {
                person.sign_in_and_return(&url).await;
            }
            std::future::pending::<Infallible>().await
        };
        let account = tokio::select! {
            paired = pairing => paired.with_context(|| format!("{} could not be paired", person.username))?,
            never = browsing => match never {},
        };
        let device = Self {
            person: person.username.clone(),
            account_id: account.id,
            authenticator,
            turn: Mutex::default(),
        };
        eventually("the stream to open", PATIENCE, async || {
            (device.connection() == ConnectionView::Live).then_some(())
        })
        .await;
        Ok(device)
    }

    /// How the device hears of requests.
    pub(super) fn connection(&self) -> ConnectionView {
        let accounts = self.authenticator.status().accounts;
        let account = accounts.into_iter().find(|account| account.id == self.account_id);
        account.map_or(ConnectionView::Connecting, |account| account.connection)
    }

    /// The newest request that waits and is what `wanted` says.
    pub(super) fn newest(&self, wanted: impl Fn(&RequestView) -> bool) -> Option<RequestView> {
        let waits = |view: &RequestView| matches!(view.state, RequestState::Pending { .. }) && wanted(view);
        self.authenticator.inbox().requests.into_iter().rfind(waits)
    }

    /// Decides the request, again where the backend does not answer, until it is settled or `until` is over.
    pub(super) async fn decide(&self, handle: &Handle, action: Action, until: Instant) -> Verdict {
        let deciding = async {
            let _turn = self.turn.lock().await;
            loop {
                match self.try_once(handle, action).await {
                    Ok(view) => {
                        if let Some(verdict) = judged(view, action) {
                            return verdict;
                        }
                    }
                    Err(AuthenticatorError::Offline(_)) => {}
                    Err(AuthenticatorError::MatchMalformed) => return Verdict::AsksForNumber,
                    Err(error) => return Verdict::Failed(error),
                }
                sleep(PAUSE).await;
            }
        };
        timeout_at(until, deciding).await.unwrap_or(Verdict::Unanswered)
    }

    async fn try_once(&self, handle: &Handle, action: Action) -> Result<RequestView, AuthenticatorError> {
        let (account_id, handle) = (self.account_id.clone(), handle.clone());
        match action {
            Action::Deny => {
                let reason = DenyReason::ChangedMind;
                let input = DenyInput {
                    account_id,
                    handle,
                    reason,
                };
                self.authenticator.deny(input).await
            }
            Action::Approve => {
                self.authenticator.present(&account_id, &handle)?;
                let view = self.authenticator.request(&account_id, &handle)?;
                let locked = view.content.is_some_and(|content| content.needs_unlock);
                let input = ApproveInput {
                    account_id,
                    handle,
                    matched: None,
                    pin: locked.then(|| PIN.to_owned()),
                };
                self.authenticator.approve(input).await
            }
        }
    }
}

/// What the state after a try means; `None` while it is open.
fn judged(view: RequestView, action: Action) -> Option<Verdict> {
    let wanted = match action {
        Action::Approve => PromptState::Approved,
        Action::Deny => PromptState::Denied,
    };
    match view.state {
        RequestState::Pending { .. } | RequestState::Sending => None,
        RequestState::Decided { settled } if settled.state == wanted => Some(Verdict::Taken(wanted)),
        state => Some(Verdict::Settled(state)),
    }
}

/// Whether the request shows exactly this message.
pub(super) fn shows(view: &RequestView, text: &str) -> bool {
    view.content
        .as_ref()
        .is_some_and(|content| matches!(&content.matching, Match::Show { message } if message.as_deref() == Some(text)))
}

/// Times and costs of a device that nobody looks at and nobody steals; what is checked stays.
fn options() -> Options {
    Options {
        unlock_seconds: 600,
        present_for_ms: 0,
        pin_cost: PinCost {
            memory_kib: 8,
            passes: 1,
        },
        timing: Timing {
            call: Duration::from_secs(5),
            backoff_first: Duration::from_millis(100),
            backoff_most: Duration::from_secs(1),
            hint_every: Duration::from_secs(1),
            sign_in: Duration::from_mins(2),
            ..Timing::default()
        },
        ..Options::default()
    }
}
