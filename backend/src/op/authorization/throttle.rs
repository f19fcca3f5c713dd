//! Guessing passwords gets slower: per name, and per address it is tried from. In memory, and the same for names that do not exist.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

use countersign_clock::Millis;

/// The longest wait.
const MAX_WAIT: Millis = 15 * 60 * 1000;
/// After this time without an attempt all is forgotten.
const FORGET_AFTER: Millis = 60 * 60 * 1000;
/// Names and addresses remembered at most.
const CAPACITY: usize = 100_000;
const SWEEP_EVERY: Millis = 60_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::op) enum Verdict {
    /// Try. Comes back with [`Throttle::succeeded`].
    Go(Ticket),
    /// Not yet; so many seconds.
    Wait(u32),
}

/// How many attempts the address had made, this one included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::op) struct Ticket(u32);

#[derive(PartialEq, Eq, Hash)]
enum Who {
    Name(String),
    Peer(IpAddr),
}

#[derive(Clone, Copy, Default)]
struct Failures {
    in_a_row: u32,
    last: Millis,
    wait_until: Millis,
}

pub(in crate::op) struct Throttle {
    after: u32,
    first_wait: Millis,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failures: HashMap<Who, Failures>,
    swept_at: Millis,
}

impl Throttle {
    /// Waits begin after so many failures in a row, with so many seconds, and double.
    pub(in crate::op) fn new(after: u32, first_wait_seconds: u32) -> Self {
        Self {
            after,
            first_wait: Millis::from(first_wait_seconds) * 1000,
            state: Mutex::default(),
        }
    }

    /// Counts an attempt as failed until [`Throttle::succeeded`] says otherwise, so that many at once are no way around.
    pub(in crate::op) fn attempt(&self, name: &str, peer: Option<IpAddr>, now: Millis) -> Verdict {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if now - state.swept_at >= SWEEP_EVERY || state.failures.len() >= CAPACITY {
            state.swept_at = now;
            state.failures.retain(|_, failures| now - failures.last < FORGET_AFTER);
        }
        let everybody = who(name, peer);
        let until = everybody
            .iter()
            .filter_map(|who| state.failures.get(who))
            .map(|failures| failures.wait_until)
            .max()
            .unwrap_or_default();
        if until > now {
            return Verdict::Wait(u32::try_from((until - now + 999) / 1000).unwrap_or(u32::MAX));
        }
        let mut ticket = Ticket(0);
        for who in everybody {
            if state.failures.len() >= CAPACITY && !state.failures.contains_key(&who) {
                continue;
            }
            let of_peer = matches!(who, Who::Peer(_));
            let failures = state.failures.entry(who).or_default();
            failures.in_a_row = failures.in_a_row.saturating_add(1);
            if of_peer {
                ticket = Ticket(failures.in_a_row);
            }
            failures.last = now;
            if failures.in_a_row >= self.after {
                let doublings = (failures.in_a_row - self.after).min(20);
                failures.wait_until = now + (self.first_wait << doublings).min(MAX_WAIT);
            }
        }
        Verdict::Go(ticket)
    }

    /// The attempt was right: the name starts again; of the address only this attempt is forgotten, or one good account would pay for
    /// guesses at all others. A wait stays when somebody else at the address has tried meanwhile.
    pub(in crate::op) fn succeeded(&self, name: &str, peer: Option<IpAddr>, ticket: Ticket) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for who in who(name, peer) {
            match who {
                Who::Name(_) => {
                    state.failures.remove(&who);
                }
                Who::Peer(_) => {
                    if let Some(failures) = state.failures.get_mut(&who) {
                        if failures.in_a_row == ticket.0 {
                            failures.wait_until = 0;
                        }
                        failures.in_a_row = failures.in_a_row.saturating_sub(1);
                    }
                }
            }
        }
    }
}

/// A network of IPv6 has more addresses than anybody can count, so it counts as one.
fn who(name: &str, peer: Option<IpAddr>) -> Vec<Who> {
    let name: String = name.chars().take(256).collect();
    let peer = peer.map(|peer| match peer.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address @ IpAddr::V4(_) => address,
    });
    std::iter::once(Who::Name(name)).chain(peer.map(Who::Peer)).collect()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const PEER: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
    const OTHER_PEER: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)));

    #[track_caller]
    fn goes(throttle: &Throttle, name: &str, peer: Option<IpAddr>, now: Millis) -> Ticket {
        match throttle.attempt(name, peer, now) {
            Verdict::Go(ticket) => ticket,
            Verdict::Wait(seconds) => panic!("{name} has to wait {seconds} s"),
        }
    }

    #[test]
    fn waits_begin_after_some_failures_and_double() {
        let throttle = Throttle::new(3, 30);
        for _ in 0..3 {
            goes(&throttle, "anna", None, 0);
        }
        assert_eq!(throttle.attempt("anna", None, 1), Verdict::Wait(30));
        goes(&throttle, "anna", None, 30_000);
        assert_eq!(throttle.attempt("anna", None, 30_000), Verdict::Wait(60));
        goes(&throttle, "ben", None, 30_000);
        let ticket = goes(&throttle, "anna", None, 90_000);
        throttle.succeeded("anna", None, ticket);
        goes(&throttle, "anna", None, 90_000);
    }

    #[test]
    fn one_address_cannot_try_one_password_for_everybody() {
        let throttle = Throttle::new(3, 30);
        for name in ["anna", "ben", "carl"] {
            goes(&throttle, name, PEER, 0);
        }
        assert_eq!(throttle.attempt("dora", PEER, 1), Verdict::Wait(30));
        goes(&throttle, "dora", OTHER_PEER, 1);
    }

    #[test]
    fn a_good_account_does_not_pay_for_guesses_at_others() {
        let throttle = Throttle::new(3, 30);
        for name in ["anna", "ben"] {
            goes(&throttle, name, PEER, 0);
        }
        let ticket = goes(&throttle, "mallory", PEER, 0);
        throttle.succeeded("mallory", PEER, ticket);
        let ticket = goes(&throttle, "mallory", PEER, 0);
        throttle.succeeded("mallory", PEER, ticket);
        goes(&throttle, "carl", PEER, 0);
        assert_eq!(throttle.attempt("dora", PEER, 0), Verdict::Wait(30));
    }

    #[test]
    fn a_good_account_does_not_end_the_wait_that_a_guess_beside_it_began() {
        let throttle = Throttle::new(3, 30);
        goes(&throttle, "anna", PEER, 0);
        let ticket = goes(&throttle, "mallory", PEER, 0);
        goes(&throttle, "ben", PEER, 0);
        throttle.succeeded("mallory", PEER, ticket);
        assert_eq!(throttle.attempt("carl", PEER, 0), Verdict::Wait(30));
    }
}
