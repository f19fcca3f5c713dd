//! The stream of a device (`docs/protocol.md` section 8): server-sent events, fed from the store whenever something changed.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue},
    response::{
        IntoResponse, Response,
        sse::{Event, Sse},
    },
};
use countersign_protocol::StreamEvent;
use futures_util::stream;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tracing::{Instrument as _, Span};

use super::{device_api::DeviceApi, dpop::Caller, problem::ApiError};
use crate::{
    consent::{Change, Changes, ConsentError},
    devices::DeviceError,
    domain::Device,
    meters::{Held, meters},
    wakes::{Heard, NotNow, Subscription, Topic},
};

/// `GET /ad/v1/stream`
pub async fn open(
    State(api): State<Arc<DeviceApi>>,
    Caller(device): Caller,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    // Listening begins before the first look, so that nothing falls between both.
    let subscription = api
        .consent
        .wakes()
        .subscribe(Topic::Person(device.account.clone()))
        .map_err(|refused| match refused {
            NotNow::Full => ApiError::TooManyStreams,
            NotNow::Closed => ApiError::Stopping,
        })?;
    let period = Duration::from_secs(api.heartbeat_seconds.into());
    let mut heartbeat = interval_at(Instant::now() + period, period);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut feed = Feed {
        api,
        device,
        subscription,
        heartbeat,
        seq: 0,
        queue: VecDeque::new(),
        ended: false,
        request: Span::current(),
        _counted: meters().stream(),
    };
    match last_event_id(&headers) {
        Some(seq) => feed.resume(seq).await?,
        None => feed.sync().await?,
    }
    if feed.queue.is_empty() {
        feed.queue.push_back(sign_of_life());
    }
    let mut response = Sse::new(stream::unfold(feed, Feed::next)).into_response();
    // Some proxies collect an answer before they pass it on; this asks them not to.
    response
        .headers_mut()
        .insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// One open stream.
struct Feed {
    api: Arc<DeviceApi>,
    device: Device,
    subscription: Subscription,
    heartbeat: Interval,
    /// The last change that was told.
    seq: i64,
    queue: VecDeque<Event>,
    ended: bool,
    /// Of the request that opened it, so that what is logged later names it too.
    request: Span,
    _counted: Held,
}

impl Feed {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some((Ok(event), self));
            }
            if self.ended {
                return None;
            }
            let beat = tokio::select! {
                heard = self.subscription.heard() => match heard {
                    Heard::Changed => false,
                    Heard::Closed => return None,
                },
                _ = self.heartbeat.tick() => true,
            };
            let request = self.request.clone();
            self.look().instrument(request).await;
            if beat {
                self.queue.push_back(sign_of_life());
            }
        }
    }

    /// Looks whether the device may still listen and what changed. Also without a signal, which another process cannot give.
    async fn look(&mut self) {
        match self.api.registry.recheck(&self.device.id).await {
            Ok(()) => {}
            Err(DeviceError::Removed) => {
                self.queue.push_back(Event::default().event("removed").data("{}"));
                self.ended = true;
                return;
            }
            Err(_) => {
                self.ended = true;
                return;
            }
        }
        if let Err(error) = self.resume(self.seq).await {
            tracing::warn!(device.id = %self.device.id, "a stream of device {} ends: {error}", self.device.id);
            self.ended = true;
        }
    }

    async fn resume(&mut self, seq: i64) -> Result<(), ConsentError> {
        match self.api.consent.changes(&self.device, seq).await? {
            Changes::Events(changes) => {
                self.seq = seq;
                for change in changes {
                    self.push(&change);
                }
                Ok(())
            }
            Changes::TooMany => self.sync().await,
        }
    }

    async fn sync(&mut self) -> Result<(), ConsentError> {
        let change = self.api.consent.sync(&self.device).await?;
        self.push(&change);
        Ok(())
    }

    fn push(&mut self, change: &Change) {
        self.seq = change.seq;
        match written(&change.event) {
            Ok(event) => self.queue.push_back(event.id(change.seq.to_string())),
            Err(error) => tracing::error!(%error, "an event cannot be written as JSON"),
        }
    }
}

fn written(event: &StreamEvent) -> Result<Event, serde_json::Error> {
    Ok(Event::default().event(event.name()).data(event.data()?))
}

fn sign_of_life() -> Event {
    Event::default().comment("")
}

fn last_event_id(headers: &HeaderMap) -> Option<i64> {
    let text = headers.get("last-event-id")?.to_str().ok()?;
    text.parse().ok().filter(|seq| *seq >= 0)
}
