//! A set of public keys (RFC 7517 section 5): what a client or provider publishes at its `jwks_uri`.

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

use crate::unique::Unique;
use crate::{Algorithm, JoseError, Jwk};

/// Public keys, in the order in which they were published.
///
/// Reading skips keys that we do not use, as RFC 7517 asks; a set that contains secret key material is refused whole, so that
/// its owner finds out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct JwkSet {
    /// The keys; a `kid` may occur more than once.
    pub keys: Vec<Jwk>,
}

impl JwkSet {
    /// The keys that may have signed with `alg`: those named `kid`, or without a `kid` every one that fits.
    pub fn find(&self, kid: Option<&str>, alg: Algorithm) -> impl Iterator<Item = &Jwk> {
        self.keys
            .iter()
            .filter(move |key| (kid.is_none() || key.kid() == kid) && key.fits(alg))
    }
}

impl<'de> Deserialize<'de> for JwkSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Value::Object(mut members) = Unique::deserialize(deserializer)?.0 else {
            return Err(de::Error::custom(JoseError::Malformed));
        };
        let Some(Value::Array(entries)) = members.remove("keys") else {
            return Err(de::Error::custom(JoseError::Malformed));
        };
        let mut keys = Vec::with_capacity(entries.len());
        for entry in entries {
            let Value::Object(key) = entry else {
                return Err(de::Error::custom(JoseError::Malformed));
            };
            match Jwk::from_members(&key) {
                Ok(key) => keys.push(key),
                Err(JoseError::SecretKey) => return Err(de::Error::custom(JoseError::SecretKey)),
                Err(_) => {}
            }
        }
        Ok(Self { keys })
    }
}
