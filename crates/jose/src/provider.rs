//! Everything in which the two providers differ, and the table from algorithms to their implementations.

#[cfg(feature = "aws-lc")]
pub(crate) use aws_lc_rs::{aead, digest, hmac, rand, signature};
#[cfg(all(feature = "ring", not(feature = "aws-lc")))]
pub(crate) use ring::{aead, digest, hmac, rand, signature};

use crate::jwk_members::{Curve, Material};
use crate::{Algorithm, JoseError};
use signature::{
    EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, RsaEncoding, RsaKeyPair, RsaParameters,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use zeroize::Zeroizing;

/// How the provider does one algorithm.
pub(crate) enum Method {
    Ecdsa {
        curve: Curve,
        sign: &'static EcdsaSigningAlgorithm,
        verify: &'static EcdsaVerificationAlgorithm,
    },
    Rsa {
        sign: &'static dyn RsaEncoding,
        verify: &'static RsaParameters,
    },
    Ed25519,
}

#[cfg(feature = "aws-lc")]
const P521: Option<Method> = Some(Method::Ecdsa {
    curve: Curve::P521,
    sign: &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
    verify: &signature::ECDSA_P521_SHA512_FIXED,
});

/// ring has no P-521.
#[cfg(not(feature = "aws-lc"))]
const P521: Option<Method> = None;

impl Method {
    /// # Errors
    /// [`JoseError::Algorithm`] when the provider does not do it: ES512 with ring.
    pub(crate) fn of(algorithm: Algorithm) -> Result<Self, JoseError> {
        Ok(match algorithm {
            Algorithm::Es256 => Self::Ecdsa {
                curve: Curve::P256,
                sign: &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
                verify: &signature::ECDSA_P256_SHA256_FIXED,
            },
            Algorithm::Es384 => Self::Ecdsa {
                curve: Curve::P384,
                sign: &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
                verify: &signature::ECDSA_P384_SHA384_FIXED,
            },
            Algorithm::Es512 => P521.ok_or(JoseError::Algorithm)?,
            Algorithm::Ps256 => Self::Rsa {
                sign: &signature::RSA_PSS_SHA256,
                verify: &signature::RSA_PSS_2048_8192_SHA256,
            },
            Algorithm::Ps384 => Self::Rsa {
                sign: &signature::RSA_PSS_SHA384,
                verify: &signature::RSA_PSS_2048_8192_SHA384,
            },
            Algorithm::Ps512 => Self::Rsa {
                sign: &signature::RSA_PSS_SHA512,
                verify: &signature::RSA_PSS_2048_8192_SHA512,
            },
            Algorithm::Rs256 => Self::Rsa {
                sign: &signature::RSA_PKCS1_SHA256,
                verify: &signature::RSA_PKCS1_2048_8192_SHA256,
            },
            Algorithm::Rs384 => Self::Rsa {
                sign: &signature::RSA_PKCS1_SHA384,
                verify: &signature::RSA_PKCS1_2048_8192_SHA384,
            },
            Algorithm::Rs512 => Self::Rsa {
                sign: &signature::RSA_PKCS1_SHA512,
                verify: &signature::RSA_PKCS1_2048_8192_SHA512,
            },
            Algorithm::EdDsa => Self::Ed25519,
        })
    }
}

/// Verifies the signature of `message`. ECDSA signatures are r and s at full length (RFC 7518 section 3.4).
pub(crate) fn verify(alg: Algorithm, key: &Material, message: &[u8], sig: &[u8]) -> Result<(), JoseError> {
    if !key.fits(alg) {
        return Err(JoseError::KeyMismatch);
    }
    let verdict = match (Method::of(alg)?, key) {
        (Method::Ecdsa { verify, .. }, Material::Ec { point, .. }) => {
            UnparsedPublicKey::new(verify, point).verify(message, sig)
        }
        (Method::Rsa { verify, .. }, Material::Rsa { n, e }) => {
            RsaPublicKeyComponents { n, e }.verify(verify, message, sig)
        }
        (Method::Ed25519, Material::Ed25519 { x }) => {
            UnparsedPublicKey::new(&signature::ED25519, x).verify(message, sig)
        }
        _ => return Err(JoseError::KeyMismatch),
    };
    verdict.map_err(|_| JoseError::Signature)
}

#[cfg(feature = "aws-lc")]
pub(crate) fn ecdsa_from_pkcs8(method: &'static EcdsaSigningAlgorithm, der: &[u8]) -> Result<EcdsaKeyPair, JoseError> {
    EcdsaKeyPair::from_pkcs8(method, der).map_err(|_| JoseError::SigningKey)
}

#[cfg(not(feature = "aws-lc"))]
pub(crate) fn ecdsa_from_pkcs8(method: &'static EcdsaSigningAlgorithm, der: &[u8]) -> Result<EcdsaKeyPair, JoseError> {
    EcdsaKeyPair::from_pkcs8(method, der, &rand::SystemRandom::new()).map_err(|_| JoseError::SigningKey)
}

/// A new RSA key of 2048 bits as PKCS#8.
#[cfg(feature = "aws-lc")]
pub(crate) fn generate_rsa() -> Result<Zeroizing<Vec<u8>>, JoseError> {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};

    let pair = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).map_err(|_| JoseError::SigningKey)?;
    let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| JoseError::SigningKey)?;
    Ok(Zeroizing::new(der.as_ref().to_vec()))
}

/// ring makes no RSA keys.
#[cfg(not(feature = "aws-lc"))]
pub(crate) fn generate_rsa() -> Result<Zeroizing<Vec<u8>>, JoseError> {
    Err(JoseError::Algorithm)
}

/// Modulus and exponent of an RSA key. Both providers show it as `RSAPublicKey` (RFC 8017 appendix A.1.1).
pub(crate) fn rsa_public(pair: &RsaKeyPair) -> Result<(Vec<u8>, Vec<u8>), JoseError> {
    use signature::KeyPair;

    let (sequence, rest) = der_value(0x30, pair.public_key().as_ref()).ok_or(JoseError::Key)?;
    let (n, after_n) = der_value(0x02, sequence).ok_or(JoseError::Key)?;
    let (e, after_e) = der_value(0x02, after_n).ok_or(JoseError::Key)?;
    if !rest.is_empty() || !after_e.is_empty() {
        return Err(JoseError::Key);
    }
    // DER integers are signed: a leading zero keeps them positive.
    let unsigned = |integer: &[u8]| integer.strip_prefix(&[0]).unwrap_or(integer).to_vec();
    Ok((unsigned(n), unsigned(e)))
}

/// The content of one DER element with `tag`, and what follows it.
fn der_value(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[found, short], rest) = der.split_first_chunk()?;
    if found != tag {
        return None;
    }
    let (len, rest) = if short < 0x80 {
        (usize::from(short), rest)
    } else {
        let (digits, rest) = rest
            .split_at_checked(usize::from(short & 0x7f))
            .filter(|(digits, _)| digits.len() <= 2)?;
        (digits.iter().fold(0, |len, digit| len << 8 | usize::from(*digit)), rest)
    };
    rest.split_at_checked(len)
}
