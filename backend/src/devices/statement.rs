use countersign_jose::{Algorithm, Expect, Typ, verify};
use countersign_protocol::{DeviceId, PublicJwk};
use serde::de::DeserializeOwned;

use super::{
    DeviceError, DeviceRegistry, MAX_ID_CHARS, MAX_JWT_BYTES,
    device_keys::{DeviceKey, is_timely},
};
use crate::domain::Device;

/// Longest life of a statement, seconds.
const STATEMENT_SECONDS: i64 = 60;
/// Seconds that a statement may arrive after its time, or before.
const SKEW_SECONDS: i64 = 5;

/// The claims that every statement of a device has.
pub(super) struct Said<'a> {
    pub(super) iss: &'a DeviceId,
    pub(super) aud: &'a str,
    pub(super) iat: i64,
    pub(super) exp: i64,
    pub(super) jti: &'a str,
}

/// The claims of `statement`, when `key` signed it as a `typ`.
pub(super) fn read<C: DeserializeOwned>(statement: &str, typ: &str, key: &PublicJwk) -> Result<C, DeviceError> {
    if statement.len() > MAX_JWT_BYTES {
        return Err(DeviceError::TooLong { field: "statement" });
    }
    let unusable = |_| DeviceError::Statement("the present key cannot be read");
    let key = DeviceKey::parse(key, "statement").map_err(unusable)?;
    let expect = Expect {
        typ: Typ::Exactly(typ),
        algs: &[Algorithm::Es256],
        max_len: MAX_JWT_BYTES,
    };
    let verified = verify(statement, &expect, &key.jwk);
    let verified = verified.map_err(|_| DeviceError::Statement("it is not signed by the present key"))?;
    verified
        .claims()
        .map_err(|_| DeviceError::Statement("a claim is missing or of the wrong kind"))
}

impl DeviceRegistry {
    /// Whether `device` said this to this backend, just now.
    pub(super) fn check_statement(&self, device: &Device, said: &Said<'_>) -> Result<(), DeviceError> {
        let now = self.parts.clock.now();
        let rules = [
            (*said.iss == device.id, "another device"),
            (said.aud == self.parts.origin, "another audience"),
            (
                is_timely(said.iat, said.exp, STATEMENT_SECONDS, SKEW_SECONDS, now),
                "it is not of this time",
            ),
            (
                !said.jti.is_empty() && said.jti.chars().count() <= MAX_ID_CHARS,
                "`jti` is empty or too long",
            ),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, problem)) => Err(DeviceError::Statement(problem)),
            None => Ok(()),
        }
    }

    /// Uses a statement up, among those of its `kind`: it counts once.
    pub(super) async fn use_statement(&self, kind: &str, device: &Device, said: &Said<'_>) -> Result<(), DeviceError> {
        let until = (said.exp + SKEW_SECONDS + 1) * 1000;
        let storage = &self.parts.storage;
        if storage.remember_once(kind, device.id.as_str(), said.jti, until).await? {
            Ok(())
        } else {
            Err(DeviceError::Statement("it was used before"))
        }
    }
}
