//! Settings: defaults, file, environment, in this order. The only module that reads the environment.

mod connectors;
mod consent;
mod details;
mod devices;
mod fapi;
mod keys;
mod log;
mod metrics;
mod mtls;
mod op;
mod outbound;
mod registration;
mod requests;
mod server;
mod storage;
mod telemetry;
mod upstream;
mod variable;

use std::{net::SocketAddr, path::Path};

use figment::{
    Figment,
    providers::{Env, Format, Toml},
};
use serde::{Deserialize, Deserializer, de::Error as _};

pub use connectors::{ConnectorConfig, ConnectorsConfig};
pub use consent::ConsentConfig;
pub use details::{DetailsType, Schema, words_for};
pub use devices::DevicesConfig;
pub use fapi::{FapiProfile, FapiVersion};
pub use keys::KeysConfig;
pub use log::{LogConfig, LogFormat};
pub use metrics::MetricsConfig;
pub use mtls::MtlsConfig;
pub use op::{IdTokenAlg, OpConfig, is_resource};
pub use outbound::OutboundConfig;
pub use registration::{RegistrationConfig, RegistrationMode};
pub use requests::{LoginHintTokenIssuer, MessagePattern, SubjectFormat};
pub use server::{ServerConfig, TlsMode};
pub use storage::{DatabaseUrl, StorageConfig};
pub use telemetry::TelemetryConfig;
pub use upstream::{UpstreamConfig, UpstreamLink};
pub use variable::secret_variable;

/// The documented defaults, which are the defaults.
pub const DEFAULTS: &str = include_str!("../../config.default.toml");

/// All settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `[server]`
    pub server: ServerConfig,
    /// `[mtls]`
    pub mtls: MtlsConfig,
    /// `[storage]`
    pub storage: StorageConfig,
    /// `[op]`
    pub op: OpConfig,
    /// `[registration]`
    pub registration: RegistrationConfig,
    /// `[connectors]`
    pub connectors: ConnectorsConfig,
    /// `[consent]`
    pub consent: ConsentConfig,
    /// `[devices]`
    pub devices: DevicesConfig,
    /// `[outbound]`
    pub outbound: OutboundConfig,
    /// `[keys]`
    pub keys: KeysConfig,
    /// `[log]`
    pub log: LogConfig,
    /// `[metrics]`
    pub metrics: MetricsConfig,
    /// `[telemetry]`
    pub telemetry: TelemetryConfig,
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file is missing, or a value has the wrong name or type.
    #[error("the configuration cannot be read: {0}")]
    Unreadable(Box<figment::Error>),
    /// A value is out of bounds or contradicts another.
    #[error("[{section}] {key}: {problem}")]
    Invalid {
        /// Section of the file.
        section: &'static str,
        /// Key in it.
        key: &'static str,
        /// What is wrong and what is allowed.
        problem: String,
    },
}

impl Config {
    /// Reads the defaults, lays `file` over them and the environment over both.
    ///
    /// # Errors
    /// When the file cannot be read, a key is unknown, or a value is out of bounds.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Toml::string(DEFAULTS));
        if let Some(file) = file {
            figment = figment.merge(Toml::file_exact(file));
        }
        Self::finish(&figment.merge(Env::prefixed("COUNTERSIGN_").split("__").ignore(&["log_color"])))
    }

    /// Lays `toml` over the defaults: for tests, which have no file and no environment.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_toml(toml: &str) -> Result<Self, ConfigError> {
        Self::finish(&Figment::from(Toml::string(DEFAULTS)).merge(Toml::string(toml)))
    }

    fn finish(figment: &Figment) -> Result<Self, ConfigError> {
        let config: Self = figment
            .extract()
            .map_err(|error| ConfigError::Unreadable(Box::new(error)))?;
        config.server.check()?;
        config.mtls.check(&config.server)?;
        config.storage.check()?;
        config.op.check()?;
        let certificates = config.mtls.listen.is_some() || config.op.profile != FapiProfile::FapiCiba;
        require(certificates, "op", "profile", || {
            "`fapi_ciba` binds tokens to certificates: set `[mtls] listen`".to_owned()
        })?;
        config.registration.check(&config.op.scopes)?;
        config.connectors.check()?;
        let somebody = config.op.enabled || config.connectors.all().next().is_some();
        require(somebody, "op", "enabled", || {
            "without the embedded provider nobody could sign in: name another one in `[connectors]`".to_owned()
        })?;
        config.consent.check()?;
        config.devices.check()?;
        config.keys.check()?;
        config.metrics.check()?;
        config.telemetry.check()?;
        Ok(config)
    }
}

