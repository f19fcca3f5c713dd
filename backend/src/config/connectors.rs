use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use serde::Deserialize;
use url::{Host, Url};

use super::{ConfigError, require, upstream::UpstreamConfig};

/// `[connectors]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectorsConfig {
    /// Realms of Keycloak.
    pub keycloak: Vec<ConnectorConfig>,
    /// Every other provider.
    pub generic: Vec<ConnectorConfig>,
    /// Providers that are asked on behalf of the embedded one.
    pub upstream: Vec<UpstreamConfig>,
}

/// A provider outside.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectorConfig {
    /// Its name here.
    pub name: String,
    /// Its issuer: with a person's `sub` there it makes an account.
    pub issuer: String,
    /// What people call it.
    pub title: String,
    /// The app's public client there.
    pub app_client_id: String,
    /// The scope that the app asks for there.
    #[serde(default = "openid_profile")]
    pub app_scope: String,
    /// Names of its clients for people, by `client_id`.
    #[serde(default)]
    pub clients: BTreeMap<String, String>,
    /// Words for its scopes.
    #[serde(default)]
    pub scopes: BTreeMap<String, String>,
    /// Generic ones: the secret that signs both ways.
    pub secret_file: Option<PathBuf>,
    /// Generic ones: where results go.
    pub callback_url: Option<Url>,
}

fn openid_profile() -> String {
    "openid profile".to_owned()
}

impl ConnectorsConfig {
    /// All that hand over to us.
    pub fn all(&self) -> impl Iterator<Item = &ConnectorConfig> {
        self.keycloak.iter().chain(&self.generic)
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let (mut known, mut issuers) = (BTreeSet::new(), BTreeSet::new());
        for one in self.all() {
            let saying = |problem: &str| format!("{:?} {problem}", one.name);
            require(
                is_name(&one.name) && one.name != "embedded",
                "connectors",
                "name",
                || saying("is not 1 to 32 of a-z, 0-9 and -, or is `embedded`"),
            )?;
            require(known.insert(&one.name), "connectors", "name", || {
                saying("is there twice")
            })?;
            require(is_issuer(&one.issuer), "connectors", "issuer", || {
                saying("needs an https URL without query and fragment; http for a literal loopback address alone")
            })?;
            require(issuers.insert(&one.issuer), "connectors", "issuer", || {
                saying("has the issuer of another one")
            })?;
            let title = one.title.trim();
            require(!title.is_empty() && title.len() <= 64, "connectors", "title", || {
                saying("needs 1 to 64 bytes that people read")
            })?;
            require(!one.app_client_id.is_empty(), "connectors", "app_client_id", || {
                saying("needs the app's client at that provider")
            })?;
            let asks_openid = one.app_scope.split(' ').any(|value| value == "openid");
            require(asks_openid, "connectors", "app_scope", || {
                saying("has to have `openid`")
            })?;
        }
        for one in &self.upstream {
            one.check(&mut known, &mut issuers)?;
        }
        for one in &self.generic {
            let callback = one.callback_url.as_ref().is_some_and(is_safe);
            require(one.secret_file.is_some(), "connectors", "secret_file", || {
                format!("{:?} needs the file with the secret that signs both ways", one.name)
            })?;
            require(callback, "connectors", "callback_url", || {
                format!(
                    "{:?} needs an https URL; http for a literal loopback address alone",
                    one.name
                )
            })?;
        }
        for one in &self.keycloak {
            let none = one.secret_file.is_none() && one.callback_url.is_none();
            require(none, "connectors", "keycloak", || {
                format!(
                    "{:?} is told at its issuer, by its own tokens: no secret_file, no callback_url",
                    one.name
                )
            })?;
        }
        Ok(())
    }
}

pub(super) fn is_name(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

pub(super) fn is_issuer(issuer: &str) -> bool {
    Url::parse(issuer).is_ok_and(|url| is_safe(&url) && url.query().is_none() && url.fragment().is_none())
}

fn is_safe(url: &Url) -> bool {
    let local = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) => false,
        None => return false,
    };
    let anonymous = url.username().is_empty() && url.password().is_none();
    anonymous && (url.scheme() == "https" || (url.scheme() == "http" && local))
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    const GOOD: &str = r#"
        [[connectors.keycloak]]
        name = "acme"
        issuer = "https://sso.acme.example/realms/acme"
        title = "Acme"
        app_client_id = "countersign-app"
        clients = { shop = "Acme Shop" }
    "#;

    #[test]
    fn a_realm_needs_a_name_an_issuer_a_title_and_the_apps_client() {
        let config = Config::from_toml(GOOD).unwrap();
        assert_eq!(config.connectors.all().count(), 1);
        for (from, to, key) in [
            ("\"acme\"", "\"Acme!\"", "name"),
            ("\"acme\"", "\"embedded\"", "name"),
            ("https://sso", "http://sso", "issuer"),
            ("realms/acme", "realms/acme?x", "issuer"),
            ("\"Acme\"", "\" \"", "title"),
            ("\"countersign-app\"", "\"\"", "app_client_id"),
            ("clients =", "app_scope = \"profile\"\nclients =", "app_scope"),
            (
                "clients =",
                "callback_url = \"https://x.example\"\nclients =",
                "callback_url",
            ),
            ("keycloak", "generic", "secret_file"),
        ] {
            let error = Config::from_toml(&GOOD.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(key), "{to}: {error}");
        }
        let twice = format!("{GOOD}{GOOD}");
        assert!(Config::from_toml(&twice).unwrap_err().to_string().contains("twice"));
    }
}
