use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use countersign_clock::Millis;
use countersign_jose::digest;

/// Proofs of one owner that are remembered at once.
const MAX_PER_OWNER: usize = 2_048;
/// Between two sweeps.
const SWEEP_MILLIS: Millis = 10_000;

/// What became of a proof's `jti`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It is new.
    First,
    /// It was used before.
    Again,
    /// Too many of this owner are remembered to tell.
    Full,
}

/// Remembers the `jti` of DPoP proofs until their time is over (RFC 9449 section 11.1), in memory: the nonce of a run makes older ones worthless.
///
/// By owner: the key that made them, where only keys that are known otherwise come here, or somebody else of whom there are not too many.
#[derive(Default)]
pub struct SeenProofs {
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    by_owner: HashMap<String, HashMap<[u8; 32], Millis>>,
    sweep_at: Millis,
}

impl SeenProofs {
    /// Notes the proof `jti` of `owner`, which could be accepted until `until`.
    pub fn note(&self, owner: &str, jti: &str, until: Millis, now: Millis) -> Seen {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= held.sweep_at {
            held.sweep_at = now + SWEEP_MILLIS;
            held.by_owner.retain(|_, seen| {
                seen.retain(|_, until| *until > now);
                !seen.is_empty()
            });
        }
        let seen = held.by_owner.entry(owner.to_owned()).or_default();
        let id = digest::sha256(jti);
        if seen.get(&id).is_some_and(|until| *until > now) {
            return Seen::Again;
        }
        if seen.len() >= MAX_PER_OWNER {
            return Seen::Full;
        }
        seen.insert(id, until);
        Seen::First
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_new_once_and_memory_is_bounded_by_time_and_number() {
        let seen = SeenProofs::default();
        assert_eq!(seen.note("a", "1", 1_000, 0), Seen::First);
        assert_eq!(
            seen.note("a", "1", 1_000, 500),
            Seen::Again,
            "S-027: a jti is used once"
        );
        assert_eq!(seen.note("b", "1", 1_000, 500), Seen::First, "another key has its own");
        for jti in 1..MAX_PER_OWNER {
            assert_eq!(seen.note("a", &format!("x{jti}"), 1_000, 500), Seen::First);
        }
        assert_eq!(seen.note("a", "one more", 1_000, 500), Seen::Full);
        assert_eq!(
            seen.note("c", "1", 1_000, 500),
            Seen::First,
            "one key does not crowd out another"
        );
        assert_eq!(seen.note("a", "one more", 99_000, SWEEP_MILLIS), Seen::First);
        assert_eq!(seen.held.lock().unwrap().by_owner.len(), 1, "what is over is forgotten");
    }
}
