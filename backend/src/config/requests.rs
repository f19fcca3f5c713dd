//! What `[op]` says of authentication requests beyond numbers: patterns of messages, and who may name people.

use std::collections::{BTreeMap, BTreeSet};

use countersign_jose::{Algorithm, JwkSet};
use countersign_protocol::CIBA_GRANT;
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Deserializer, Serialize, de};
use url::Url;

use super::{ConfigError, OpConfig, require};

/// Grants that can be offered.
const GRANTS: [&str; 3] = ["authorization_code", "refresh_token", CIBA_GRANT];
/// First segments of paths that are somebody else's.
const TAKEN: [&str; 17] = [
    "",
    ".well-known",
    "ad",
    "assets",
    "authorize",
    "bc-deviceRegistration",
    "health",
    "introspect",
    "jwks",
    "metrics",
    "oauth",
    "par",
    "register",
    "revoke",
    "sign-in",
    "token",
    "userinfo",
];
/// A compiled pattern is at most this large, bytes.
const PATTERN_SIZE: usize = 256 * 1024;

/// What a whole binding message has to look like; anything goes where it is empty.
#[derive(Debug, Clone, Default)]
pub struct MessagePattern(Option<Regex>);

impl MessagePattern {
    /// Whether all of `message` looks like that, in a time that grows with its length alone.
    #[must_use]
    pub fn admits(&self, message: &str) -> bool {
        self.0.as_ref().is_none_or(|pattern| pattern.is_match(message))
    }
}

impl<'de> Deserialize<'de> for MessagePattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pattern = String::deserialize(deserializer)?;
        if pattern.is_empty() {
            return Ok(Self(None));
        }
        let whole = RegexBuilder::new(&format!(r"\A(?:{pattern})\z"))
            .size_limit(PATTERN_SIZE)
            .build();
        whole.map(|pattern| Self(Some(pattern))).map_err(de::Error::custom)
    }
}

/// Somebody whose signed tokens may name the person who is asked (CIBA Core section 7.1, `login_hint_token`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginHintTokenIssuer {
    /// `iss` of its tokens.
    pub issuer: String,
    /// Its public keys.
    pub jwks: Option<JwkSet>,
    /// Where its public keys are, instead.
    pub jwks_uri: Option<Url>,
    /// Algorithms of its tokens.
    #[serde(default = "es256")]
    pub algs: Vec<Algorithm>,
    /// `aud` that its tokens name. Empty: this provider's issuer.
    #[serde(default)]
    pub audience: String,
    /// Greatest age of its tokens, seconds since `iat`.
    #[serde(default = "five_minutes")]
    pub max_age: u32,
    /// Whether each token is good for one request.
    #[serde(default = "yes")]
    pub single_use: bool,
    /// Formats of subject identifiers in `sub_id` (RFC 9493), each with the attribute that it is looked up by.
    #[serde(default = "usual_subjects")]
    pub subjects: BTreeMap<SubjectFormat, String>,
    /// Claims that name a person instead, each with the attribute that it is looked up by.
    #[serde(default)]
    pub claims: BTreeMap<String, String>,
}

/// Formats of subject identifiers (RFC 9493 section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectFormat {
    /// An `acct:` URI.
    Account,
    /// An e-mail address.
    Email,
    /// Issuer and subject; the issuer is this provider.
    IssSub,
    /// A name without structure.
    Opaque,
    /// A telephone number.
    PhoneNumber,
}

fn es256() -> Vec<Algorithm> {
    vec![Algorithm::Es256]
}

fn five_minutes() -> u32 {
    300
}

fn yes() -> bool {
    true
}

fn usual_subjects() -> BTreeMap<SubjectFormat, String> {
    [
        (SubjectFormat::IssSub, "id"),
        (SubjectFormat::Email, "email"),
        (SubjectFormat::PhoneNumber, "phone"),
    ]
    .map(|(format, attribute)| (format, attribute.to_owned()))
    .into()
}

impl OpConfig {
    pub(super) fn check_requests(&self) -> Result<(), ConfigError> {
        let path = &self.backchannel_authentication_path;
        let mut segments = path.split('/').skip(1);
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._/".contains(c);
        let own = path.starts_with('/')
            && path.chars().all(plain)
            && segments.all(|segment| !["", ".", ".."].contains(&segment))
            && !TAKEN.contains(&path.split('/').nth(1).unwrap_or_default());
        require(own, "op", "backchannel_authentication_path", || {
            "a path such as /bc-authorize, of letters, digits and -._, that no other endpoint has".to_owned()
        })?;
        let known = self.grant_types.iter().all(|grant| GRANTS.contains(&grant.as_str()));
        // The app signs in by this grant.
        let signs_in = self.grant_types.iter().any(|grant| grant == "authorization_code");
        require(known && signs_in, "op", "grant_types", || {
            format!("some of {}; authorization_code is always among them", GRANTS.join(", "))
        })?;
        require(
            !(self.require_signed_request && self.request_signing_algs.is_empty()),
            "op",
            "require_signed_request",
            || "request_signing_algs is empty, so no request could be signed".to_owned(),
        )?;
        let life = (60..=24 * 60 * 60).contains(&self.signed_request_seconds);
        require(life, "op", "signed_request_seconds", || "60 to 86400".to_owned())?;
        require(self.unknown_hints_seconds > 0, "op", "unknown_hints_seconds", || {
            "greater than 0".to_owned()
        })?;
        let mut issuers = BTreeSet::new();
        for issuer in &self.login_hint_token_issuers {
            let problem = issuer.problem().or_else(|| {
                let twice = !issuers.insert(&issuer.issuer);
                twice.then_some("it is there twice")
            });
            require(problem.is_none(), "op", "login_hint_token_issuers", || {
                format!("{}: {}", issuer.issuer, problem.unwrap_or_default())
            })?;
        }
        Ok(())
    }
}

