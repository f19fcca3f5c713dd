//! The PIN: which ones are taken, how long to wait after wrong ones.

use countersign_clock::Millis;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::AuthenticatorError;

/// Wrong PINs that cost no wait.
const FREE_TRIES: u32 = 5;
const FIRST_WAIT: Millis = 30_000;
const LONGEST_WAIT: Millis = 60 * 60 * 1000;

/// A PIN that is worth sealing a key with.
pub(crate) struct Pin(Zeroizing<String>);

impl Pin {
    /// Takes 6 to 12 digits that are not all the same and not a straight sequence.
    pub(crate) fn choose(text: &str) -> Result<Self, AuthenticatorError> {
        let digits = text.as_bytes();
        let shape = (6..=12).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
        let steps = |step: i16| {
            digits
                .iter()
                .zip(digits.iter().skip(1))
                .all(|(a, b)| i16::from(*b) - i16::from(*a) == step)
        };
        if !shape || [0, 1, -1].into_iter().any(steps) {
            return Err(AuthenticatorError::PinMalformed);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// Takes a PIN that is typed to open a key: whatever cannot be one is simply wrong.
    pub(crate) fn typed(text: &str) -> Result<Self, AuthenticatorError> {
        Self::choose(text).map_err(|_| AuthenticatorError::WrongPin)
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

/// Wrong PINs since the last right one. Kept in the key store, so that a restart does not forgive them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tries {
    wrong: u32,
    last_at: Millis,
}

impl Tries {
    /// When the next try is possible, if not now.
    pub(crate) fn wait_until(self, now: Millis) -> Option<Millis> {
        let until = self.last_at.saturating_add(self.wait());
        (until > now && self.wait() > 0).then_some(until)
    }

    /// The same after a look at the clock: one that was set back neither shortens the wait nor makes it years, it starts again.
    pub(crate) fn at(self, now: Millis) -> Self {
        Self {
            last_at: self.last_at.min(now),
            ..self
        }
    }

    /// Counts a try before it is made: whoever kills the app while the PIN is checked gains nothing.
    pub(crate) fn counted(self, now: Millis) -> Self {
        Self {
            wrong: self.wrong.saturating_add(1),
            last_at: now,
        }
    }

    fn wait(self) -> Millis {
        match self.wrong.checked_sub(FREE_TRIES) {
            None => 0,
            Some(over) => FIRST_WAIT.saturating_mul(1 << over.min(16)).min(LONGEST_WAIT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_six_to_twelve_digits_and_not_one_that_everybody_tries() {
        for good in ["135790", "112233", "000001", "123457", "987653", "123456789013"] {
            assert!(Pin::choose(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "12345",
            "1234567890123",
            "13579a",
            "١٣٥٧٩٠",
            "000000",
            "999999999",
            "123456",
            "654321",
            "456789",
        ] {
            assert!(
                matches!(Pin::choose(bad), Err(AuthenticatorError::PinMalformed)),
                "{bad}"
            );
        }
    }

    #[test]
    fn five_wrong_pins_are_free_then_the_wait_doubles_up_to_an_hour() {
        let mut tries = Tries::default();
        for _ in 0..4 {
            tries = tries.counted(1_000);
            assert_eq!(tries.wait_until(1_000), None);
        }
        let waits: Vec<Millis> = (0..9)
            .map(|_| {
                tries = tries.counted(1_000);
                tries.wait_until(1_000).unwrap() - 1_000
            })
            .collect();
        assert_eq!(
            waits,
            [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600].map(|seconds| seconds * 1_000)
        );
        assert_eq!(
            tries.wait_until(1_000 + LONGEST_WAIT),
            None,
            "after the wait it can be tried"
        );
        let set_back = tries.at(0);
        assert_eq!(
            set_back.wait_until(0),
            Some(LONGEST_WAIT),
            "a clock set back starts the wait again"
        );
        assert_eq!(set_back.wait_until(LONGEST_WAIT), None, "and that wait ends");
    }
}
