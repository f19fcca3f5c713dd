use std::sync::atomic::{AtomicI64, Ordering};

use crate::{Clock, Millis};

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `now`, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn at(now: Millis) -> Self {
        Self(AtomicI64::new(now))
    }

    /// Moves the clock forward by `by` milliseconds (back, when negative).
    pub fn advance(&self, by: Millis) {
        self.0.fetch_add(by, Ordering::SeqCst);
    }

    /// Sets the clock to `now`.
    pub fn set(&self, now: Millis) {
        self.0.store(now, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Millis {
        self.0.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_moves_only_when_told() {
        let clock = ManualClock::at(1_500);
        assert_eq!(clock.now(), clock.now(), "a manual clock stands still");
        clock.advance(-600);
        assert_eq!((clock.now(), clock.now_seconds()), (900, 0), "seconds are rounded down");
        clock.set(7_000);
        assert_eq!(clock.now_seconds(), 7);
    }
}
