//! The code that a person gives to a client, so that nobody without it makes their devices ring (CIBA Core sections 7.1 and 7.1.2).

use countersign_clock::Millis;
use countersign_protocol::Secret;
use unicode_normalization::UnicodeNormalization as _;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory as _};

const MIN_CHARS: usize = 4;
const MAX_CHARS: usize = 64;
/// More than so many bytes are not looked at.
const MAX_BYTES: usize = 1024;
/// The longest wait.
const LONGEST_WAIT: Millis = 24 * 60 * 60 * 1000;

/// A code as it is hashed: however it was typed, the same characters are the same code.
pub struct UserCode(Secret);

/// Why something is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code has 4 to 64 characters that can be seen")]
pub struct UserCodeMalformed;

impl UserCode {
    /// Takes 4 to 64 characters that can be seen, without spaces around them, in Unicode normalization form C.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(text: &str) -> Result<Self, UserCodeMalformed> {
        if text.len() > MAX_BYTES {
            return Err(UserCodeMalformed);
        }
        let code: String = text.trim().nfc().collect();
        let good = (MIN_CHARS..=MAX_CHARS).contains(&code.chars().count()) && code.chars().all(is_seen);
        let code = Secret::new(code);
        if good { Ok(Self(code)) } else { Err(UserCodeMalformed) }
    }

    /// The code itself.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.0
    }
}

fn is_seen(character: char) -> bool {
    match character.general_category_group() {
        GeneralCategoryGroup::Separator => character == ' ',
        GeneralCategoryGroup::Other => false,
        _ => true,
    }
}

/// How often a wrong code may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserCodeLimit {
    /// Tries in a row before the first wait, at least 1.
    pub tries: u32,
    /// That wait; each further try that is wrong doubles it, up to a day.
    pub first_wait: Millis,
}

/// Tries at the code of a person since it was last right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UserCodeTries {
    /// How many.
    pub taken: u32,
    /// No further one before then.
    pub wait_until: Millis,
}

impl UserCodeTries {
    /// One more, at `now`; none when it is not its time yet. It counts as wrong before anybody knows, so that many at once are no way around.
    #[must_use]
    pub fn take(self, limit: UserCodeLimit, now: Millis) -> Option<Self> {
        if now < self.wait_until {
            return None;
        }
        let taken = self.taken.saturating_add(1);
        let wait_until = match taken.checked_sub(limit.tries) {
            None => 0,
            Some(doublings) => {
                let factor = 1_i64 << doublings.min(20);
                now.saturating_add(limit.first_wait.saturating_mul(factor).min(LONGEST_WAIT))
            }
        };
        Some(Self { taken, wait_until })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Millis = 60_000;
    const LIMIT: UserCodeLimit = UserCodeLimit {
        tries: 5,
        first_wait: 15 * MINUTE,
    };

    fn parsed(text: &str) -> Option<String> {
        UserCode::parse(text).ok().map(|code| code.secret().expose().to_owned())
    }

    #[test]
    fn a_code_is_the_same_however_it_was_typed() {
        for (typed, code) in [
            ("4711", "4711"),
            (" 4711\n", "4711"),
            ("Zu\u{308}rich", "Z\u{fc}rich"),
            ("blue moon", "blue moon"),
            (&"x".repeat(64), &"x".repeat(64)),
            (&"\u{1f319}".repeat(4), &"\u{1f319}".repeat(4)),
        ] {
            assert_eq!(parsed(typed).as_deref(), Some(code), "R-113: {typed:?}");
        }
        let endless = "\u{1f319}".repeat(300);
        for bad in [
            "",
            "123",
            "    ",
            " 123 ",
            &"x".repeat(65),
            &endless,
            "47\u{200b}11",
            "47\t11",
            "47\u{a0}11",
            "47\u{2028}11",
            "47\u{202e}11",
            "47\u{0}11",
            "47\u{e000}11",
        ] {
            assert_eq!(parsed(bad), None, "R-113: {bad:?}");
        }
    }

    /// Proves R-112 and V-008: five tries, then a wait that doubles.
    #[test]
    fn guessing_gets_slower_and_slower() {
        let mut tries = UserCodeTries::default();
        for number in 1..=5 {
            tries = tries.take(LIMIT, 0).expect("R-112: the first five are free");
            assert_eq!(tries.taken, number);
        }
        for minutes in [15, 30, 60, 120, 240, 480, 960, 1440, 1440, 1440] {
            let until = tries.wait_until;
            assert_eq!(tries.take(LIMIT, until - 1), None, "R-112, V-008: before its time");
            tries = tries.take(LIMIT, until).expect("R-112: the wait ends");
            let wait = tries.wait_until - until;
            let doubled = (2 * minutes).min(1440);
            assert_eq!(wait, doubled * MINUTE, "R-112: after a wait of {minutes} minutes");
        }
    }

    #[test]
    fn no_number_of_tries_overflows() {
        let many = UserCodeTries {
            taken: u32::MAX,
            wait_until: 0,
        };
        let limit = UserCodeLimit {
            tries: 1,
            first_wait: Millis::MAX,
        };
        let taken = many.take(limit, 7).expect("its time has come");
        assert_eq!(taken.taken, u32::MAX);
        assert_eq!(taken.wait_until, 7 + LONGEST_WAIT, "R-112");
    }
}
