//! How a device hears of requests: its own stream, polls where streams do not pass, hints of a push. All end in one inbox.

use std::sync::Arc;

use countersign_protocol::StreamEvent;
use futures_util::StreamExt;
use reqwest::Response;
use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout},
};

use crate::{
    account::Account, api::ApiError, backoff, core::Core, error::AuthenticatorError, intake, rotation, sse::Parser,
    sync::held, view::ConnectionView,
};

/// Opens in a row that brought nothing, after which the stream counts as one that does not pass.
const PASSES_NOT: u32 = 2;

/// Why a stream ended.
enum Ended {
    /// It brought something, then it broke.
    Broke,
    /// It never brought a byte, or was refused.
    Nothing,
}

/// Keeps the account's inbox as it is at the backend, for as long as the device is not removed.
pub(crate) async fn listen(core: Arc<Core>, account: Arc<Account>) {
    let mut last_event_id = None;
    let mut failures = 0;
    while !account.is_removed() {
        match stream(&core, &account, &mut last_event_id).await {
            Ended::Broke => failures = 0,
            Ended::Nothing => {
                failures += 1;
                fall_back(&core, &account, failures).await;
            }
        }
        if account.is_removed() {
            return;
        }
        let pause = backoff::full_jitter(&core, failures.max(1));
        // A hint or a new network ends the wait.
        drop(timeout(pause, account.nudge.notified()).await);
    }
}

/// Answers hints: at most one fetch in a while for all of them together, and none is lost (a hint may be about a request that came
/// right after the last fetch).
pub(crate) async fn answer_hints(core: Arc<Core>, account: Arc<Account>) {
    let mut next = Instant::now();
    while !account.is_removed() {
        account.hint.notified().await;
        tokio::time::sleep_until(next).await;
        next = Instant::now() + core.options.timing.hint_every;
        account.nudge.notify_one();
        report(&account, intake::fetch(&core, &account).await);
    }
}

/// Ends what is over in time, while there is something that can be.
pub(crate) async fn tend(core: Arc<Core>, account: Arc<Account>) {
    while !account.is_removed() {
        let ticking = held(&account.inbox).is_ticking() || account.gate.is_open();
        if !ticking {
            account.changed.notified().await;
            continue;
        }
        sleep(std::time::Duration::from_millis(250)).await;
        let now = core.clock.now();
        let was_open = account.gate.is_open();
        account.gate.forget_stale(now);
        let expired = held(&account.inbox).expire(account.clock.now(), now);
        if expired || was_open != account.gate.is_open() {
            core.emit_inbox();
        }
    }
}

/// No stream: is the backend there at all? Where it is, and streams do not pass, it is asked regularly for a while.
async fn fall_back(core: &Core, account: &Account, failures: u32) {
    let timing = &core.options.timing;
    let until = Instant::now() + timing.poll_for;
    loop {
        if let Err(error) = intake::fetch(core, account).await {
            if rotation::may_be_pending(&error) {
                report(account, rotation::settle(core, account).await.map(drop));
            }
            report(account, Err(error));
            let since = held(&account.last_contact).unwrap_or_else(|| core.clock.now());
            if !account.is_removed() {
                core.connected(account, ConnectionView::Offline { since });
            }
            return;
        }
        *held(&account.last_contact) = Some(core.clock.now());
        if failures < PASSES_NOT {
            core.connected(account, ConnectionView::Connecting);
            return;
        }
        let every_seconds = u32::try_from(timing.poll_every.as_secs()).unwrap_or(u32::MAX);
        core.connected(account, ConnectionView::Polling { every_seconds });
        if Instant::now() >= until || account.is_removed() {
            return;
        }
        sleep(timing.poll_every).await;
    }
}

/// Holds one stream until it ends. Before its first byte the backend is polled beside it.
async fn stream(core: &Core, account: &Account, last_event_id: &mut Option<String>) -> Ended {
    let timing = &core.options.timing;
    let Ok(link) = account.link() else {
        return Ended::Nothing;
    };
    let mut parser = Parser::default();
    let opening = async {
        let answer = link.api.stream(last_event_id.as_deref()).await?;
        let mut chunks = Box::pin(event_stream(answer)?.bytes_stream());
        let first = chunks.next().await;
        Ok::<_, ApiError>((chunks, first))
    };
    let (mut chunks, first) = match beside_polls(core, account, timeout(timing.first_byte, opening)).await {
        Ok(Ok((chunks, Some(Ok(first))))) => (chunks, first),
        Ok(Err(error)) => {
            core.heed(account, &error).await;
            tracing::debug!(account.id, %error, "the stream did not open");
            return Ended::Nothing;
        }
        Ok(Ok((_, Some(Err(_)) | None))) | Err(_) => return Ended::Nothing,
    };
    core.connected(account, ConnectionView::Live);
    let mut chunk = first;
    loop {
        let Ok(events) = parser.feed(&chunk) else {
            return Ended::Broke;
        };
        for event in events {
            match StreamEvent::parse(&event.name, &event.data) {
                Ok(Some(StreamEvent::Removed)) => core.removed(account).await,
                Ok(Some(known)) => intake::take(core, account, known).await,
                Ok(None) => {}
                Err(error) => {
                    // Going on would leave a gap: a new stream starts with a sync.
                    tracing::warn!(account.id, %error, "an event of the stream could not be read");
                    *last_event_id = None;
                    return Ended::Broke;
                }
            }
            if event.id.is_some() {
                *last_event_id = event.id;
            }
        }
        *held(&account.last_contact) = Some(core.clock.now());
        if account.is_removed() {
            return Ended::Broke;
        }
        chunk = match timeout(timing.silence, chunks.next()).await {
            Ok(Some(Ok(chunk))) => chunk,
            Ok(Some(Err(_)) | None) | Err(_) => return Ended::Broke,
        };
    }
}

/// Polls while something slow is under way. Both go on at the same time: what is slow may hold the renewal of the access token, for
/// which a poll waits.
async fn beside_polls<T>(core: &Core, account: &Account, slow: impl Future<Output = T>) -> T {
    let done = Notify::new();
    let slow = async {
        let result = slow.await;
        done.notify_one();
        result
    };
    let polls = async {
        while timeout(core.options.timing.poll_every, done.notified()).await.is_err() {
            report(account, intake::fetch(core, account).await);
        }
    };
    tokio::join!(slow, polls).0
}

/// The answer, if it is a stream of events and not the page of something in between.
fn event_stream(answer: Response) -> Result<Response, ApiError> {
    let kind = answer
        .headers()
        .get(reqwest::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    if kind.is_some_and(|kind| kind.starts_with("text/event-stream")) {
        Ok(answer)
    } else {
        Err(ApiError::Unreadable {
            status: answer.status().as_u16(),
        })
    }
}

fn report(account: &Account, result: Result<(), AuthenticatorError>) {
    if let Err(error) = result {
        tracing::debug!(account.id, %error, "what waits could not be fetched");
    }
}
