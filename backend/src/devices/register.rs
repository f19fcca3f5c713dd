use countersign_jose::{b64, digest};
use countersign_protocol::{AccountRef, DeviceId, DeviceRegistered, DeviceRegistration, PublicJwk, PushTarget, Secret};

use super::{Call, DeviceError, DeviceRegistry, MAX_ID_CHARS, device_keys::DeviceKey, hash_session};
use crate::{
    domain::{Device, DeviceKeys, KeyPurpose, NewDevice, is_deceptive},
    keys::Snapshot,
    storage::Registered,
};

/// Longest name of a device, characters.
const MAX_NAME_CHARS: usize = 64;
/// Name of a device that tells none.
const PUSH_ONLY_NAME: &str = "Notifications only";
/// Longest push token, bytes: a Web Push subscription with its keys fits many times.
const MAX_PUSH_TOKEN_BYTES: usize = 4096;

/// A device that has a push token and nothing else.
#[derive(Debug)]
pub struct TwoFieldRegistration {
    /// Registration token of its push service.
    pub device_registration_token: Secret,
    /// ID token of the person's sign-in.
    pub id_token_hint: Secret,
}

/// Devices a person can have at a time, so that one sign-in cannot fill the store.
const MAX_DEVICES: usize = 32;

/// Whether registering `new` renews `device` and adds none.
fn is_same(device: &Device, new: &NewDevice) -> bool {
    match (&device.keys, &new.keys) {
        (Some(old), Some(new)) => old.pop_thumbprint == new.pop_thumbprint,
        (None, None) => device.push == new.push,
        _ => false,
    }
}

impl DeviceRegistry {
    /// Registers the calling device, or renews it when its key is known. The ID token was made for this very key, and both keys are proven.
    ///
    /// # Errors
    /// When a member, the proofs or the sign-in are not good, the key is in use, or the store does not answer.
    pub async fn register(
        &self,
        registration: &DeviceRegistration,
        call: Call<'_>,
    ) -> Result<DeviceRegistered, DeviceError> {
        check_name(&registration.name)?;
        check_version(&registration.app_version)?;
        check_push(&registration.push)?;
        check_salt(&registration.salt)?;
        let now = self.parts.clock.now();
        let pop = DeviceKey::parse(&registration.pop_key, "pop_key")?;
        let uv = DeviceKey::parse(&registration.uv_key, "uv_key")?;
        if pop.thumbprint == uv.thumbprint {
            return Err(DeviceError::KeyProof { field: "uv_key" });
        }
        let proven = self.prove(call)?;
        if proven.thumbprint != pop.thumbprint {
            return Err(DeviceError::Proof("it was made by another key than `pop_key`"));
        }
        uv.check_proof(
            &registration.uv_proof,
            "uv_proof",
            &self.parts.origin,
            &pop.thumbprint,
            now,
        )?;
        let nonce = digest::sha256_b64(format!("{}.{}", pop.thumbprint, registration.salt));
        let keys = self.parts.keys.snapshot();
        let signed_in = self.signed_in(&registration.id_token_hint, Some(&nonce), &keys).await?;
        self.note(&proven, now).await?;

        let session = Secret::new(self.random_text::<32>());
        let key = signed_in.account;
        let new = NewDevice {
            id: DeviceId::new(self.random_text::<16>()),
            account: key.clone(),
            name: registration.name.clone(),
            keys: Some(DeviceKeys {
                pop: pop.to_stored(),
                pop_thumbprint: pop.thumbprint,
                uv: uv.to_stored(),
                uv_thumbprint: uv.thumbprint,
                level: registration.key_level,
                uv_method: registration.uv_method,
                platform: registration.platform,
                app_version: registration.app_version.clone(),
                session: hash_session(&session),
            }),
            push: registration.push.clone(),
            now,
        };
        let device = self.record(new).await?;
        Ok(DeviceRegistered {
            access_token: self.issue(&device.id)?,
            device_id: device.id,
            account: AccountRef {
                iss: key.iss,
                sub: key.sub,
                name: signed_in.name,
            },
            device_session: session,
            expires_in: self.parts.config.access_token_seconds.into(),
            request_keys: request_keys(&keys),
            server_time: now,
        })
    }

