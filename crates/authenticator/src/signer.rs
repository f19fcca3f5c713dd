//! Who signs for the device: a key in software here, secure hardware where a platform offers it.

use async_trait::async_trait;
use countersign_jose::{Algorithm, JoseError, Jwk, SigningKey};
use countersign_protocol::{KeyLevel, PublicJwk};
use serde_json::Value;
use thiserror::Error;

/// Why a signature was not made.
#[derive(Debug, Error)]
pub enum SignerError {
    /// The key in software could not sign.
    #[error("sign with a key in software")]
    Software(#[from] JoseError),
    /// The platform's key could not sign, or the person did not unlock it.
    #[error("sign with a key of the platform")]
    Platform(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A P-256 key that signs and never shows itself.
#[async_trait]
pub trait Signer: Send + Sync {
    /// Signs claims as a compact JWS with header `{alg, typ, kid}`.
    async fn sign(&self, typ: &str, claims: &Value) -> Result<String, SignerError>;
    /// Signs claims as a compact JWS with header `{alg, typ, jwk}`, as a DPoP proof wants it (RFC 9449 section 4.2).
    async fn sign_with_jwk(&self, typ: &str, claims: &Value) -> Result<String, SignerError>;
    /// The public half.
    fn public_jwk(&self) -> Jwk;
    /// RFC 7638 SHA-256 thumbprint of the public half.
    fn kid(&self) -> &str;
    /// Where the key really is.
    fn level(&self) -> KeyLevel;
}

/// A key in the memory of this process while it is used.
#[derive(Debug)]
pub struct SoftwareSigner(SigningKey);

impl SoftwareSigner {
    /// Makes a new P-256 key.
    ///
    /// # Errors
    /// When the generator fails.
    pub fn generate() -> Result<Self, JoseError> {
        SigningKey::generate(Algorithm::Es256).map(Self)
    }

    /// Reads a P-256 key in PKCS#8.
    ///
    /// # Errors
    /// When it is not one.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, JoseError> {
        SigningKey::from_pkcs8(Algorithm::Es256, der).map(Self)
    }

    /// The key in PKCS#8, to be sealed or kept in the key store.
    #[must_use]
    pub fn to_pkcs8(&self) -> &[u8] {
        self.0.to_pkcs8()
    }
}

#[async_trait]
impl Signer for SoftwareSigner {
    async fn sign(&self, typ: &str, claims: &Value) -> Result<String, SignerError> {
        Ok(self.0.sign(typ, claims)?)
    }

    async fn sign_with_jwk(&self, typ: &str, claims: &Value) -> Result<String, SignerError> {
        Ok(self.0.sign_with_jwk(typ, claims)?)
    }

    fn public_jwk(&self) -> Jwk {
        self.0.public_jwk()
    }

    fn kid(&self) -> &str {
        self.0.kid()
    }

    fn level(&self) -> KeyLevel {
        KeyLevel::Software
    }
}

/// A public key as it goes onto the wire.
pub(crate) fn to_wire(jwk: &Jwk) -> Result<PublicJwk, serde_json::Error> {
    serde_json::to_value(jwk).map(PublicJwk)
}

/// A public key as it came over the wire, judged.
pub(crate) fn from_wire(jwk: &PublicJwk) -> Result<Jwk, JoseError> {
    Jwk::parse(&jwk.0.to_string())
}
