//! How fast clients poll (CIBA Core section 11, RFC 8628 section 3.5). In memory only: a poll costs no write, and after a restart
//! everybody starts with a clean slate.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use countersign_clock::Millis;

use crate::domain::AuthRequestId;

/// What each violation adds to the interval, for good.
const STEP: Millis = 5_000;
/// A poll sent in time can arrive a little early, after one that was held up on its way.
const JITTER: Millis = 200;
/// Requests remembered at most; beyond that, polls are not timed.
const CAPACITY: usize = 200_000;
const SWEEP_EVERY: Millis = 30_000;

/// Whether a poll came in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::op) enum Pace {
    InTime,
    TooFast,
}

#[derive(Default)]
pub(in crate::op) struct PollPace(Mutex<Polls>);

#[derive(Default)]
struct Polls {
    last: HashMap<AuthRequestId, Poll>,
    swept_at: Millis,
}

struct Poll {
    at: Millis,
    interval: Millis,
    forget_at: Millis,
}

impl PollPace {
    /// Notes a poll for an undecided request that was acknowledged with `interval` seconds and is over at `forget_at`.
    pub(in crate::op) fn note(&self, id: AuthRequestId, interval: u32, forget_at: Millis, now: Millis) -> Pace {
        let mut polls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now - polls.swept_at >= SWEEP_EVERY {
            polls.swept_at = now;
            polls.last.retain(|_, poll| poll.forget_at > now);
        }
        if let Some(poll) = polls.last.get_mut(&id) {
            let early = now - poll.at < poll.interval - JITTER;
            poll.at = now;
            if early {
                poll.interval += STEP;
                return Pace::TooFast;
            }
        } else if polls.last.len() < CAPACITY {
            let interval = Millis::from(interval) * 1000;
            polls.last.insert(
                id,
                Poll {
                    at: now,
                    interval,
                    forget_at,
                },
            );
        }
        Pace::InTime
    }

    /// Forgets a request that is decided or over.
    pub(in crate::op) fn forget(&self, id: AuthRequestId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).last.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: AuthRequestId = AuthRequestId([7; 32]);

    #[test]
    fn the_first_poll_is_never_early() {
        let pace = PollPace::default();
        assert_eq!(pace.note(ID, 5, 100_000, 0), Pace::InTime, "R-180");
    }

    #[test]
    fn each_early_poll_lengthens_the_interval_for_good() {
        let pace = PollPace::default();
        let polls = [
            (0, Pace::InTime),
            (4_000, Pace::TooFast),
            (13_000, Pace::TooFast), // 9 s where 10 s are due, 15 s from now on
            (28_000, Pace::InTime),
            (42_000, Pace::TooFast),
            (62_000, Pace::InTime),
        ];
        for (at, expected) in polls {
            assert_eq!(pace.note(ID, 5, 1_000_000, at), expected, "R-173: the poll at {at} ms");
        }
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let pace = PollPace::default();
        pace.note(ID, 5, 60_000, 40_000);
        pace.note(AuthRequestId([8; 32]), 5, 200_000, 90_000);
        assert_eq!(
            pace.0.lock().unwrap().last.len(),
            1,
            "V-034: memory is bounded by what is alive"
        );
        pace.forget(AuthRequestId([8; 32]));
        assert!(pace.0.lock().unwrap().last.is_empty());
    }
}
