use countersign_clock::{Millis, Random};
use countersign_jose::{b64, digest};

/// How long a nonce is the current one. It is accepted for one window more.
const WINDOW_MILLIS: Millis = 5 * 60 * 1000;

/// The server nonces of DPoP proofs (RFC 9449 section 8): derived from the time and a secret, so that nothing is stored.
///
/// The secret of an only node is one of its run: a proof from before the last start is worthless. That of several nodes is one of them all:
/// what one tells the others accept, and what was used is kept where all see it.
pub struct Nonces {
    secret: [u8; 32],
}

impl Nonces {
    /// Takes a fresh secret.
    #[must_use]
    pub fn new(random: &dyn Random) -> Self {
        let mut secret = [0; 32];
        random.fill(&mut secret);
        Self { secret }
    }

    /// Takes the secret that all nodes have.
    #[must_use]
    pub fn shared(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    /// The nonce to tell at `now`.
    #[must_use]
    pub fn current(&self, now: Millis) -> String {
        self.of_window(now.div_euclid(WINDOW_MILLIS))
    }

    /// Whether `nonce` is the one of this window or of the one before.
    #[must_use]
    pub fn accepts(&self, nonce: &str, now: Millis) -> bool {
        let window = now.div_euclid(WINDOW_MILLIS);
        [window, window.saturating_sub(1)]
            .iter()
            .any(|&window| digest::equal(self.of_window(window).as_bytes(), nonce.as_bytes()))
    }

    fn of_window(&self, window: i64) -> String {
        b64::encode(digest::hmac_sha256(&self.secret, &window.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use countersign_clock::SeededRandom;

    use super::*;

    #[test]
    fn a_nonce_lives_for_two_windows_of_one_run() {
        let nonces = Nonces::new(&SeededRandom::new(1));
        let told = nonces.current(1_000);
        assert!(nonces.accepts(&told, 1_000 + WINDOW_MILLIS));
        assert!(!nonces.accepts(&told, 1_000 + 2 * WINDOW_MILLIS));
        assert!(!nonces.accepts("", 1_000));
        let restarted = Nonces::new(&SeededRandom::new(2));
        assert!(
            !restarted.accepts(&told, 1_000),
            "S-027: a nonce does not outlive the run"
        );
        let (here, there) = (Nonces::shared([7; 32]), Nonces::shared([7; 32]));
        assert!(
            there.accepts(&here.current(1_000), 1_000),
            "what one node tells the others accept"
        );
    }
}
