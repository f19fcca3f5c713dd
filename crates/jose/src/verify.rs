//! Verification: whose signature it is, over which token.

use serde::de::DeserializeOwned;

use crate::compact::{Compact, EmbeddedKey};
use crate::{Expect, Header, JoseError, Jwk, JwkSet, provider, unique};

/// A token without a `kid` is tried against this many keys at most, so that a large set is no lever for load.
const MAX_KEYS_TRIED: usize = 8;

/// A token whose signature was found good. Nothing is said yet about its claims.
#[derive(Debug, Clone)]
pub struct Verified {
    header: Header,
    payload: Vec<u8>,
}

impl Verified {
    /// The protected header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Reads the claims into the shape that the purpose asks for.
    ///
    /// # Errors
    /// [`JoseError::DuplicateMember`] when an object at any depth repeats a member; [`JoseError::Claims`] when the payload is
    /// not a JSON object of that shape.
    pub fn claims<C: DeserializeOwned>(&self) -> Result<C, JoseError> {
        claims(&self.payload)
    }

    /// The payload as signed.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }
}

/// Reads the header with all its checks but verifies nothing: to find out whose token it claims to be.
///
/// # Errors
/// Those of [`verify`] except for keys and signatures.
pub fn peek_header(token: &str, expect: &Expect<'_>) -> Result<Header, JoseError> {
    Ok(Compact::parse(token, expect, EmbeddedKey::Forbidden)?.header)
}

/// Reads the claims of a token that ANYONE may have written, only to choose whose key to verify it with, such as by the `iss`
/// of a client assertion. Take nothing else from it; after [`verify`], read the claims again from [`Verified`].
///
/// # Errors
/// Those of [`peek_header`] and [`Verified::claims`].
pub fn peek_claims_unverified<C: DeserializeOwned>(token: &str, expect: &Expect<'_>) -> Result<C, JoseError> {
    claims(&Compact::parse(token, expect, EmbeddedKey::Forbidden)?.payload)
}

/// Verifies a token with a key that the caller already trusts for it.
///
/// # Errors
/// The reason of the strict reading ([`JoseError::TooLong`], [`JoseError::Malformed`], [`JoseError::DuplicateMember`],
/// [`JoseError::Critical`], [`JoseError::ForbiddenHeader`], [`JoseError::Algorithm`], [`JoseError::Typ`]);
/// [`JoseError::KeyMismatch`] when the key is for another algorithm or use, or token and key have different `kid`s;
/// [`JoseError::Signature`].
pub fn verify(token: &str, expect: &Expect<'_>, key: &Jwk) -> Result<Verified, JoseError> {
    let compact = Compact::parse(token, expect, EmbeddedKey::Forbidden)?;
    if let (Some(asked), Some(own)) = (compact.header.kid.as_deref(), key.kid())
        && asked != own
    {
        return Err(JoseError::KeyMismatch);
    }
    check(&compact, key)?;
    Ok(Verified::from(compact))
}

/// Verifies a token with one of the keys that the caller trusts for it: those of its `kid`, or when it has none, each that fits
/// its algorithm (the first 8).
///
/// # Errors
/// As [`verify`]; [`JoseError::KeyMismatch`] when the set has no key for the token.
pub fn verify_with_set(token: &str, expect: &Expect<'_>, keys: &JwkSet) -> Result<Verified, JoseError> {
    let compact = Compact::parse(token, expect, EmbeddedKey::Forbidden)?;
    let mut verdict = Err(JoseError::KeyMismatch);
    for key in keys
        .find(compact.header.kid.as_deref(), compact.header.alg)
        .take(MAX_KEYS_TRIED)
    {
        verdict = check(&compact, key);
        if verdict.is_ok() {
            break;
        }
    }
    verdict.map(|()| Verified::from(compact))
}

/// Verifies a token with the key in its own header: for DPoP proofs only (RFC 9449 section 4.2). It proves that the sender has
/// that key, not who the sender is; `header().jwk` is always present.
///
/// # Errors
/// As [`verify`]; [`JoseError::KeyMismatch`] when there is no `jwk`, [`JoseError::SecretKey`] or [`JoseError::Key`] when it is
/// not a public key that we use.
pub fn verify_embedded(token: &str, expect: &Expect<'_>) -> Result<Verified, JoseError> {
    let compact = Compact::parse(token, expect, EmbeddedKey::Required)?;
    let key = compact.header.jwk.as_ref().ok_or(JoseError::KeyMismatch)?;
    check(&compact, key)?;
    Ok(Verified::from(compact))
}

fn check(compact: &Compact<'_>, key: &Jwk) -> Result<(), JoseError> {
    let alg = compact.header.alg;
    if !key.fits(alg) {
        return Err(JoseError::KeyMismatch);
    }
    provider::verify(alg, &key.material, compact.signing_input.as_bytes(), &compact.signature)
}

pub(crate) fn claims<C: DeserializeOwned>(payload: &[u8]) -> Result<C, JoseError> {
    unique::object(payload).map_err(|error| match error {
        JoseError::DuplicateMember => error,
        _ => JoseError::Claims,
    })?;
    serde_json::from_slice(payload).map_err(|_| JoseError::Claims)
}

impl From<Compact<'_>> for Verified {
    fn from(compact: Compact<'_>) -> Self {
        Self {
            header: compact.header,
            payload: compact.payload,
        }
    }
}
