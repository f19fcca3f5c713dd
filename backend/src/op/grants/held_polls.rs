//! Polls that wait for their person (long polling, CIBA Core section 10.1): no longer than a client waits for an answer, and no more of them
//! than there are places. Whoever finds no place is answered at once.

use std::{sync::Arc, time::Duration};

use countersign_clock::Millis;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout_at},
};

use crate::{
    config::OpConfig,
    domain::AuthRequest,
    meters::{Held, meters},
    wakes::{Heard, Subscription, Topic, Wakes},
};

/// What an answer may take beside the wait, so that 30 s are 30 s for the client too.
const ANSWERING: Duration = Duration::from_millis(250);

pub(in crate::op) struct HeldPolls {
    wakes: Arc<Wakes>,
    longest: Duration,
    places: Semaphore,
}

/// A poll that is held. Dropping it, as when the client hangs up, gives its place back and changes nothing.
pub(in crate::op) struct HeldPoll<'a> {
    subscription: Subscription,
    until: Instant,
    _place: SemaphorePermit<'a>,
    _counted: Held,
}

impl HeldPolls {
    pub(in crate::op) fn new(config: &OpConfig, wakes: Arc<Wakes>) -> Self {
        let longest = Duration::from_secs(config.long_poll_seconds.into());
        Self {
            wakes,
            longest: longest.saturating_sub(ANSWERING),
            places: Semaphore::new(config.max_long_polls),
        }
    }

    /// Begins to hold a poll for an undecided `request`, until its deadline at most. None when polls are not held, or no place is left.
    /// Whoever is held has to look again before the first wait: what was seen before is older than the listening.
    pub(in crate::op) fn hold(&self, request: &AuthRequest, now: Millis) -> Option<HeldPoll<'_>> {
        if self.longest.is_zero() {
            return None;
        }
        let place = self.places.try_acquire().ok()?;
        let subscription = self.wakes.subscribe(Topic::Request(request.handle.clone())).ok()?;
        let left = u64::try_from(request.expires_at - now).unwrap_or_default();
        let wait = self.longest.min(Duration::from_millis(left));
        Some(HeldPoll {
            subscription,
            until: Instant::now() + wait,
            _place: place,
            _counted: meters().poll(),
        })
    }
}

impl HeldPoll<'_> {
    /// Waits for a sign that the request is settled. False when the time is over or the server stops.
    pub(in crate::op) async fn woken(&mut self) -> bool {
        let heard = timeout_at(self.until, self.subscription.heard()).await;
        heard.is_ok_and(|heard| heard == Heard::Changed)
    }
}
