use serde::Deserialize;
use url::Url;

use super::{ConfigError, require};

/// `[telemetry]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    /// Where traces go (OTLP over HTTP, protobuf), or empty.
    pub otlp_endpoint: String,
    /// `service.name` of what is sent.
    pub service_name: String,
    /// Share of traces that begin here and are kept, 0 to 1.
    pub sampling_ratio: f64,
}

impl TelemetryConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let url = Url::parse(&self.otlp_endpoint);
        let good = url.is_ok_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
        require(
            self.otlp_endpoint.is_empty() || good,
            "telemetry",
            "otlp_endpoint",
            || {
                format!(
                    "{:?} is not a URL such as http://127.0.0.1:4318/v1/traces",
                    self.otlp_endpoint
                )
            },
        )?;
        require(
            (0.0..=1.0).contains(&self.sampling_ratio),
            "telemetry",
            "sampling_ratio",
            || format!("{} is not between 0 and 1", self.sampling_ratio),
        )
    }
}
