//! Values that nobody can guess, and what is kept of them.

use countersign_clock::Random;
use countersign_jose::{b64, digest};

use crate::domain::TokenHash;

/// 256 random bits in base64url.
pub(super) fn secret(random: &dyn Random) -> String {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    b64::encode(bytes)
}

/// What the store keeps of a secret.
pub(super) fn hash(secret: &str) -> TokenHash {
    TokenHash(digest::sha256(secret))
}

/// A number of `digits` decimal digits, leading zeros kept, each number equally likely.
pub(super) fn number(random: &dyn Random, digits: u32) -> String {
    let count = 10_u64.pow(digits);
    let limit = u64::MAX - u64::MAX % count;
    loop {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        let drawn = u64::from_le_bytes(bytes);
        if drawn < limit {
            let width = digits as usize;
            return format!("{:0width$}", drawn % count);
        }
    }
}

/// A random UUID (RFC 9562 section 5.4).
pub(super) fn uuid(random: &dyn Random) -> String {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    let value = u128::from_be_bytes(bytes) & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let digits = format!("{value:032x}");
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| digits.get(part).unwrap_or_default());
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use countersign_clock::SeededRandom;

    use super::*;

    #[test]
    fn numbers_keep_their_leading_zeros() {
        let random = SeededRandom::new(1);
        let numbers: Vec<String> = (0..2000).map(|_| number(&random, 3)).collect();
        assert!(
            numbers
                .iter()
                .all(|n| n.len() == 3 && n.bytes().all(|b| b.is_ascii_digit())),
            "S-004"
        );
        assert!(
            numbers.iter().any(|n| n.starts_with("00")),
            "S-004: leading zeros occur"
        );
    }

    #[test]
    fn a_uuid_says_that_it_is_random() {
        let random = SeededRandom::new(1);
        for _ in 0..100 {
            let id = uuid(&random);
            let lengths: Vec<usize> = id.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "R-212: {id}");
            assert_eq!(&id[14..15], "4", "R-212: {id}");
            assert!("89ab".contains(&id[19..20]), "R-212: {id}");
        }
    }

    #[test]
    fn a_secret_has_256_bits() {
        let random = SeededRandom::new(1);
        let (one, other) = (secret(&random), secret(&random));
        assert_eq!(b64::decode(&one).unwrap().len(), 32, "R-122, R-234");
        assert_ne!(one, other);
    }
}
