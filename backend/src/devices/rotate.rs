use countersign_jose::{Algorithm, Expect, Typ, verify};
use countersign_protocol::{KEY_ROTATION_TYP, KeyRotationClaims};

use super::{
    DeviceError, DeviceRegistry, MAX_ID_CHARS, MAX_JWT_BYTES,
    device_keys::{DeviceKey, is_timely},
};
use crate::{
    domain::{Device, DeviceKeys},
    storage::RotateKeys,
};

/// Longest life of a statement, seconds.
const STATEMENT_SECONDS: i64 = 60;
/// Seconds that a statement may arrive after its time, or before.
const SKEW_SECONDS: i64 = 5;
/// Under which used statements are remembered.
const KIND: &str = "key-rotation";

impl DeviceRegistry {
    /// Replaces the keys of the calling device, as a statement by its present key asks. From then on only the new keys count.
    ///
    /// # Errors
    /// When the statement or a proof in it does not verify, a new key is in use, or the store does not answer.
    pub async fn rotate_keys(&self, current: &Device, statement: &str) -> Result<(), DeviceError> {
        if statement.len() > MAX_JWT_BYTES {
            return Err(DeviceError::TooLong { field: "statement" });
        }
        let old = current.keys.as_ref().ok_or(DeviceError::Removed)?;
        let claims = read(statement, old)?;
        let now = self.parts.clock.now();
        let rules = [
            (claims.iss == current.id, "another device"),
            (claims.aud == self.parts.origin, "another audience"),
            (
                is_timely(claims.iat, claims.exp, STATEMENT_SECONDS, SKEW_SECONDS, now),
                "it is not of this time",
            ),
            (
                !claims.jti.is_empty() && claims.jti.chars().count() <= MAX_ID_CHARS,
                "`jti` is empty or too long",
            ),
        ];
        for (holds, problem) in rules {
            if !holds {
                return Err(DeviceError::Statement(problem));
            }
        }
        let keys = self.new_keys(&claims, old)?;
        let storage = &self.parts.storage;
        let until = (claims.exp + SKEW_SECONDS + 1) * 1000;
        if !storage
            .remember_once(KIND, current.id.as_str(), &claims.jti, until)
            .await?
        {
            return Err(DeviceError::Statement("it was used before"));
        }
        let rotation = RotateKeys {
            device_id: current.id.clone(),
            old_thumbprint: old.pop_thumbprint.clone(),
            keys,
        };
        if !storage.rotate_device_keys(rotation).await? {
            return Err(DeviceError::KeyInUse);
        }
        tracing::info!(device.id = %current.id, "device {} has new keys", current.id);
        Ok(())
    }

    fn new_keys(&self, claims: &KeyRotationClaims, old: &DeviceKeys) -> Result<DeviceKeys, DeviceError> {
        let pop = DeviceKey::parse(&claims.pop_key, "pop_key")?;
        let uv = DeviceKey::parse(&claims.uv_key, "uv_key")?;
        if pop.thumbprint == uv.thumbprint {
            return Err(DeviceError::KeyProof { field: "uv_key" });
        }
        let (origin, now) = (&self.parts.origin, self.parts.clock.now());
        pop.check_proof(&claims.pop_proof, "pop_proof", origin, &pop.thumbprint, now)?;
        uv.check_proof(&claims.uv_proof, "uv_proof", origin, &pop.thumbprint, now)?;
        Ok(DeviceKeys {
            pop: pop.to_stored(),
            pop_thumbprint: pop.thumbprint,
            uv: uv.to_stored(),
            uv_thumbprint: uv.thumbprint,
            level: claims.key_level,
            uv_method: claims.uv_method,
            platform: old.platform,
            app_version: old.app_version.clone(),
            session: old.session,
        })
    }
}

fn read(statement: &str, old: &DeviceKeys) -> Result<KeyRotationClaims, DeviceError> {
    let unusable = |_| DeviceError::Statement("the present key cannot be read");
    let key = DeviceKey::parse(&old.pop, "pop_key").map_err(unusable)?;
    let expect = Expect {
        typ: Typ::Exactly(KEY_ROTATION_TYP),
        algs: &[Algorithm::Es256],
        max_len: MAX_JWT_BYTES,
    };
    let verified = verify(statement, &expect, &key.jwk);
    let verified = verified.map_err(|_| DeviceError::Statement("it is not signed by the present key"))?;
    verified
        .claims()
        .map_err(|_| DeviceError::Statement("a claim is missing or of the wrong kind"))
}
