//! Private keys and the tokens they sign.

use std::fmt;

use serde::Serialize;
use zeroize::Zeroizing;

use crate::jwk_members::Material;
use crate::provider::rand::SystemRandom;
use crate::provider::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaEncoding, RsaKeyPair};
use crate::provider::{self, Method};
use crate::{Algorithm, JoseError, Jwk, b64};

/// A private key that signs with one algorithm. Its `kid` is the thumbprint of its public half.
pub struct SigningKey {
    algorithm: Algorithm,
    pair: Pair,
    pkcs8: Zeroizing<Vec<u8>>,
    public: Jwk,
    kid: String,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Rsa {
        pair: RsaKeyPair,
        method: &'static dyn RsaEncoding,
        signature_len: usize,
    },
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// Makes a new key; RSA keys have 2048 bits.
    ///
    /// # Errors
    /// [`JoseError::Algorithm`] for RSA and ES512 where ring is the provider; [`JoseError::SigningKey`] when the provider's
    /// generator fails.
    pub fn generate(alg: Algorithm) -> Result<Self, JoseError> {
        let random = SystemRandom::new();
        let pkcs8 = match Method::of(alg)? {
            Method::Ecdsa { sign, .. } => document(EcdsaKeyPair::generate_pkcs8(sign, &random))?,
            Method::Rsa { .. } => provider::generate_rsa()?,
            Method::Ed25519 => document(Ed25519KeyPair::generate_pkcs8(&random))?,
        };
        Self::from_pkcs8(alg, &pkcs8)
    }

    /// Reads a private key in PKCS#8 (RFC 5208, RFC 8410), to sign with `alg`.
    ///
    /// # Errors
    /// [`JoseError::SigningKey`] when it is not a key of that kind; [`JoseError::Key`] when an RSA key has not 2048 to 4096
    /// bits; [`JoseError::Algorithm`] when the provider does not do `alg`.
    pub fn from_pkcs8(alg: Algorithm, der: &[u8]) -> Result<Self, JoseError> {
        let (pair, material) = match Method::of(alg)? {
            Method::Ecdsa { curve, sign, .. } => {
                let pair = provider::ecdsa_from_pkcs8(sign, der)?;
                let material = Material::ec(curve, pair.public_key().as_ref())?;
                (Pair::Ecdsa(pair), material)
            }
            Method::Rsa { sign, .. } => {
                let pair = RsaKeyPair::from_pkcs8(der).map_err(|_| JoseError::SigningKey)?;
                let (n, e) = provider::rsa_public(&pair)?;
                let signature_len = n.len();
                (
                    Pair::Rsa {
                        pair,
                        method: sign,
                        signature_len,
                    },
                    Material::rsa(n, e)?,
                )
            }
            Method::Ed25519 => {
                // The older of the two forms has no public key to compare with; other tools still write it.
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| JoseError::SigningKey)?;
                let material = Material::ed25519(pair.public_key().as_ref())?;
                (Pair::Ed25519(pair), material)
            }
        };
        let public = Jwk::bare(material);
        let kid = public.thumbprint();
        Ok(Self {
            algorithm: alg,
            pair,
            pkcs8: Zeroizing::new(der.to_vec()),
            public,
            kid,
        })
    }

    /// The private key in PKCS#8, for a secret store. The buffer is wiped when the key is dropped; wipe copies too.
    #[must_use]
    pub fn to_pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The algorithm it signs with.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public half, with `kid`, `alg` and `use: sig`.
    #[must_use]
    pub fn public_jwk(&self) -> Jwk {
        self.public
            .clone()
            .with_kid(self.kid.clone())
            .with_alg(self.algorithm)
            .with_use("sig")
    }

    /// The name of the key: the RFC 7638 thumbprint of its public half.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Signs `claims` as a compact JWS with the header `{alg, typ, kid}`.
    ///
    /// # Errors
    /// [`JoseError::Claims`] when they do not make a JSON object; [`JoseError::SigningKey`] when the provider fails.
    pub fn sign<C: Serialize>(&self, typ: &str, claims: &C) -> Result<String, JoseError> {
        self.compact(
            &OwnHeader {
                alg: self.algorithm,
                typ,
                kid: Some(&self.kid),
                jwk: None,
            },
            claims,
        )
    }

    /// Signs `claims` as a compact JWS with the header `{alg, typ, jwk}`, as DPoP proofs are (RFC 9449 section 4.2).
    ///
    /// # Errors
    /// As [`SigningKey::sign`].
    pub fn sign_with_jwk<C: Serialize>(&self, typ: &str, claims: &C) -> Result<String, JoseError> {
        self.compact(
            &OwnHeader {
                alg: self.algorithm,
                typ,
                kid: None,
                jwk: Some(&self.public),
            },
            claims,
        )
    }

    fn compact<C: Serialize>(&self, header: &OwnHeader<'_>, claims: &C) -> Result<String, JoseError> {
        let header = serde_json::to_vec(header).map_err(|_| JoseError::Malformed)?;
        let payload = serde_json::to_vec(claims).map_err(|_| JoseError::Claims)?;
        if payload.first() != Some(&b'{') {
            return Err(JoseError::Claims);
        }
        let mut token = b64::encode(header);
        token.push('.');
        token.push_str(&b64::encode(payload));
        let signature = self.sign_detached(token.as_bytes())?;
        token.push('.');
        token.push_str(&b64::encode(signature));
        Ok(token)
    }

    pub(crate) fn sign_detached(&self, message: &[u8]) -> Result<Vec<u8>, JoseError> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ecdsa(pair) => {
                let signature = pair.sign(&random, message).map_err(|_| JoseError::SigningKey)?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::Rsa {
                pair,
                method,
                signature_len,
            } => {
                let mut signature = vec![0; *signature_len];
                pair.sign(*method, &random, message, &mut signature)
                    .map_err(|_| JoseError::SigningKey)?;
                Ok(signature)
            }
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("alg", &self.algorithm)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct OwnHeader<'a> {
    alg: Algorithm,
    typ: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwk: Option<&'a Jwk>,
}

fn document<D: AsRef<[u8]>, E>(generated: Result<D, E>) -> Result<Zeroizing<Vec<u8>>, JoseError> {
    generated
        .map(|document| Zeroizing::new(document.as_ref().to_vec()))
        .map_err(|_| JoseError::SigningKey)
}
