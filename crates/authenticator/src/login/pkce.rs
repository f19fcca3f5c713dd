//! What one sign-in has that no other has: `state` and the PKCE verifier (RFC 7636).

use countersign_clock::Random;
use oauth2::{PkceCodeChallenge, PkceCodeVerifier};

use crate::dpop::fresh_secret;

/// The secrets of one attempt. They never leave the process, except `state` and the verifier's hash.
pub(crate) struct Attempt {
    pub(crate) state: String,
    verifier: String,
}

impl Attempt {
    pub(crate) fn new(random: &dyn Random) -> Self {
        Self {
            state: fresh_secret(random),
            verifier: fresh_secret(random),
        }
    }

    /// S256, never plain.
    pub(crate) fn challenge(&self) -> PkceCodeChallenge {
        PkceCodeChallenge::from_code_verifier_sha256(&self.verifier())
    }

    pub(crate) fn verifier(&self) -> PkceCodeVerifier {
        PkceCodeVerifier::new(self.verifier.clone())
    }
}

#[cfg(test)]
mod tests {
    use countersign_clock::SeededRandom;
    use countersign_jose::digest;

    use super::*;

    #[test]
    fn the_challenge_is_the_hash_of_the_verifier_and_nothing_repeats() {
        let random = SeededRandom::new(7);
        let (one, two) = (Attempt::new(&random), Attempt::new(&random));
        assert_eq!(
            one.challenge().as_str(),
            digest::sha256_b64(one.verifier().secret()),
            "R-272: S256"
        );
        assert_eq!(one.challenge().method().as_str(), "S256");
        assert!(one.state != two.state && one.verifier != two.verifier && one.state != one.verifier);
        assert_eq!(one.state.len(), 43, "256 bits");
    }
}
