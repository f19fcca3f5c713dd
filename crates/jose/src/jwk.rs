//! A public key in JSON (RFC 7517), its thumbprint (RFC 7638) and what it may be used for.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};

use crate::jwk_members::Material;
use crate::unique::{self, Unique};
use crate::{Algorithm, JoseError, digest};

const MAX_JSON_LEN: usize = 8 * 1024;
pub(crate) const MAX_KID_CHARS: usize = 256;

/// A public key: EC on P-256, P-384 or P-521, RSA of 2048 to 4096 bits, or Ed25519.
///
/// Reading refuses secret members, symmetric keys, wrong sizes, weak keys and members that contradict each other. `kid`,
/// `alg`, `use` and `key_ops` are kept, and of `x5c` the certificate of the key; members we do not know are dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Jwk {
    pub(crate) material: Material,
    kid: Option<String>,
    alg: Option<Algorithm>,
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    certificate: Option<Vec<u8>>,
}

impl Jwk {
    /// Reads one key from JSON of at most 8 KiB.
    ///
    /// # Errors
    /// [`JoseError::TooLong`], [`JoseError::Malformed`], [`JoseError::DuplicateMember`]; [`JoseError::SecretKey`] when secret
    /// material is in it; [`JoseError::Key`] for every other key we do not use.
    pub fn parse(json: &str) -> Result<Self, JoseError> {
        if json.len() > MAX_JSON_LEN {
            return Err(JoseError::TooLong);
        }
        Self::from_members(&unique::object(json.as_bytes())?)
    }

    /// The base64url SHA-256 thumbprint (RFC 7638): the name of the key that its bytes alone decide.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        // The values are base64url or registered names: nothing to escape.
        let members: Vec<String> = self
            .material
            .members()
            .iter()
            .map(|(name, value)| format!("\"{name}\":\"{value}\""))
            .collect();
        digest::sha256_b64(format!("{{{}}}", members.join(",")))
    }

    /// The `kid`, an opaque name.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The first certificate of `x5c`, DER: the one that is said to hold this key (RFC 7517 section 4.7). Nothing in it was looked at.
    #[must_use]
    pub fn certificate(&self) -> Option<&[u8]> {
        self.certificate.as_deref()
    }

    /// The same key under the name `kid`.
    #[must_use]
    pub fn with_kid(self, kid: impl Into<String>) -> Self {
        Self {
            kid: Some(kid.into()),
            ..self
        }
    }

    /// The same key for one use, such as `sig`.
    #[must_use]
    pub fn with_use(self, usage: &str) -> Self {
        Self {
            usage: Some(usage.to_owned()),
            ..self
        }
    }

    /// The same key for one algorithm. An algorithm of another kind of key leaves a key that fits nothing.
    #[must_use]
    pub fn with_alg(self, alg: Algorithm) -> Self {
        Self { alg: Some(alg), ..self }
    }

    /// Whether signatures with `alg` may be verified with this key: its type and curve, and its `alg`, `use` and `key_ops`
    /// where present, all agree.
    #[must_use]
    pub fn fits(&self, alg: Algorithm) -> bool {
        self.material.fits(alg)
            && self.alg.is_none_or(|own| own == alg)
            && self.usage.as_deref().is_none_or(|usage| usage == "sig")
            && self
                .key_ops
                .as_ref()
                .is_none_or(|operations| operations.iter().any(|operation| operation == "verify"))
    }

    pub(crate) const fn bare(material: Material) -> Self {
        Self {
            material,
            kid: None,
            alg: None,
            usage: None,
            key_ops: None,
            certificate: None,
        }
    }

    pub(crate) fn from_members(members: &Map<String, Value>) -> Result<Self, JoseError> {
        let material = Material::from_members(members)?;
        let text = |name| match members.get(name) {
            None => Ok(None),
            Some(Value::String(value)) if value.chars().count() <= MAX_KID_CHARS => Ok(Some(value.clone())),
            Some(_) => Err(JoseError::Key),
        };
        let alg = match text("alg")? {
            None => None,
            Some(name) => {
                let alg: Algorithm = name.parse().map_err(|_| JoseError::Key)?;
                Some(alg)
                    .filter(|alg| material.fits(*alg))
                    .ok_or(JoseError::Key)
                    .map(Some)?
            }
        };
        let key_ops = match members.get("key_ops") {
            None => None,
            Some(operations) => Some(Vec::deserialize(operations).map_err(|_| JoseError::Key)?),
        };
        Ok(Self {
            material,
            kid: text("kid")?,
            alg,
            usage: text("use")?,
            key_ops,
            certificate: members.get("x5c").map(first_certificate).transpose()?,
        })
    }
}

/// The certificate at the front of an `x5c`: padded base64 of the other alphabet (RFC 7517 section 4.7).
fn first_certificate(chain: &Value) -> Result<Vec<u8>, JoseError> {
    let first = chain.as_array().and_then(|chain| chain.first()).and_then(Value::as_str);
    STANDARD
        .decode(first.ok_or(JoseError::Key)?)
        .map_err(|_| JoseError::Key)
}

impl fmt::Debug for Jwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwk")
            .field("thumbprint", &self.thumbprint())
            .field("kid", &self.kid)
            .field("alg", &self.alg)
            .field("use", &self.usage)
            .field("key_ops", &self.key_ops)
            .finish_non_exhaustive()
    }
}

impl Serialize for Jwk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.material.members() {
            map.serialize_entry(name, &value)?;
        }
        if let Some(kid) = &self.kid {
            map.serialize_entry("kid", kid)?;
        }
        if let Some(alg) = &self.alg {
            map.serialize_entry("alg", alg)?;
        }
        if let Some(usage) = &self.usage {
            map.serialize_entry("use", usage)?;
        }
        if let Some(operations) = &self.key_ops {
            map.serialize_entry("key_ops", operations)?;
        }
        if let Some(certificate) = &self.certificate {
            map.serialize_entry("x5c", &[STANDARD.encode(certificate)])?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Jwk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Unique::deserialize(deserializer)?.0 {
            Value::Object(members) => Self::from_members(&members).map_err(de::Error::custom),
            _ => Err(de::Error::custom(JoseError::Malformed)),
        }
    }
}
