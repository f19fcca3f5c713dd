//! Writes tokens that the crate itself never would, but signs them correctly, so that only the rule under test refuses them.

use crate::{Algorithm, Expect, SigningKey, Typ, b64};

pub(super) const TYP: &str = "countersign-decision+jwt";

/// The algorithms that the provider at hand can generate keys for.
pub(super) const ALGORITHMS: &[Algorithm] = if cfg!(feature = "aws-lc") {
    &[
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::EdDsa,
        Algorithm::Es512,
        Algorithm::Ps256,
        Algorithm::Rs256,
    ]
} else {
    &[Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa]
};

/// What a reader of decisions signed with `algs` expects.
pub(super) const fn expecting(algs: &[Algorithm]) -> Expect<'_> {
    Expect {
        typ: Typ::Exactly(TYP),
        algs,
        max_len: 4096,
    }
}

/// Header and payload as they are, with the signature of `key` over them.
pub(super) fn signed(key: &SigningKey, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    signed_parts(key, &b64::encode(header), &b64::encode(payload))
}

/// Two parts that are taken as encoded already, with the signature of `key` over them.
pub(super) fn signed_parts(key: &SigningKey, header: &str, payload: &str) -> String {
    let input = format!("{header}.{payload}");
    let signature = b64::encode(key.sign_detached(input.as_bytes()).unwrap());
    format!("{input}.{signature}")
}

/// Header and payload with whatever is given for a signature.
pub(super) fn with_signature(header: &str, payload: &str, signature: impl AsRef<[u8]>) -> String {
    format!(
        "{}.{}.{}",
        b64::encode(header),
        b64::encode(payload),
        b64::encode(signature)
    )
}

/// Another spelling of the same bytes for lax readers, if the last character has bits that encode nothing.
pub(super) fn stray_low_bit(part: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (rest, last) = part.split_at(part.len() - 1);
    let value = ALPHABET
        .iter()
        .position(|letter| *letter == last.as_bytes()[0])
        .unwrap();
    format!("{rest}{}", char::from(ALPHABET[value ^ 1]))
}
