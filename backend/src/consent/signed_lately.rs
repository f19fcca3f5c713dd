use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, PoisonError},
};

/// Digests that are remembered, about 2 MiB: at a thousand requests a second, those of the last quarter of a minute.
const REMEMBERED: usize = 16_384;

/// Digests of the request objects that this process has signed lately.
///
/// An object that comes back with a decision was mostly signed here a moment ago. Its digest says so as surely as its signature does, for a
/// hundredth of the work. One that is not here, because it is old, of another node or of nobody, is verified.
#[derive(Default)]
pub(super) struct SignedLately(Mutex<Digests>);

#[derive(Default)]
struct Digests {
    all: HashSet<[u8; 32]>,
    // Oldest first.
    order: VecDeque<[u8; 32]>,
}

impl SignedLately {
    /// Remembers the SHA-256 of an object that was just signed.
    pub(super) fn remember(&self, digest: [u8; 32]) {
        let mut digests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !digests.all.insert(digest) {
            return;
        }
        digests.order.push_back(digest);
        if digests.order.len() > REMEMBERED
            && let Some(oldest) = digests.order.pop_front()
        {
            digests.all.remove(&oldest);
        }
    }

    /// Whether the object with this SHA-256 was signed here.
    pub(super) fn knows(&self, digest: &[u8; 32]) -> bool {
        let digests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        digests.all.contains(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: usize) -> [u8; 32] {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_le_bytes());
        digest
    }

    #[test]
    fn only_what_was_signed_lately_is_known() {
        let signed = SignedLately::default();
        assert!(!signed.knows(&digest(0)));
        for number in 0..=REMEMBERED {
            signed.remember(digest(number));
            signed.remember(digest(number));
        }
        assert!(
            !signed.knows(&digest(0)),
            "memory is bounded, so the oldest is forgotten"
        );
        assert!(signed.knows(&digest(1)) && signed.knows(&digest(REMEMBERED)));
        assert!(!signed.knows(&digest(REMEMBERED + 1)));
    }
}
