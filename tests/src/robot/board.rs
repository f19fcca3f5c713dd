//! Which device has which request in its inbox.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use countersign_authenticator::view::InboxView;
use countersign_protocol::Handle;
use tokio::sync::watch;

/// Requests that are remembered; older ones have ended long ago.
const REMEMBERED: usize = 100_000;

/// What every device reports to.
pub(super) struct Board {
    known: Mutex<Known>,
    news: watch::Sender<u64>,
}

#[derive(Default)]
struct Known {
    holders: HashMap<Handle, usize>,
    // Oldest first.
    order: VecDeque<Handle>,
}

impl Board {
    pub(super) fn new() -> Self {
        Self {
            known: Mutex::default(),
            news: watch::Sender::new(0),
        }
    }

    /// Takes note of what the device number `holder` has. The first that reports a request holds it.
    pub(super) fn report(&self, holder: usize, inbox: &InboxView) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known.order.back().cloned();
        for request in &inbox.requests {
            if !known.holders.contains_key(&request.handle) {
                known.holders.insert(request.handle.clone(), holder);
                known.order.push_back(request.handle.clone());
            }
        }
        while known.order.len() > REMEMBERED {
            if let Some(oldest) = known.order.pop_front() {
                known.holders.remove(&oldest);
            }
        }
        let is_news = known.order.back() != before.as_ref();
        drop(known);
        if is_news {
            self.news.send_modify(|count| *count += 1);
        }
    }

    /// The device that has the request.
    pub(super) fn holder(&self, handle: &Handle) -> Option<usize> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.holders.get(handle).copied()
    }

    /// Changes whenever a request is new.
    pub(super) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }
}
