use std::collections::BTreeMap;

use countersign_jose::Algorithm;
use countersign_protocol::{CIBA_GRANT, DeliveryMode};
use serde::Deserialize;

use super::{
    ConfigError, DetailsType, FapiProfile, FapiVersion,
    requests::{LoginHintTokenIssuer, MessagePattern},
    require,
};

/// `[op]`. Times are seconds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the file")]
pub struct OpConfig {
    /// Whether there is an embedded provider at all.
    pub enabled: bool,
    /// Whether authentication requests are taken at all.
    pub ciba: bool,
    /// Path of the backchannel authentication endpoint.
    pub backchannel_authentication_path: String,
    /// Grants that the token endpoint offers.
    pub grant_types: Vec<String>,
    /// What every client is held to.
    pub profile: FapiProfile,
    /// Which text `fapi_ciba` follows.
    pub fapi_ciba: FapiVersion,
    /// For clients that do not ask.
    pub id_token_alg: IdTokenAlg,
    /// Life of a code.
    pub code_seconds: u32,
    /// Life of an access token.
    pub access_token_seconds: u32,
    /// Life of an ID token.
    pub id_token_seconds: u32,
    /// Life of a refresh token.
    pub refresh_token_seconds: u32,
    /// Life of a pushed authorization request.
    pub pushed_request_seconds: u32,
    /// Whether DPoP proofs of clients have to carry our nonce.
    pub dpop_nonce: bool,
    /// Time for the sign-in page.
    pub sign_in_seconds: u32,
    /// Wrong passwords before waiting.
    pub throttle_after: u32,
    /// First wait.
    pub throttle_seconds: u32,
    /// Whether the SDKs of Auth0 are served.
    pub auth0_aliases: bool,
    /// Attributes that a hint may name a person by.
    pub login_hint_attributes: Vec<String>,
    /// Ways in which clients are told of results.
    pub delivery_modes: Vec<DeliveryMode>,
    /// Default life of a request.
    pub expires_in: u32,
    /// Least `requested_expiry`.
    pub min_expiry: u32,
    /// Greatest `requested_expiry`.
    pub max_expiry: u32,
    /// Whether a `requested_expiry` out of bounds is brought into them.
    pub clamp_expiry: bool,
    /// Between two polls.
    pub interval: u32,
    /// Longest time that a poll is held; 0: answered at once.
    pub long_poll_seconds: u32,
    /// Polls held at once.
    pub max_long_polls: usize,
    /// Readable after the deadline.
    pub grace_seconds: u32,
    /// Greatest length of a binding message, grapheme clusters.
    pub binding_message_length: usize,
    /// What every binding message looks like.
    pub binding_message_pattern: MessagePattern,
    /// Digits of a number the provider makes.
    pub binding_code_digits: u32,
    /// Whether clients that registered for it have to bring the codes of people who have one.
    pub user_code: bool,
    /// Wrong codes in a row before waiting.
    pub user_code_tries: u32,
    /// First wait.
    pub user_code_wait_seconds: u32,
    /// Algorithms of signed requests.
    pub request_signing_algs: Vec<Algorithm>,
    /// Whether every request has to be signed.
    pub require_signed_request: bool,
    /// Longest life of a signed request.
    pub signed_request_seconds: u32,
    /// Whether every request says where it began.
    pub require_request_context: bool,
    /// Time after its end in which an ID token still names a person.
    pub id_token_hint_seconds: u32,
    /// Who may name people in signed tokens.
    pub login_hint_token_issuers: Vec<LoginHintTokenIssuer>,
    /// Hints that name nobody, in one window, before a client has to wait for its end. 0: as many as it likes.
    pub unknown_hints: u32,
    /// That window.
    pub unknown_hints_seconds: u32,
    /// Seconds that a client leaves a person alone who reported it.
    pub report_seconds: u32,
    /// Life of keys that a client publishes, when their host does not say.
    pub client_keys_seconds: u32,
    /// How long keys that cannot be fetched again stay good beyond their life.
    pub client_keys_stale_seconds: u32,
    /// Scope values with words for people.
    pub scopes: BTreeMap<String, String>,
    /// Types of authorization details with words for people.
    #[serde(default)]
    pub authorization_details: BTreeMap<String, DetailsType>,
    /// Resources that every client's tokens may be for.
    pub resources: Vec<String>,
    /// Scope values and types of authorization details, each with the class that an approval of it has to meet.
    pub required_acr: BTreeMap<String, String>,
}

