//! Digests, message authentication and key derivation: SHA-2 (FIPS 180-4), HMAC (RFC 2104), HKDF (RFC 5869).

use subtle::ConstantTimeEq;

use crate::provider::{digest, hmac};
use crate::{Algorithm, b64};

/// The SHA-256 digest of `data`.
#[must_use]
pub fn sha256(data: impl AsRef<[u8]>) -> [u8; 32] {
    first_32(digest::digest(&digest::SHA256, data.as_ref()).as_ref())
}

/// The SHA-256 digest of `data`, base64url: the form of `jkt`, `ath` and hashes of ids.
#[must_use]
pub fn sha256_b64(data: impl AsRef<[u8]>) -> String {
    b64::encode(sha256(data))
}

/// The SHA-256 digest of `data`, lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(data: impl AsRef<[u8]>) -> String {
    hex(&sha256(data))
}

fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or_default();
    let digits = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    digits.collect()
}

/// Whether two byte strings are equal, in a time that depends on their lengths only.
#[must_use]
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// The HMAC-SHA-256 of `data` under `key`.
#[must_use]
pub fn hmac_sha256(key: &[u8], data: &[u8]) -> [u8; 32] {
    first_32(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data).as_ref())
}

/// Derives a key for one purpose from `secret` with HKDF-SHA-256: no salt, `label` as the info. Another label gives an
/// unrelated key.
#[must_use]
pub fn derive_key(secret: &[u8], label: &str) -> [u8; 32] {
    // One block of output is HMAC(HMAC(zeros, secret), info || 0x01); written out because the providers' HKDF can fail.
    let pseudo_random_key = zeroize::Zeroizing::new(hmac_sha256(&[0; 32], secret));
    let mut info = label.as_bytes().to_vec();
    info.push(1);
    hmac_sha256(pseudo_random_key.as_slice(), &info)
}

/// The left half of the digest of `token` that belongs to `alg`, base64url: `at_hash` of an access token (OpenID Connect Core
/// section 3.1.3.6) and `urn:openid:params:jwt:claim:rt_hash` of a refresh token (CIBA Core section 10.3.1).
#[must_use]
pub fn token_hash(alg: Algorithm, token: &str) -> String {
    let function = match alg {
        Algorithm::Es256 | Algorithm::Ps256 | Algorithm::Rs256 => &digest::SHA256,
        Algorithm::Es384 | Algorithm::Ps384 | Algorithm::Rs384 => &digest::SHA384,
        // Ed25519 hashes with SHA-512.
        Algorithm::Es512 | Algorithm::Ps512 | Algorithm::Rs512 | Algorithm::EdDsa => &digest::SHA512,
    };
    let whole = digest::digest(function, token.as_bytes());
    let (left, _) = whole.as_ref().split_at(whole.as_ref().len() / 2);
    b64::encode(left)
}

fn first_32(bytes: &[u8]) -> [u8; 32] {
    let mut taken = [0; 32];
    for (to, from) in taken.iter_mut().zip(bytes) {
        *to = *from;
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha256_is_that_of_fips_180() {
        assert_eq!(
            sha256_hex("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(sha256_b64("abc"), "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
    }

    #[test]
    fn hmac_is_that_of_rfc_4231_case_2() {
        assert_eq!(
            hex(&hmac_sha256(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn derivation_is_that_of_rfc_5869_case_3() {
        assert_eq!(
            hex(&derive_key(&[0x0b; 22], "")),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
        );
        assert_ne!(
            derive_key(b"secret", "seal"),
            derive_key(b"secret", "cookie"),
            "labels separate keys"
        );
    }

    #[test]
    fn equality_minds_length_and_every_byte() {
        assert!(equal(b"", b""));
        assert!(equal(b"same", b"same"));
        assert!(!equal(b"same", b"sama"));
        assert!(!equal(b"same", b"sam"));
    }

    #[test]
    fn token_hash_is_that_of_openid_connect_core() {
        // The example of OpenID Connect Core appendix A.3: RS256, access token and at_hash.
        assert_eq!(
            token_hash(Algorithm::Rs256, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"),
            "77QmUPtjPfzWtF2AnpK9RQ"
        );
        assert_eq!(b64::decode(&token_hash(Algorithm::Es384, "t")).unwrap().len(), 24);
        assert_eq!(b64::decode(&token_hash(Algorithm::EdDsa, "t")).unwrap().len(), 32);
    }
}
