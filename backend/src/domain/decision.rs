use countersign_clock::Millis;
use countersign_protocol::{DenyReason, DeviceId};
use serde::{Deserialize, Serialize};

/// Authentication methods that were really used (RFC 8176 section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Amr {
    /// A key held in software.
    Swk,
    /// A key held in hardware.
    Hwk,
    /// A PIN.
    Pin,
    /// Biometrics. RFC 8176 names no general value; `user` is its "user presence" test.
    User,
    /// A password, at the sign-in page.
    Pwd,
}

/// Authentication context class that was really met (OpenID Connect Core section 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Acr(pub String);

impl Acr {
    /// The person holds a registered device.
    pub const DEVICE: &str = "urn:countersign:acr:device";
    /// The person holds a registered device and was verified on it, by PIN or biometrics.
    pub const DEVICE_VERIFIED: &str = "urn:countersign:acr:device-verified";
}

/// What an approval proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// When the person was authenticated on the device, seconds: `auth_time`.
    pub auth_time: i64,
    /// How.
    pub amr: Vec<Amr>,
    /// Which class that is.
    pub acr: Acr,
    /// By which device; none where another provider vouches, see [`Evidence`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<DeviceId>,
}

/// What another provider signed, kept byte for byte: it stands where a device's signature would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Which connector.
    pub connector: String,
    /// Its ID token.
    pub id_token: String,
    /// The provider's public key that verified it, as JSON.
    pub key: String,
    /// When it was recorded.
    pub at: Millis,
}

/// What a person decided, already verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Approve(Approval),
    /// No.
    Deny(DenyReason),
}

/// The two signed halves of a decision, kept byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedReceipt {
    /// The request object.
    pub request: String,
    /// The decision.
    pub decision: String,
    /// The device's public key that verified the decision, as JSON.
    pub device_key: String,
    /// The backend's public key that verified the request object, as JSON.
    pub request_key: String,
    /// When it was recorded.
    pub at: Millis,
}