/// Algorithms that sign ID tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum IdTokenAlg {
    /// ECDSA on P-256.
    #[serde(rename = "ES256")]
    Es256,
    /// RSA 2048 PKCS#1 v1.5.
    #[serde(rename = "RS256")]
    Rs256,
}

impl OpConfig {
    /// Whether the token endpoint offers `grant`.
    #[must_use]
    pub fn offers(&self, grant: &str) -> bool {
        (self.ciba || grant != CIBA_GRANT) && self.grant_types.iter().any(|offered| offered == grant)
    }

    /// Grants that the token endpoint offers.
    #[must_use]
    pub fn offered_grants(&self) -> Vec<String> {
        let offered = self.grant_types.iter().filter(|grant| self.offers(grant));
        offered.cloned().collect()
    }

    /// Whether authentication requests are taken: they are worth nothing where their grant is not offered.
    #[must_use]
    pub fn takes_requests(&self) -> bool {
        self.offers(CIBA_GRANT)
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.check_requests()?;
        require(!self.delivery_modes.is_empty(), "op", "delivery_modes", || {
            "at least one".to_owned()
        })?;
        let bounded = 1 <= self.min_expiry && self.min_expiry <= self.max_expiry && self.max_expiry <= 3600;
        require(bounded, "op", "min_expiry", || {
            "1 <= min_expiry <= max_expiry <= 3600".to_owned()
        })?;
        let default_fits = (self.min_expiry..=self.max_expiry).contains(&self.expires_in);
        require(default_fits, "op", "expires_in", || {
            "between min_expiry and max_expiry".to_owned()
        })?;
        require((1..=60).contains(&self.interval), "op", "interval", || {
            "1 to 60".to_owned()
        })?;
        require(self.long_poll_seconds <= 30, "op", "long_poll_seconds", || {
            "0 to 30: clients wait no longer for an answer".to_owned()
        })?;
        require(
            (1..=1_000_000).contains(&self.max_long_polls),
            "op",
            "max_long_polls",
            || "1 to 1000000".to_owned(),
        )?;
        require(
            (3..=8).contains(&self.binding_code_digits),
            "op",
            "binding_code_digits",
            || "3 to 8".to_owned(),
        )?;
        require(
            (8..=1000).contains(&self.binding_message_length),
            "op",
            "binding_message_length",
            || "8 to 1000".to_owned(),
        )?;
        require(
            !self.login_hint_attributes.is_empty(),
            "op",
            "login_hint_attributes",
            || "at least one".to_owned(),
        )?;
        require(
            (1..=100).contains(&self.user_code_tries),
            "op",
            "user_code_tries",
            || "1 to 100".to_owned(),
        )?;
        require(
            (1..=86_400).contains(&self.user_code_wait_seconds),
            "op",
            "user_code_wait_seconds",
            || "1 to 86400: a day is the longest wait".to_owned(),
        )?;
        require(
            (5..=3600).contains(&self.client_keys_seconds),
            "op",
            "client_keys_seconds",
            || "5 to 3600".to_owned(),
        )?;
        require(
            self.client_keys_stale_seconds <= 86_400,
            "op",
            "client_keys_stale_seconds",
            || "0 to 86400".to_owned(),
        )?;
        let lives = [
            self.code_seconds,
            self.access_token_seconds,
            self.id_token_seconds,
            self.refresh_token_seconds,
            self.sign_in_seconds,
            self.pushed_request_seconds,
        ];
        require(lives.iter().all(|&life| life > 0), "op", "access_token_seconds", || {
            "lifetimes are greater than 0".to_owned()
        })?;
        require(
            self.resources.iter().all(|uri| is_resource(uri)),
            "op",
            "resources",
            || "absolute URIs without a fragment".to_owned(),
        )?;
        require(
            self.throttle_after > 0 && self.throttle_seconds > 0,
            "op",
            "throttle_after",
            || "greater than 0".to_owned(),
        )
    }
}

/// Whether `uri` can name a resource: absolute, without a fragment (RFC 8707 section 2).
#[must_use]
pub fn is_resource(uri: &str) -> bool {
    !uri.contains('#') && uri.trim() == uri && url::Url::parse(uri).is_ok()
}
