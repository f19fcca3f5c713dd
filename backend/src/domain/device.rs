use countersign_clock::Millis;
use countersign_protocol::{DeviceId, KeyLevel, Platform, PublicJwk, PushTarget, UvMethod};

use super::{account::AccountKey, grant::TokenHash};

/// A registered authentication device.
#[derive(Debug, Clone)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// Whose it is.
    pub account: AccountKey,
    /// For people.
    pub name: String,
    /// Its keys; a device that was registered with a push token alone has none and cannot decide.
    pub keys: Option<DeviceKeys>,
    /// How to wake it.
    pub push: PushTarget,
    /// When it was registered.
    pub created_at: Millis,
    /// When it was last heard of.
    pub last_seen_at: Millis,
    /// When it was revoked.
    pub revoked_at: Option<Millis>,
    /// Wrong numbers typed since the last right one.
    pub mismatches: u32,
}

/// What a device proves itself with.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceKeys {
    /// Signs DPoP proofs and denials.
    pub pop: PublicJwk,
    /// RFC 7638 thumbprint of `pop`.
    pub pop_thumbprint: String,
    /// Signs approvals.
    pub uv: PublicJwk,
    /// RFC 7638 thumbprint of `uv`.
    pub uv_thumbprint: String,
    /// Where both are.
    pub level: KeyLevel,
    /// What opens `uv`.
    pub uv_method: UvMethod,
    /// What the app runs on.
    pub platform: Platform,
    /// The app's version.
    pub app_version: String,
    /// Hash of the device session.
    pub session: TokenHash,
}

/// A device to register.
#[derive(Debug, Clone)]
pub struct NewDevice {
    /// Proposed id; a renewal keeps the old one.
    pub id: DeviceId,
    /// Whose it is.
    pub account: AccountKey,
    /// For people.
    pub name: String,
    /// Its keys, or none for the two-field form.
    pub keys: Option<DeviceKeys>,
    /// How to wake it.
    pub push: PushTarget,
    /// Now.
    pub now: Millis,
}
