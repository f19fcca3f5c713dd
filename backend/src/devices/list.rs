use countersign_protocol::{DeviceId, DeviceList, DeviceListed, KeyAnnouncements, PushTarget};

use super::{DeviceError, DeviceRegistry, register};
use crate::domain::Device;

impl DeviceRegistry {
    /// The devices of the person whose `current` device asks.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn list(&self, current: &Device) -> Result<DeviceList, DeviceError> {
        let devices = self.parts.storage.list_devices(&current.account).await?;
        Ok(DeviceList {
            devices: devices.iter().map(|device| listed(device, &current.id)).collect(),
        })
    }

    /// Renames a device of the same person.
    ///
    /// # Errors
    /// When the name is not usable, there is no such device, or the store does not answer.
    pub async fn rename(&self, current: &Device, id: &DeviceId, name: &str) -> Result<(), DeviceError> {
        register::check_name(name)?;
        found(self.parts.storage.rename_device(&current.account, id, name).await?)
    }

    /// Revokes a device of the same person. Its open streams are told by whoever calls this.
    ///
    /// # Errors
    /// When there is no such device or the store does not answer.
    pub async fn revoke(&self, current: &Device, id: &DeviceId) -> Result<(), DeviceError> {
        let now = self.parts.clock.now();
        found(self.parts.storage.revoke_device(&current.account, id, now).await?)?;
        tracing::info!(device.id = %id, "device {id} is revoked by {}", current.id);
        Ok(())
    }

    /// Announcements of the keys that sign request objects, each signed by an older one.
    #[must_use]
    pub fn announcements(&self) -> KeyAnnouncements {
        KeyAnnouncements {
            statements: self.parts.keys.snapshot().announcements(),
        }
    }

    /// Replaces the push target of the calling device.
    ///
    /// # Errors
    /// When the target is not usable, the device was revoked meanwhile, or the store does not answer.
    pub async fn set_push(&self, current: &Device, push: PushTarget) -> Result<(), DeviceError> {
        register::check_push(&push)?;
        if self.parts.storage.set_push_target(&current.id, push).await? {
            Ok(())
        } else {
            Err(DeviceError::Removed)
        }
    }
}

fn found(found: bool) -> Result<(), DeviceError> {
    if found { Ok(()) } else { Err(DeviceError::NotFound) }
}

fn listed(device: &Device, current: &DeviceId) -> DeviceListed {
    let keys = device.keys.as_ref();
    let push = match device.push {
        PushTarget::Stream => "stream",
        PushTarget::Fcm(_) => "fcm",
        PushTarget::Apns(_) => "apns",
        PushTarget::WebPush(_) => "web_push",
    };
    DeviceListed {
        device_id: device.id.clone(),
        name: device.name.clone(),
        platform: keys.map(|keys| keys.platform),
        app_version: keys.map(|keys| keys.app_version.clone()),
        key_level: keys.map(|keys| keys.level),
        uv_method: keys.map(|keys| keys.uv_method),
        push: push.to_owned(),
        created_at: device.created_at,
        last_seen_at: device.last_seen_at,
        current: device.id == *current,
    }
}
