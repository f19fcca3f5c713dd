//! How many people a client may name that are not known here (FAPI-CIBA section 7.2): whoever tries out names learns who has an account. In
//! memory; each node counts for itself.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use countersign_clock::Millis;
use countersign_protocol::ClientId;

/// Clients that are counted before those whose time is over are forgotten.
const SWEEP_AT: usize = 1024;

/// Counts hints that named nobody, client by client, in windows of a fixed length.
pub(in crate::op) struct UnknownHints {
    most: u32,
    window: Millis,
    counts: Mutex<HashMap<ClientId, Count>>,
}

#[derive(Clone, Copy)]
struct Count {
    since: Millis,
    hints: u32,
}

impl UnknownHints {
    /// `most` in `window_seconds`; no limit where it is 0.
    pub(in crate::op) fn new(most: u32, window_seconds: u32) -> Self {
        Self {
            most,
            window: Millis::from(window_seconds) * 1000,
            counts: Mutex::default(),
        }
    }

    /// Whether `client` has to wait, whomever it names now: an answer that depended on the name would tell what it must not.
    pub(super) fn is_over(&self, client: &ClientId, now: Millis) -> bool {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.get(client).filter(|count| now - count.since < self.window);
        self.most > 0 && count.is_some_and(|count| count.hints >= self.most)
    }

    /// Counts a hint that named nobody.
    pub(super) fn note(&self, client: &ClientId, now: Millis) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= SWEEP_AT {
            counts.retain(|_, count| now - count.since < self.window);
        }
        let count = counts.entry(client.clone()).or_insert(Count { since: now, hints: 0 });
        if now - count.since >= self.window {
            *count = Count { since: now, hints: 0 };
        }
        count.hints = count.hints.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_tries_out_names_has_to_wait() {
        let hints = UnknownHints::new(3, 60);
        let (one, other) = (ClientId::new("one"), ClientId::new("other"));
        for at in 0..3 {
            assert!(!hints.is_over(&one, at), "R-085: the limit is not reached");
            hints.note(&one, at);
        }
        assert!(hints.is_over(&one, 3) && hints.is_over(&one, 59_999), "R-085");
        assert!(!hints.is_over(&other, 3), "R-085: clients are counted one by one");
        assert!(!hints.is_over(&one, 60_000), "R-085: until the window is over");
        hints.note(&one, 60_000);
        assert!(!hints.is_over(&one, 60_001), "and then they begin anew");
    }

    #[test]
    fn a_limit_of_zero_is_none() {
        let hints = UnknownHints::new(0, 60);
        let client = ClientId::new("one");
        (0..1000).for_each(|_| hints.note(&client, 0));
        assert!(!hints.is_over(&client, 0), "R-085");
    }
}