impl LoginHintTokenIssuer {
    fn problem(&self) -> Option<&'static str> {
        let rules = [
            (!self.issuer.is_empty(), "`issuer` is empty"),
            (
                self.jwks.is_some() != self.jwks_uri.is_some(),
                "it has either `jwks` or `jwks_uri`",
            ),
            (
                self.jwks.as_ref().is_none_or(|jwks| !jwks.keys.is_empty()),
                "`jwks` has no public key that can be used",
            ),
            (!self.algs.is_empty(), "`algs` is empty"),
            (
                (1..=24 * 60 * 60).contains(&self.max_age),
                "`max_age` is not 1 to 86400",
            ),
            (
                !(self.subjects.is_empty() && self.claims.is_empty()),
                "its tokens can name nobody: `subjects` and `claims` are empty",
            ),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map(|(_, problem)| problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn pattern(pattern: &str) -> MessagePattern {
        let toml = format!("[op]\nbinding_message_pattern = '{pattern}'");
        Config::from_toml(&toml).unwrap().op.binding_message_pattern
    }

    /// Proves G-16 (`backchannelBindingMessagePattern`).
    #[test]
    fn a_pattern_is_for_the_whole_message() {
        let words = pattern("[A-Z]{2,5}|[0-9]+");
        for (message, good) in [
            ("ABC", true),
            ("123", true),
            ("ABC1", false),
            ("xABC", false),
            ("", false),
        ] {
            assert_eq!(words.admits(message), good, "G-16: {message}");
        }
        assert!(!words.admits("ABC\n"), "G-16: a line's end is a character too");
        assert!(pattern("").admits("anything"), "G-16: without a pattern anything goes");
    }

    #[test]
    fn a_pattern_that_would_be_slow_is_not() {
        let nested = pattern("(a*)*b");
        assert!(!nested.admits(&"a".repeat(4000)));
    }

    /// Proves G-16: `cibaEnabled`, `grantTypesSupported`.
    #[test]
    fn what_is_switched_off_is_not_offered() {
        for (toml, takes) in [
            ("", true),
            ("[op]\nciba = false", false),
            ("[op]\ngrant_types = [\"authorization_code\"]", false),
        ] {
            let config = Config::from_toml(toml).unwrap().op;
            assert_eq!(config.takes_requests(), takes, "G-16: {toml}");
            assert!(config.offers("authorization_code"), "the app signs in: {toml}");
        }
    }

    /// Proves G-16: who comes from Gluu Server finds each switch of the provider by the name that it has there.
    #[test]
    fn every_switch_is_documented_with_its_other_name() {
        for name in [
            "cibaEnabled",
            "backchannelAuthenticationEndpoint",
            "backchannelTokenDeliveryModesSupported",
            "backchannelAuthenticationRequestSigningAlgValuesSupported",
            "backchannelBindingMessagePattern",
            "backchannelAuthenticationResponseExpiresIn",
            "backchannelAuthenticationResponseInterval",
            "backchannelRequestsProcessorJobIntervalSec",
            "JobChunkSize",
            "cibaGrantLifeExtraTimeSec",
            "cibaMaxExpirationTimeAllowedSec",
            "backchannelLoginHintClaims",
            "grantTypesSupported",
        ] {
            assert!(crate::config::DEFAULTS.contains(name), "G-16: {name}");
        }
    }

    /// Proves R-077: what is trusted, and for how long, stands in the settings.
    #[test]
    fn an_issuer_is_read_with_its_usual_rules() {
        let toml = r#"
            [[op.login_hint_token_issuers]]
            issuer = "https://hints.example"
            jwks_uri = "https://hints.example/jwks"
            [[op.login_hint_token_issuers]]
            issuer = "https://bank.example"
            jwks_uri = "https://bank.example/jwks"
            algs = ["PS256", "EdDSA"]
            audience = "urn:bank"
            max_age = 60
            single_use = false
            subjects = { account = "username", opaque = "account_number" }
            claims = { customer = "account_number" }
        "#;
        let issuers = Config::from_toml(toml).unwrap().op.login_hint_token_issuers;
        let [usual, bank] = &issuers[..] else { panic!("two") };
        assert!(usual.single_use && usual.max_age == 300 && usual.algs == [Algorithm::Es256]);
        assert_eq!(usual.subjects.len(), 3);
        assert_eq!(bank.subjects[&SubjectFormat::Account], "username");
        assert_eq!(bank.claims["customer"], "account_number");
    }
}
