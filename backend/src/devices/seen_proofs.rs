use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use countersign_clock::Millis;
use countersign_jose::digest;

/// Proofs of one key that are remembered at once.
const MAX_PER_KEY: usize = 2_048;
/// Between two sweeps.
const SWEEP_MILLIS: Millis = 10_000;

/// What became of a proof's `jti`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It is new.
    First,
    /// It was used before.
    Again,
    /// Too many of this key are remembered to tell.
    Full,
}

/// Remembers the `jti` of DPoP proofs until their time is over (RFC 9449 section 11.1), in memory: the nonce of a run makes older ones worthless.
///
/// Only proofs of callers that are known otherwise come here, so the number of keys is the number of active devices.
#[derive(Default)]
pub struct SeenProofs {
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    by_key: HashMap<String, HashMap<[u8; 32], Millis>>,
    sweep_at: Millis,
}

impl SeenProofs {
    /// Notes the proof `jti` of the key `thumbprint`, which could be accepted until `until`.
    pub fn note(&self, thumbprint: &str, jti: &str, until: Millis, now: Millis) -> Seen {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= held.sweep_at {
            held.sweep_at = now + SWEEP_MILLIS;
            held.by_key.retain(|_, seen| {
                seen.retain(|_, until| *until > now);
                !seen.is_empty()
            });
        }
        let seen = held.by_key.entry(thumbprint.to_owned()).or_default();
        let id = digest::sha256(jti);
        if seen.get(&id).is_some_and(|until| *until > now) {
            return Seen::Again;
        }
        if seen.len() >= MAX_PER_KEY {
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
        for jti in 1..MAX_PER_KEY {
            assert_eq!(seen.note("a", &format!("x{jti}"), 1_000, 500), Seen::First);
        }
        assert_eq!(seen.note("a", "one more", 1_000, 500), Seen::Full);
        assert_eq!(
            seen.note("c", "1", 1_000, 500),
            Seen::First,
            "one key does not crowd out another"
        );
        assert_eq!(seen.note("a", "one more", 99_000, SWEEP_MILLIS), Seen::First);
        assert_eq!(seen.held.lock().unwrap().by_key.len(), 1, "what is over is forgotten");
    }
}
