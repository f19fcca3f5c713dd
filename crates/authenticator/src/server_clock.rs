//! The backend's time, as far as the device can know it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::UNIX_EPOCH,
};

use countersign_clock::{Clock, Millis};
use reqwest::header::{DATE, HeaderMap};

/// A `Date` header has whole seconds, and the answer was under way: only more than this says that the clocks differ.
const DATE_SLACK: Millis = 3_000;

/// The device's clock and how far the backend's is ahead of it.
pub(crate) struct ServerClock {
    clock: Arc<dyn Clock>,
    ahead: AtomicI64,
}

impl ServerClock {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            ahead: AtomicI64::new(0),
        }
    }

    /// The backend's time, milliseconds.
    pub(crate) fn now(&self) -> Millis {
        self.clock.now().saturating_add(self.ahead.load(Ordering::Relaxed))
    }

    /// The backend's time as JWT claims carry it.
    pub(crate) fn now_seconds(&self) -> i64 {
        self.now().div_euclid(1000)
    }

    /// The device's own time.
    pub(crate) fn local_now(&self) -> Millis {
        self.clock.now()
    }

    /// A time of the backend on the device's own clock.
    pub(crate) fn to_local(&self, server: Millis) -> Millis {
        server.saturating_sub(self.ahead.load(Ordering::Relaxed))
    }

    /// Takes over `server_time` of an answer to a question asked at `asked` (device's clock).
    pub(crate) fn measured(&self, server_time: Millis, asked: Millis) {
        let received = self.clock.now();
        let middle = asked.midpoint(received);
        self.ahead.store(server_time.saturating_sub(middle), Ordering::Relaxed);
    }

    /// Takes over the `Date` of an answer (RFC 9110 section 6.6.1) when it contradicts what is known: before the first measurement a
    /// wrong clock would make every proof a refused one.
    pub(crate) fn glimpsed(&self, headers: &HeaderMap) {
        let Some(date) = date_of(headers) else { return };
        if (date - self.now()).abs() > DATE_SLACK {
            self.ahead.store(date - self.clock.now(), Ordering::Relaxed);
        }
    }
}

fn date_of(headers: &HeaderMap) -> Option<Millis> {
    let text = headers.get(DATE)?.to_str().ok()?;
    let elapsed = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(elapsed.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use countersign_clock::ManualClock;
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn a_measured_offset_moves_every_time_both_ways() {
        let local = Arc::new(ManualClock::at(1_000_000));
        let clock = ServerClock::new(local.clone());
        let asked = local.now();
        local.advance(200);
        clock.measured(1_300_100, asked);
        assert_eq!(clock.now(), 1_300_200, "half of the round trip is taken off");
        assert_eq!(
            clock.to_local(1_300_200),
            local.now(),
            "S-030: views carry the device's time"
        );
    }

    #[test]
    fn a_date_corrects_a_clock_that_is_minutes_off_but_not_a_measurement() {
        let clock = ServerClock::new(Arc::new(ManualClock::at(784_111_777_000 - 300_000)));
        let mut headers = HeaderMap::new();
        headers.insert(DATE, HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"));
        clock.glimpsed(&headers);
        assert_eq!(clock.now(), 784_111_777_000, "S-030: five minutes of skew are found");
        clock.measured(784_111_777_900, clock.local_now());
        clock.glimpsed(&headers);
        assert_eq!(clock.now(), 784_111_777_900, "whole seconds do not blur milliseconds");
    }
}
