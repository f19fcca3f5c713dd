use serde::{Deserialize, Serialize};

use crate::ids::ClientId;

/// Countersign's own discovery document, `/.well-known/countersign`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountersignMetadata {
    /// The backend's origin.
    pub backend: String,
    /// Issuer of the OpenID Provider where the person signs in.
    pub issuer: String,
    /// The app's public client there.
    pub client_id: ClientId,
    /// The scope the app asks for.
    pub scope: String,
    /// Where a device registers.
    pub registration_endpoint: String,
    /// Base of the device API.
    pub device_api: String,
    /// Versions of the device API.
    pub versions: Vec<String>,
    /// The providers whose people can have this backend's device, the one of `issuer` first. A backend that names none has that one alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub providers: Vec<ProviderOffered>,
}

/// A provider at which people can sign in to register a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct ProviderOffered {
    /// Its issuer.
    pub issuer: String,
    /// What people call it.
    pub title: String,
    /// The app's public client there.
    pub client_id: ClientId,
    /// The scope the app asks for.
    pub scope: String,
}