/// Fails unless `holds`.
fn require(
    holds: bool,
    section: &'static str,
    key: &'static str,
    problem: impl FnOnce() -> String,
) -> Result<(), ConfigError> {
    if holds {
        Ok(())
    } else {
        Err(ConfigError::Invalid {
            section,
            key,
            problem: problem(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_defaults_are_valid() {
        let config = Config::from_toml("").unwrap();
        assert_eq!(
            config.op.interval, 5,
            "clients that are told no interval use 5 s, so the default says the same"
        );
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let error = Config::from_toml("[op]\nexpires_inn = 3").unwrap_err().to_string();
        assert!(error.contains("expires_inn"), "{error}");
    }

    #[test]
    fn a_value_out_of_bounds_is_refused_by_name() {
        for (toml, key) in [
            ("[op]\nmin_expiry = 700", "min_expiry"),
            ("[op]\nbinding_code_digits = 1", "binding_code_digits"),
            ("[consent]\nmatch_tries = 3", "match_tries"),
            ("[server]\nlisten = \"0.0.0.0:80\"", "listen"),
            ("[server]\nlisten = \"127.0.0.2:80\"", "listen"),
            ("[server]\npublic_url = \"https://x.example/path\"", "public_url"),
            ("[server]\ntls = \"files\"", "tls_certificate"),
            ("[mtls]\nlisten = \"127.0.0.1:0\"", "tls_certificate"),
            ("[mtls]\nlisten = \"127.0.0.1:0\"\ntls_certificate = \"a\"", "tls_key"),
            ("[mtls]\nlisten = \"127.0.0.1:0\"\ntls_key = \"a\"", "tls_certificate"),
            (
                "[server]\ntls = \"development\"\n[mtls]\nlisten = \"127.0.0.1:0\"\npublic_url = \"http://127.0.0.1\"",
                "public_url",
            ),
            (
                "[server]\ntls = \"development\"\n[mtls]\nlisten = \"127.0.0.1:0\"\npublic_url = \"https://x.example/\"",
                "public_url",
            ),
            ("[mtls]\nlisten = \"8481\"", "listen"),
            ("[op]\nprofile = \"fapi_ciba\"", "profile"),
            ("[op]\nenabled = false", "enabled"),
            ("[devices]\nheartbeat_seconds = 60", "heartbeat_seconds"),
            ("[op]\nlong_poll_seconds = 31", "long_poll_seconds"),
            ("[op]\nresources = [\"/relative\"]", "resources"),
            ("[op]\nresources = [\"https://api.example/#x\"]", "resources"),
            (
                "[op]\nbackchannel_authentication_path = \"bc\"",
                "backchannel_authentication_path",
            ),
            (
                "[op]\nbackchannel_authentication_path = \"/token\"",
                "backchannel_authentication_path",
            ),
            ("[op]\ngrant_types = [\"password\"]", "grant_types"),
            ("[op]\ngrant_types = [\"refresh_token\"]", "grant_types"),
            ("[op]\nbinding_message_pattern = \"(\"", "binding_message_pattern"),
            ("[op]\nrequest_signing_algs = [\"HS256\"]", "request_signing_algs"),
            ("[op]\nrequest_signing_algs = [\"none\"]", "request_signing_algs"),
            (
                "[op]\nrequest_signing_algs = []\nrequire_signed_request = true",
                "require_signed_request",
            ),
            ("[op]\nsigned_request_seconds = 59", "signed_request_seconds"),
            (
                "[[op.login_hint_token_issuers]]\nissuer = \"https://hints.example\"",
                "login_hint_token_issuers",
            ),
            (
                "[[op.login_hint_token_issuers]]\nissuer = \"x\"\njwks = { keys = [] }",
                "login_hint_token_issuers",
            ),
            ("[op]\nunknown_hints_seconds = 0", "unknown_hints_seconds"),
            ("[keys]\nannounce_seconds = 59", "announce_seconds"),
            ("[keys]\nreread_seconds = 121", "reread_seconds"),
            ("[metrics]\nlisten = \"0.0.0.0:9480\"", "listen"),
            ("[metrics]\nlisten = \"localhost:9480\"", "listen"),
            ("[registration]\nscopes = [\"unheard-of\"]", "scopes"),
            ("[registration]\nauth_methods = []", "auth_methods"),
            ("[registration]\nauth_methods = [\"password\"]", "auth_methods"),
            (
                "[registration]\nnotification_hosts = [\"https://x.example\"]",
                "notification_hosts",
            ),
            ("[registration]\nprofile = \"strict\"", "profile"),
            ("[registration]\nper_hour = 0", "per_hour"),
            ("[telemetry]\notlp_endpoint = \"127.0.0.1:4318\"", "otlp_endpoint"),
            ("[telemetry]\nsampling_ratio = 1.5", "sampling_ratio"),
        ] {
            let error = Config::from_toml(toml).unwrap_err().to_string();
            assert!(error.contains(key), "{toml}: {error}");
        }
    }

    /// Proves R-040: TLS, or the two literal loopback addresses.
    #[test]
    fn plain_http_is_for_literal_loopback_alone() {
        for (listen, good) in [
            ("127.0.0.1:80", true),
            ("[::1]:80", true),
            ("0.0.0.0:80", false),
            ("[::]:80", false),
            ("127.0.0.2:80", false),
            ("10.0.0.1:80", false),
            ("[::ffff:127.0.0.1]:80", false),
        ] {
            let plain = format!("[server]\nlisten = \"{listen}\"\ntls = \"off\"");
            assert_eq!(Config::from_toml(&plain).is_ok(), good, "R-040: http on {listen}");
            let tls = format!("[server]\nlisten = \"{listen}\"\ntls = \"development\"");
            assert!(Config::from_toml(&tls).is_ok(), "R-040: https on {listen}");
        }
    }

    /// Proves: what the provider calls itself is an https origin; http for the two literal loopback addresses.
    #[test]
    fn the_issuer_is_an_origin_that_is_safe() {
        for (url, good) in [
            ("https://id.example.com", true),
            ("https://id.example.com:8443", true),
            ("http://127.0.0.1:8480", true),
            ("http://[::1]:8480", true),
            ("http://id.example.com", false),
            ("http://localhost:8480", false),
            ("http://127.0.0.2:8480", false),
            ("https://id.example.com/", false),
            ("https://id.example.com/op", false),
            ("https://id.example.com?x", false),
            ("https://id.example.com#x", false),
            ("https://user@id.example.com", false),
            ("ftp://id.example.com", false),
            ("id.example.com", false),
        ] {
            let toml = format!("[server]\npublic_url = \"{url}\"");
            assert_eq!(Config::from_toml(&toml).is_ok(), good, "R-040, R-260: {url}");
        }
    }
}
