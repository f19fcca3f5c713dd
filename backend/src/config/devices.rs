use serde::Deserialize;

use super::{ConfigError, require};

/// `[devices]`. Times are seconds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DevicesConfig {
    /// Life of an access token of the device API.
    pub access_token_seconds: u32,
    /// Greatest age of the sign-in that registers a device.
    pub registration_seconds: u32,
    /// Between two signs of life on a stream.
    pub heartbeat_seconds: u32,
}

impl DevicesConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        require(
            (1..=15).contains(&self.heartbeat_seconds),
            "devices",
            "heartbeat_seconds",
            || "1 to 15".to_owned(),
        )?;
        require(
            (60..=3600).contains(&self.access_token_seconds),
            "devices",
            "access_token_seconds",
            || "60 to 3600".to_owned(),
        )?;
        require(
            (30..=3600).contains(&self.registration_seconds),
            "devices",
            "registration_seconds",
            || "30 to 3600".to_owned(),
        )
    }
}
