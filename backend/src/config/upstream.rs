use std::{collections::BTreeSet, path::PathBuf};

use serde::Deserialize;

use super::{
    ConfigError,
    connectors::{is_issuer, is_name},
    require,
};

/// A provider that is asked by plain CIBA, as any other client of it asks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamConfig {
    /// Its name here.
    pub name: String,
    /// Its issuer.
    pub issuer: String,
    /// What people call it.
    pub title: String,
    /// Our client there.
    pub client_id: String,
    /// Its secret, for `client_secret_basic`.
    pub client_secret_file: Option<PathBuf>,
    /// Its key instead, PKCS#8 in PEM for ES256, for `private_key_jwt`.
    pub private_key_file: Option<PathBuf>,
    /// The scope that is asked for there.
    #[serde(default = "openid")]
    pub scope: String,
    /// The attribute of a person here whose value is the `login_hint` there. Who does not have it is not asked there.
    pub login_hint_attribute: String,
    /// Who at the provider may speak for somebody here.
    #[serde(default)]
    pub link: UpstreamLink,
}

/// How a person there is known to be the person here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpstreamLink {
    /// By the `sub` there, which the person here has as an attribute, see [`UpstreamConfig::sub_attribute`]. Who does not have it is not asked there.
    #[default]
    Sub,
    /// By that too, where the person has it; else whoever the provider finds by our hint is that person.
    LoginHint,
}

fn openid() -> String {
    "openid".to_owned()
}

impl UpstreamConfig {
    /// The attribute that holds a person's `sub` there.
    #[must_use]
    pub fn sub_attribute(&self) -> String {
        format!("{}_sub", self.name)
    }

    pub(super) fn check<'c>(
        &'c self,
        known: &mut BTreeSet<&'c String>,
        issuers: &mut BTreeSet<&'c String>,
    ) -> Result<(), ConfigError> {
        let saying = |problem: &str| format!("upstream {:?} {problem}", self.name);
        let credentials = [&self.client_secret_file, &self.private_key_file];
        let rules = [
            (
                is_name(&self.name) && self.name != "embedded",
                "name",
                "is not 1 to 32 of a-z, 0-9 and -, or is `embedded`",
            ),
            (known.insert(&self.name), "name", "is there twice"),
            (
                is_issuer(&self.issuer),
                "issuer",
                "needs an https URL without query and fragment; http for a literal loopback address alone",
            ),
            (issuers.insert(&self.issuer), "issuer", "has the issuer of another one"),
            (
                (1..=64).contains(&self.title.trim().len()),
                "title",
                "needs 1 to 64 bytes that people read",
            ),
            (
                !self.client_id.is_empty(),
                "client_id",
                "needs our client at that provider",
            ),
            (
                credentials.into_iter().flatten().count() == 1,
                "client_secret_file",
                "needs one of client_secret_file and private_key_file",
            ),
            (
                self.scope.split(' ').any(|value| value == "openid"),
                "scope",
                "has to have `openid`: the answer is an ID token",
            ),
            (
                !self.login_hint_attribute.is_empty(),
                "login_hint_attribute",
                "needs the attribute by which the provider knows people",
            ),
        ];
        for (holds, key, problem) in rules {
            require(holds, "connectors", key, || saying(problem))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    const GOOD: &str = r#"
        [[connectors.upstream]]
        name = "bank"
        issuer = "https://id.bank.example"
        title = "Bank"
        client_id = "us"
        client_secret_file = "bank.secret"
        login_hint_attribute = "email"
    "#;

    #[test]
    fn an_upstream_needs_one_credential_and_an_attribute() {
        Config::from_toml(GOOD).unwrap();
        for (from, to, key) in [
            ("\"bank\"", "\"Bank\"", "name"),
            ("\"bank\"", "\"embedded\"", "name"),
            ("https://id", "http://id", "issuer"),
            ("\"Bank\"", "\" \"", "title"),
            ("\"us\"", "\"\"", "client_id"),
            ("client_id", "private_key_file = \"k\"\nclient_id", "client_secret_file"),
            ("client_secret_file", "scope", "client_secret_file"),
            ("client_id", "scope = \"profile\"\nclient_id", "scope"),
            ("\"email\"", "\"\"", "login_hint_attribute"),
            ("client_id", "link = \"trust\"\nclient_id", "link"),
        ] {
            let error = Config::from_toml(&GOOD.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(key), "{to}: {error}");
        }
        let twice = format!("{GOOD}{GOOD}");
        assert!(Config::from_toml(&twice).unwrap_err().to_string().contains("twice"));
    }
}
