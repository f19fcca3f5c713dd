use async_trait::async_trait;
use countersign_clock::Millis;
use countersign_protocol::{DeviceId, PushTarget};

use super::StorageError;
use crate::domain::{AccountKey, Device, DeviceKeys, NewDevice, TokenHash};

/// Verdict on a registration.
#[derive(Debug, Clone)]
pub enum Registered {
    /// A new device.
    New(Device),
    /// The same proof-of-possession key of the same person: everything else is renewed, but not the id and the count of wrong numbers.
    Renewed(Device),
    /// The key is another person's, or of a revoked device.
    KeyInUse,
}

/// New keys for a device.
#[derive(Debug, Clone)]
pub struct RotateKeys {
    /// The device.
    pub device_id: DeviceId,
    /// Thumbprint of the proof-of-possession key that is replaced; nothing happens when it is not the present one.
    pub old_thumbprint: String,
    /// The new keys. The session of the device stays.
    pub keys: DeviceKeys,
}

/// Authentication devices.
#[async_trait]
pub trait Devices {
    /// Registers a device or renews it. A device without keys is renewed by its push target.
    async fn register_device(&self, new: NewDevice) -> Result<Registered, StorageError>;
    /// Finds a device, revoked or not. A read.
    async fn find_device(&self, id: &DeviceId) -> Result<Option<Device>, StorageError>;
    /// Finds the device a session belongs to, revoked or not. A read.
    async fn find_device_by_session(&self, session: TokenHash) -> Result<Option<Device>, StorageError>;
    /// The person's devices that are not revoked, oldest first.
    async fn list_devices(&self, account: &AccountKey) -> Result<Vec<Device>, StorageError>;
    /// Renames a device of this person. False when there is none that is active.
    async fn rename_device(&self, account: &AccountKey, id: &DeviceId, name: &str) -> Result<bool, StorageError>;
    /// Revokes a device of this person, and the grants that it approved. False when there is none that is active.
    async fn revoke_device(&self, account: &AccountKey, id: &DeviceId, now: Millis) -> Result<bool, StorageError>;
    /// Replaces the push target of an active device.
    async fn set_push_target(&self, id: &DeviceId, push: PushTarget) -> Result<bool, StorageError>;
    /// Replaces the keys of an active device. False when the old key is not the present one or a new key is in use.
    async fn rotate_device_keys(&self, rotation: RotateKeys) -> Result<bool, StorageError>;
    /// Notes that a device was heard of. Need not be durable.
    async fn touch_device(&self, id: &DeviceId, now: Millis) -> Result<(), StorageError>;
}
