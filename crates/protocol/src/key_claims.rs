use serde::{Deserialize, Serialize};

use crate::{
    device::{KeyLevel, PublicJwk, UvMethod},
    ids::DeviceId,
};

/// Claims of a `countersign-key+jwt`: who signs holds this key and wants it registered beside `jkt`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyProofClaims {
    /// The backend's origin.
    pub aud: String,
    /// Seconds since the Unix epoch.
    pub iat: i64,
    /// At most 300 s after `iat`.
    pub exp: i64,
    /// Thumbprint of the proof-of-possession key of the registration.
    pub jkt: String,
}

/// Claims of a `countersign-key-rotation+jwt`, signed by the key that is replaced.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRotationClaims {
    /// The device.
    pub iss: DeviceId,
    /// The backend's origin.
    pub aud: String,
    /// Seconds since the Unix epoch.
    pub iat: i64,
    /// At most 60 s after `iat`.
    pub exp: i64,
    /// Used once.
    pub jti: String,
    /// The new proof-of-possession key.
    pub pop_key: PublicJwk,
    /// The new user-verification key.
    pub uv_key: PublicJwk,
    /// Proof by the new proof-of-possession key.
    pub pop_proof: String,
    /// Proof by the new user-verification key.
    pub uv_proof: String,
    /// Where the new keys are.
    pub key_level: KeyLevel,
    /// What opens the new user-verification key.
    pub uv_method: UvMethod,
}

/// Claims of a `countersign-keys+jwt`: the backend announces the keys of request objects, signed by an older one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyAnnouncementClaims {
    /// The backend's origin.
    pub iss: String,
    /// Seconds since the Unix epoch.
    pub iat: i64,
    /// JWK Set.
    pub keys: Vec<PublicJwk>,
}

/// Answer of `GET /ad/v1/keys`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyAnnouncements {
    /// Compact JWSs, oldest first.
    pub statements: Vec<String>,
}
