use async_trait::async_trait;
use countersign::{
    domain::{AccountKey, Device, DeviceKeys, NewDevice, TokenHash},
    storage::{Devices, Registered, RotateKeys, StorageError},
};
use countersign_clock::Millis;
use countersign_protocol::{DeviceId, PushTarget};

use super::{Kept, Model, taken};

#[async_trait]
impl Devices for Model {
    async fn register_device(&self, new: NewDevice) -> Result<Registered, StorageError> {
        self.write(|kept| kept.register(new))
    }

    async fn find_device(&self, id: &DeviceId) -> Result<Option<Device>, StorageError> {
        Ok(self.read(|kept| kept.devices.get(id).cloned()))
    }

    async fn find_device_by_session(&self, session: TokenHash) -> Result<Option<Device>, StorageError> {
        Ok(self.read(|kept| {
            kept.devices
                .values()
                .find(|device| has_session(device, session))
                .cloned()
        }))
    }

    async fn list_devices(&self, account: &AccountKey) -> Result<Vec<Device>, StorageError> {
        let mut devices: Vec<Device> = self.read(|kept| {
            let devices = kept.devices.values();
            devices
                .filter(|device| is_active_of(device, account))
                .cloned()
                .collect()
        });
        devices.sort_by_key(|device| (device.created_at, device.id.clone()));
        Ok(devices)
    }

    async fn rename_device(&self, account: &AccountKey, id: &DeviceId, name: &str) -> Result<bool, StorageError> {
        self.change(
            id,
            |device| is_active_of(device, account),
            |device| name.clone_into(&mut device.name),
        )
    }

    async fn revoke_device(&self, account: &AccountKey, id: &DeviceId, now: Millis) -> Result<bool, StorageError> {
        let revoked = self.change(
            id,
            |device| is_active_of(device, account),
            |device| device.revoked_at = Some(now),
        )?;
        self.write(|kept| {
            if revoked {
                kept.revoke_families(|family| family.device_id.as_ref() == Some(id));
            }
            Ok(revoked)
        })
    }

    async fn set_push_target(&self, id: &DeviceId, push: PushTarget) -> Result<bool, StorageError> {
        self.change(id, |device| device.revoked_at.is_none(), |device| device.push = push)
    }

    async fn rotate_device_keys(&self, rotation: RotateKeys) -> Result<bool, StorageError> {
        let RotateKeys {
            device_id,
            old_thumbprint,
            keys,
        } = rotation;
        self.write(|kept| {
            if kept.has_key_elsewhere(&keys, &device_id) {
                return Ok(false);
            }
            let device = kept.devices.get_mut(&device_id);
            let Some(device) = device.filter(|device| device.revoked_at.is_none()) else {
                return Ok(false);
            };
            let Some(present) = device
                .keys
                .as_mut()
                .filter(|keys| keys.pop_thumbprint == old_thumbprint)
            else {
                return Ok(false);
            };
            *present = DeviceKeys {
                session: present.session,
                ..keys
            };
            Ok(true)
        })
    }

    async fn touch_device(&self, id: &DeviceId, now: Millis) -> Result<(), StorageError> {
        let seen = |device: &mut Device| device.last_seen_at = device.last_seen_at.max(now);
        self.change(id, |_| true, seen).map(|_| ())
    }
}

impl Model {
    fn change(
        &self,
        id: &DeviceId,
        applies: impl FnOnce(&Device) -> bool,
        change: impl FnOnce(&mut Device),
    ) -> Result<bool, StorageError> {
        self.write(|kept| {
            let device = kept.devices.get_mut(id).filter(|device| applies(device));
            Ok(device.map(change).is_some())
        })
    }
}

impl Kept {
    pub(super) fn active_device(&self, account: &AccountKey, id: &DeviceId) -> Option<&Device> {
        self.devices.get(id).filter(|device| is_active_of(device, account))
    }

    fn register(&mut self, new: NewDevice) -> Result<Registered, StorageError> {
        let known = self.devices.values().find(|device| is_the_same(device, &new)).cloned();
        if known.as_ref().is_some_and(|device| !is_active_of(device, &new.account)) {
            return Ok(Registered::KeyInUse);
        }
        let id = known.as_ref().map_or(&new.id, |device| &device.id).clone();
        if let Some(keys) = &new.keys {
            if self.has_key_elsewhere(keys, &id) {
                return Ok(Registered::KeyInUse);
            }
            let mut others = self.devices.values().filter(|device| device.id != id);
            if others.any(|device| has_session(device, keys.session)) {
                return Err(taken());
            }
        }
        let device = Device {
            id: id.clone(),
            account: new.account,
            name: new.name,
            keys: new.keys,
            push: new.push,
            created_at: known.as_ref().map_or(new.now, |device| device.created_at),
            last_seen_at: new.now,
            revoked_at: None,
            mismatches: known.as_ref().map_or(0, |device| device.mismatches),
        };
        let before = self.devices.insert(id, device.clone());
        match (known, before) {
            (Some(_), _) => Ok(Registered::Renewed(device)),
            (None, None) => Ok(Registered::New(device)),
            (None, Some(_)) => Err(taken()),
        }
    }

    /// Whether another device, revoked or not, has one of these keys in either place.
    fn has_key_elsewhere(&self, keys: &DeviceKeys, id: &DeviceId) -> bool {
        let wanted = [&keys.pop_thumbprint, &keys.uv_thumbprint];
        self.devices.values().filter(|device| device.id != *id).any(|device| {
            let has = device.keys.as_ref();
            has.is_some_and(|has| wanted.contains(&&has.pop_thumbprint) || wanted.contains(&&has.uv_thumbprint))
        })
    }
}

/// By its proof-of-possession key; without keys by its person and push target, unless it is revoked. A stream is no target.
fn is_the_same(device: &Device, new: &NewDevice) -> bool {
    match (&device.keys, &new.keys) {
        (Some(has), Some(keys)) => has.pop_thumbprint == keys.pop_thumbprint,
        (None, None) => is_active_of(device, &new.account) && device.push == new.push && new.push != PushTarget::Stream,
        _ => false,
    }
}

fn has_session(device: &Device, session: TokenHash) -> bool {
    device.keys.as_ref().is_some_and(|keys| keys.session == session)
}

fn is_active_of(device: &Device, account: &AccountKey) -> bool {
    device.account == *account && device.revoked_at.is_none()
}
