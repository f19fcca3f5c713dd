//! How fast clients may be registered: so many in an hour from one address, and with one invitation. In memory.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

use countersign_clock::Millis;

const HOUR: Millis = 60 * 60 * 1000;
/// Addresses and invitations remembered at most; beyond that, everybody waits.
const CAPACITY: usize = 100_000;

#[derive(PartialEq, Eq, Hash)]
enum Who {
    Peer(IpAddr),
    Invitation([u8; 32]),
}

struct Calls {
    since: Millis,
    count: u32,
}

/// Counts calls.
#[derive(Default)]
pub(in crate::op) struct Pace(Mutex<HashMap<Who, Calls>>);

impl Pace {
    /// Notes a call. Seconds to wait where there were `per_hour` already.
    pub(in crate::op) fn note(
        &self,
        peer: Option<IpAddr>,
        invitation: Option<[u8; 32]>,
        per_hour: u32,
        now: Millis,
    ) -> Option<u32> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let everybody = [peer.map(network).map(Who::Peer), invitation.map(Who::Invitation)];
        if all.len() + everybody.len() > CAPACITY {
            all.retain(|_, calls| now - calls.since < HOUR);
        }
        let mut wait = None;
        for who in everybody.into_iter().flatten() {
            if all.len() >= CAPACITY && !all.contains_key(&who) {
                return Some(seconds(HOUR));
            }
            let calls = all.entry(who).or_insert(Calls { since: now, count: 0 });
            if now - calls.since >= HOUR {
                *calls = Calls { since: now, count: 0 };
            }
            if calls.count >= per_hour {
                wait = wait.max(Some(seconds(calls.since + HOUR - now)));
            } else {
                calls.count += 1;
            }
        }
        wait
    }
}

/// Who has one IPv6 address has the 64 bits behind its network.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address @ IpAddr::V4(_) => address,
    }
}

fn seconds(millis: Millis) -> u32 {
    u32::try_from((millis + 999) / 1000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_and_an_invitation_have_so_many_calls_in_an_hour() {
        let pace = Pace::default();
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let other: IpAddr = "192.0.2.2".parse().unwrap();
        let note = |peer, invitation, now| pace.note(Some(peer), invitation, 2, now);
        assert_eq!(note(one, None, 0), None);
        assert_eq!(note(one, Some([7; 32]), 1_000), None);
        assert_eq!(note(one, None, 2_000), Some(3598), "the address has had its two");
        assert_eq!(
            note(other, Some([7; 32]), 3_000),
            None,
            "another address, the invitation's second"
        );
        assert_eq!(
            note("192.0.2.3".parse().unwrap(), Some([7; 32]), 4_000),
            Some(3597),
            "the invitation"
        );
        assert_eq!(note(one, None, HOUR), None, "after an hour it begins anew");
    }

    #[test]
    fn who_has_a_network_counts_as_one() {
        let pace = Pace::default();
        let note = |peer: &str| pace.note(Some(peer.parse().unwrap()), None, 1, 0);
        assert_eq!(note("2001:db8::1"), None);
        assert!(note("2001:db8::2").is_some(), "the same network");
        assert_eq!(note("2001:db8:0:1::2"), None, "another one");
        assert_eq!(note("::ffff:192.0.2.1"), None);
        assert!(note("192.0.2.1").is_some(), "the same address, written otherwise");
    }
}
