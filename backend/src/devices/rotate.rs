use countersign_protocol::{KEY_ROTATION_TYP, KeyRotationClaims};

use super::{
    DeviceError, DeviceRegistry,
    device_keys::DeviceKey,
    statement::{self, Said},
};
use crate::{
    domain::{Device, DeviceKeys},
    storage::RotateKeys,
};

/// Under which used statements are remembered.
const KIND: &str = "key-rotation";

impl DeviceRegistry {
    /// Replaces the keys of the calling device, as a statement by its present key asks. From then on only the new keys count.
    ///
    /// # Errors
    /// When the statement or a proof in it does not verify, a new key is in use, or the store does not answer.
    pub async fn rotate_keys(&self, current: &Device, statement: &str) -> Result<(), DeviceError> {
        let old = current.keys.as_ref().ok_or(DeviceError::Removed)?;
        let claims: KeyRotationClaims = statement::read(statement, KEY_ROTATION_TYP, &old.pop)?;
        let said = Said {
            iss: &claims.iss,
            aud: &claims.aud,
            iat: claims.iat,
            exp: claims.exp,
            jti: &claims.jti,
        };
        self.check_statement(current, &said)?;
        let keys = self.new_keys(&claims, old)?;
        self.use_statement(KIND, current, &said).await?;
        let storage = &self.parts.storage;
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
