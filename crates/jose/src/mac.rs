//! Secrets that both sides share: tokens with HMAC and SHA-2 (RFC 7518 section 3.2), for `client_secret_jwt` alone, and tags of messages.
//!
//! Nothing here takes a public key and nothing elsewhere takes a secret, and the names of the algorithms are of another type: a token
//! of one world is not even read by the functions of the other.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::compact::Parts;
use crate::provider::hmac;
use crate::{JoseError, Typ, b64, digest, verify};

/// An algorithm of message authentication, named as in the `alg` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MacAlgorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

impl MacAlgorithm {
    /// The JOSE name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    /// The least number of bytes of a secret: as many as the digest has (RFC 7518 section 3.2).
    #[must_use]
    pub const fn min_secret_len(self) -> usize {
        match self {
            Self::Hs256 => 32,
            Self::Hs384 => 48,
            Self::Hs512 => 64,
        }
    }

    fn function(self) -> hmac::Algorithm {
        match self {
            Self::Hs256 => hmac::HMAC_SHA256,
            Self::Hs384 => hmac::HMAC_SHA384,
            Self::Hs512 => hmac::HMAC_SHA512,
        }
    }
}

impl fmt::Display for MacAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for MacAlgorithm {
    type Err = JoseError;

    fn from_str(name: &str) -> Result<Self, JoseError> {
        Ok(match name {
            "HS256" => Self::Hs256,
            "HS384" => Self::Hs384,
            "HS512" => Self::Hs512,
            _ => return Err(JoseError::Algorithm),
        })
    }
}

/// What the caller is prepared to read; as [`crate::Expect`].
#[derive(Debug, Clone, Copy)]
pub struct ExpectMac<'a> {
    /// The type of token.
    pub typ: Typ<'a>,
    /// The algorithms that may have been used.
    pub algs: &'a [MacAlgorithm],
    /// The longest token, in bytes.
    pub max_len: usize,
}

/// A secret that both sides share.
pub struct MacKey(Zeroizing<Vec<u8>>);

impl MacKey {
    /// Takes the bytes of the secret; of a `client_secret` those of its UTF-8 (OpenID Connect Core section 10.1).
    #[must_use]
    pub fn new(secret: impl AsRef<[u8]>) -> Self {
        Self(Zeroizing::new(secret.as_ref().to_vec()))
    }

    /// Writes `claims` as a compact JWS with the header `{alg, typ}`.
    ///
    /// # Errors
    /// [`JoseError::KeyMismatch`] when the secret is too short for `alg`; [`JoseError::Claims`] when the claims do not make a JSON object.
    pub fn sign<C: Serialize>(&self, alg: MacAlgorithm, typ: &str, claims: &C) -> Result<String, JoseError> {
        let header = serde_json::json!({"alg": alg.as_str(), "typ": typ}).to_string();
        let payload = serde_json::to_vec(claims).map_err(|_| JoseError::Claims)?;
        if payload.first() != Some(&b'{') {
            return Err(JoseError::Claims);
        }
        let input = format!("{}.{}", b64::encode(header), b64::encode(payload));
        let tag = hmac::sign(&self.key(alg)?, input.as_bytes());
        Ok(format!("{input}.{}", b64::encode(tag)))
    }

    /// Verifies a token, in a time that does not depend on how wrong it is, and reads its claims.
    ///
    /// # Errors
    /// As [`crate::verify`] and [`crate::Verified::claims`]; [`JoseError::KeyMismatch`] when the secret is too short for the algorithm.
    pub fn verify<C: DeserializeOwned>(&self, token: &str, expect: &ExpectMac<'_>) -> Result<C, JoseError> {
        let (alg, parts) = read(token, expect)?;
        let payload = b64::decode(parts.payload)?;
        let tag = b64::decode(parts.signature)?;
        hmac::verify(&self.key(alg)?, parts.signing_input.as_bytes(), &tag).map_err(|_| JoseError::Signature)?;
        verify::claims(&payload)
    }

    /// The HMAC-SHA-256 of a message (RFC 2104), which may be anything but a token.
    #[must_use]
    pub fn tag(&self, message: &[u8]) -> [u8; 32] {
        digest::hmac_sha256(&self.0, message)
    }

    /// Whether `tag` is that of the message, in a time that does not depend on how wrong it is.
    #[must_use]
    pub fn is_tag(&self, tag: &[u8], message: &[u8]) -> bool {
        digest::equal(tag, &self.tag(message))
    }

    fn key(&self, alg: MacAlgorithm) -> Result<hmac::Key, JoseError> {
        if self.0.len() < alg.min_secret_len() {
            return Err(JoseError::KeyMismatch);
        }
        Ok(hmac::Key::new(alg.function(), &self.0))
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(..)")
    }
}

/// Reads the claims of a token that ANYONE may have written, only to choose whose secret to verify it with; as
/// [`crate::peek_claims_unverified`].
///
/// # Errors
/// Those of [`MacKey::verify`] except for secrets and tags.
pub fn peek_mac_claims_unverified<C: DeserializeOwned>(token: &str, expect: &ExpectMac<'_>) -> Result<C, JoseError> {
    let (_, parts) = read(token, expect)?;
    verify::claims(&b64::decode(parts.payload)?)
}

fn read<'t>(token: &'t str, expect: &ExpectMac<'_>) -> Result<(MacAlgorithm, Parts<'t>), JoseError> {
    let parts = Parts::split(token, expect.max_len)?;
    let alg: MacAlgorithm = parts.text("alg")?.ok_or(JoseError::Algorithm)?.parse()?;
    parts.kid()?;
    if parts.members.contains_key("jwk") {
        return Err(JoseError::ForbiddenHeader);
    }
    if !expect.algs.contains(&alg) {
        return Err(JoseError::Algorithm);
    }
    parts.is_typ(expect.typ)?;
    Ok((alg, parts))
}
