use std::net::SocketAddr;

use serde::Deserialize;

use super::{ConfigError, address_or_empty, require};

/// `[metrics]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsConfig {
    /// Where metrics are served; nowhere when none.
    #[serde(deserialize_with = "address_or_empty")]
    pub listen: Option<SocketAddr>,
    /// Whether other machines may ask.
    pub beyond_loopback: bool,
}

impl MetricsConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let here = self.listen.is_none_or(|address| address.ip().is_loopback());
        require(here || self.beyond_loopback, "metrics", "listen", || {
            "metrics are served in clear to whoever asks: set `beyond_loopback = true` if only your own machines can reach this address"
                .to_owned()
        })
    }
}
