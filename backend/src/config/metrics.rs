use std::net::SocketAddr;

use serde::{Deserialize, Deserializer, de::Error as _};

use super::{ConfigError, require};

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

fn address_or_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        D::Error::custom(format!(
            "{text:?} is not an address with a port, such as 127.0.0.1:9480"
        ))
    })
}