    /// Registers a device that can be woken and nothing more.
    ///
    /// # Errors
    /// When the sign-in is not good, the token is another person's, or the store does not answer.
    pub async fn register_two_field(&self, registration: TwoFieldRegistration) -> Result<(), DeviceError> {
        let push = PushTarget::Fcm(registration.device_registration_token);
        check_push_token(&push, "device_registration_token")?;
        let keys = self.parts.keys.snapshot();
        let signed_in = self.signed_in(&registration.id_token_hint, None, &keys).await?;
        let new = NewDevice {
            id: DeviceId::new(self.random_text::<16>()),
            account: signed_in.account,
            name: PUSH_ONLY_NAME.to_owned(),
            keys: None,
            push,
            now: self.parts.clock.now(),
        };
        self.record(new).await?;
        Ok(())
    }

    async fn record(&self, new: NewDevice) -> Result<Device, DeviceError> {
        let others = self.parts.storage.list_devices(&new.account).await?;
        if others.len() >= MAX_DEVICES && !others.iter().any(|device| is_same(device, &new)) {
            return Err(DeviceError::TooManyDevices);
        }
        match self.parts.storage.register_device(new).await? {
            Registered::New(device) => {
                tracing::info!(device.id = %device.id, "device {} is registered", device.id);
                Ok(device)
            }
            Registered::Renewed(device) => {
                tracing::info!(device.id = %device.id, "device {} is registered again", device.id);
                Ok(device)
            }
            Registered::KeyInUse => Err(DeviceError::KeyInUse),
        }
    }
}

/// A name is read by people in a list of devices: 1 to 64 characters, none of which hides or reorders others.
pub(super) fn check_name(name: &str) -> Result<(), DeviceError> {
    let problem = if name.trim().is_empty() {
        "is empty"
    } else if name.chars().count() > MAX_NAME_CHARS {
        "has more than 64 characters"
    } else if name.chars().any(is_deceptive) {
        "has control or direction characters"
    } else {
        return Ok(());
    };
    Err(DeviceError::Member { field: "name", problem })
}

pub(super) fn check_push(push: &PushTarget) -> Result<(), DeviceError> {
    check_push_token(push, "push")
}

fn check_push_token(push: &PushTarget, field: &'static str) -> Result<(), DeviceError> {
    let (PushTarget::Fcm(token) | PushTarget::Apns(token) | PushTarget::WebPush(token)) = push else {
        return Ok(());
    };
    if token.expose().len() > MAX_PUSH_TOKEN_BYTES {
        return Err(DeviceError::TooLong { field });
    }
    if token.expose().is_empty() || token.expose().chars().any(char::is_control) {
        let problem = "has no usable token";
        return Err(DeviceError::Member { field, problem });
    }
    Ok(())
}

fn check_version(version: &str) -> Result<(), DeviceError> {
    let field = "app_version";
    if version.chars().count() > MAX_ID_CHARS {
        return Err(DeviceError::TooLong { field });
    }
    if version.is_empty() || !version.chars().all(|char| char.is_ascii_graphic()) {
        let problem = "is not a version";
        return Err(DeviceError::Member { field, problem });
    }
    Ok(())
}

fn check_salt(salt: &str) -> Result<(), DeviceError> {
    if b64::decode(salt).is_ok_and(|bytes| bytes.len() == 32) {
        return Ok(());
    }
    let problem = "is not 32 bytes in base64url";
    Err(DeviceError::Member { field: "salt", problem })
}

fn request_keys(keys: &Snapshot) -> Vec<PublicJwk> {
    let keys = keys.public(&[KeyPurpose::RequestObject]);
    keys.iter()
        .filter_map(|key| serde_json::to_value(key).ok().map(PublicJwk))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_people_can_read() {
        let longest = "n".repeat(64);
        for good in ["Anna's phone", "電話", "a", &longest, "🦊 laptop"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        let too_long = "n".repeat(65);
        for bad in ["", "   ", &too_long, "a\nb", "a\u{202e}b", "a\u{200b}b", "\u{7f}"] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
    }
}
