use serde::{Deserialize, Serialize};

use crate::{
    ids::{DeviceId, Subject},
    secret::Secret,
};

/// A public key as JSON (RFC 7517). Parsed and judged by the crate that verifies with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PublicJwk(pub serde_json::Value);

/// What the app runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum Platform {
    /// Linux desktop.
    Linux,
    /// macOS.
    Macos,
    /// Windows.
    Windows,
    /// Android phone or tablet.
    Android,
    /// iPhone or iPad.
    Ios,
}

/// Where a device's private keys really are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum KeyLevel {
    /// In a key store of the operating system, or in an encrypted file.
    Software,
    /// In hardware that does not give them out.
    Hardware,
}

/// What opens the user-verification key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum UvMethod {
    /// The person's PIN.
    Pin,
    /// Biometrics of the operating system.
    Bio,
}

/// How the backend wakes a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "token", rename_all = "snake_case", deny_unknown_fields)]
pub enum PushTarget {
    /// Not at all: the device holds a stream.
    Stream,
    /// Firebase Cloud Messaging registration token.
    Fcm(Secret),
    /// Apple Push Notification service device token.
    Apns(Secret),
    /// Web Push subscription, as JSON (RFC 8030).
    WebPush(Secret),
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

/// Body of `POST /bc-deviceRegistration`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceRegistration {
    /// ID token of the sign-in whose `nonce` binds it to `pop_key`.
    pub id_token_hint: Secret,
    /// Goes into that nonce.
    pub salt: String,
    /// Shown to the person.
    pub name: String,
    /// What the app runs on.
    pub platform: Platform,
    /// The app's version.
    pub app_version: String,
    /// Proof-of-possession key.
    pub pop_key: PublicJwk,
    /// User-verification key.
    pub uv_key: PublicJwk,
    /// Compact JWS of [`crate::KeyProofClaims`] by the user-verification key.
    pub uv_proof: String,
    /// Where the keys are.
    pub key_level: KeyLevel,
    /// What opens the user-verification key.
    pub uv_method: UvMethod,
    /// How to wake the device.
    pub push: PushTarget,
}

/// Whose device it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRef {
    /// Issuer.
    pub iss: String,
    /// Subject there.
    pub sub: Subject,
    /// For people.
    pub name: String,
}

/// Answer to a registration.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeviceRegistered {
    /// The device's id.
    pub device_id: DeviceId,
    /// Whose device it is now.
    pub account: AccountRef,
    /// The session secret, told once.
    pub device_session: Secret,
    /// A first access token.
    pub access_token: Secret,
    /// Its lifetime in seconds.
    pub expires_in: u64,
    /// JWK Set of the keys that sign request objects.
    pub request_keys: Vec<PublicJwk>,
    /// The backend's clock, milliseconds.
    pub server_time: i64,
}

/// Body of `POST /ad/v1/session`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionRequest {
    /// The session secret.
    pub device_session: Secret,
}

/// Answer of `POST /ad/v1/session`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SessionResponse {
    /// Access token for the other calls.
    pub access_token: Secret,
    /// `DPoP`.
    pub token_type: String,
    /// Lifetime in seconds.
    pub expires_in: u64,
    /// The backend's clock, milliseconds.
    pub server_time: i64,
}

/// Body of `PUT /ad/v1/push`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushUpdate {
    /// The new target.
    pub push: PushTarget,
}

/// Body of `PUT /ad/v1/keys`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRotation {
    /// Compact JWS of [`crate::KeyRotationClaims`].
    pub statement: String,
}

/// Body of `PATCH /ad/v1/devices/{device_id}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// The new name, 1 to 64 characters.
    pub name: String,
}

/// One device of the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct DeviceListed {
    /// Its id.
    pub device_id: DeviceId,
    /// Its name.
    pub name: String,
    /// What it runs on; absent for a device that only has a push token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub platform: Option<Platform>,
    /// Version of its app.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub app_version: Option<String>,
    /// Where its keys are; absent for a device without keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub key_level: Option<KeyLevel>,
    /// What opens its user-verification key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub uv_method: Option<UvMethod>,
    /// `stream`, `fcm`, `apns` or `web_push`.
    pub push: String,
    /// Milliseconds since the Unix epoch.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub created_at: i64,
    /// Milliseconds since the Unix epoch.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub last_seen_at: i64,
    /// Whether it is the device that asks.
    pub current: bool,
}

/// Answer of `GET /ad/v1/devices`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeviceList {
    /// All devices of the person that are not revoked, oldest first.
    pub devices: Vec<DeviceListed>,
}
