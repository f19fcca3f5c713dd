use countersign_protocol::DeliveryMode;
use serde::Deserialize;

use super::{ConfigError, require};

/// `[registration]`: clients that register themselves (RFC 7591).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrationConfig {
    /// Who may register.
    pub mode: RegistrationMode,
    /// Scope values, beside `openid`, that such a client may have.
    pub scopes: Vec<String>,
    /// Ways in which it may be told of results, as far as they are offered at all.
    pub delivery_modes: Vec<DeliveryMode>,
    /// How it may authenticate, as far as it is offered at all.
    pub auth_methods: Vec<String>,
    /// Types of `authorization_details` that it may ask for.
    pub authorization_details_types: Vec<String>,
    /// The profile that it is held to.
    pub profile: String,
    /// Hosts at which it may be called without having shown that they are its own.
    pub notification_hosts: Vec<String>,
    /// Whether it may have a name that people can take for another client's.
    pub allow_look_alikes: bool,
    /// Registrations and changes from one address, and with one invitation, in an hour.
    pub per_hour: u32,
    /// Such clients at most.
    pub max_clients: u32,
}

/// Who may register clients over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RegistrationMode {
    /// Nobody: there is no such endpoint.
    Off,
    /// Whoever shows an initial access token.
    Token,
    /// Everybody.
    Open,
}

const AUTH_METHODS: [&str; 7] = [
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
    "none",
];
const PROFILES: [&str; 3] = ["plain", "fapi_ciba", "fapi2"];

impl RegistrationConfig {
    pub(super) fn check(&self, scopes: &std::collections::BTreeMap<String, String>) -> Result<(), ConfigError> {
        let section = "registration";
        let unknown = self.scopes.iter().find(|scope| !scopes.contains_key(*scope));
        require(unknown.is_none(), section, "scopes", || {
            "each has to be in [op.scopes], with words for people".to_owned()
        })?;
        let methods = &self.auth_methods;
        let known = methods.iter().all(|method| AUTH_METHODS.contains(&method.as_str()));
        require(known && !methods.is_empty(), section, "auth_methods", || {
            format!("at least one of {}", AUTH_METHODS.join(", "))
        })?;
        require(PROFILES.contains(&self.profile.as_str()), section, "profile", || {
            format!("one of {}", PROFILES.join(", "))
        })?;
        let host = |pattern: &String| {
            let name = pattern.strip_prefix("*.").unwrap_or(pattern);
            pattern == "*" || (!name.is_empty() && !name.contains(['*', '/', ':', '@']))
        };
        require(
            self.notification_hosts.iter().all(host),
            section,
            "notification_hosts",
            || "each is a host, *.domain for all hosts in a domain, or *".to_owned(),
        )?;
        require((1..=100_000).contains(&self.per_hour), section, "per_hour", || {
            "1 to 100000".to_owned()
        })?;
        require(
            (1..=1_000_000).contains(&self.max_clients),
            section,
            "max_clients",
            || "1 to 1000000".to_owned(),
        )
    }
}
