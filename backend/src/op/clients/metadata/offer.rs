use std::ops::RangeInclusive;

use countersign_jose::Algorithm;
use countersign_protocol::DeliveryMode;
use ipnet::IpNet;
use serde_json::Value;
use url::Url;

use super::By;
use crate::{
    config::{IdTokenAlg, OpConfig, RegistrationConfig},
    domain::{ClientAuthMethod, Profile},
    op::{CertificateOffer, Profiles, authorization::REQUEST_OBJECT_ALGORITHMS, tokens::SIGNING_ALGORITHMS},
};

/// What can be registered here, and by whom.
#[derive(Debug, Clone)]
pub struct Offer {
    pub(super) by: By,
    pub(super) delivery_modes: Vec<DeliveryMode>,
    pub(super) auth_methods: Vec<ClientAuthMethod>,
    pub(super) certificates: CertificateOffer,
    /// Beside `openid`.
    pub(super) scopes: Vec<String>,
    /// Beside `openid`, for who does not say.
    pub(super) scopes_unasked: Vec<String>,
    /// None: any.
    pub(super) details_types: Option<Vec<String>>,
    /// For who does not say.
    pub(super) id_token_alg: IdTokenAlg,
    /// What we sign with.
    pub(super) signing_algs: Vec<&'static str>,
    /// What clients may sign backchannel requests with.
    pub(super) request_algs: Vec<&'static str>,
    /// What clients may sign authorization requests with.
    pub(super) object_algs: Vec<&'static str>,
    pub(super) grants: Vec<String>,
    /// Bounds of every request, seconds.
    pub(super) expiry: RangeInclusive<u32>,
    /// Private addresses that are called all the same.
    pub(super) allow: Vec<IpNet>,
    /// Where clients may be called that have not shown that a host is theirs; none: everywhere.
    notification_hosts: Option<Vec<String>>,
    profile: Profile,
    pub(super) profiles: Profiles,
}

impl Offer {
    /// What the operator may register.
    #[must_use]
    pub fn to_operator(config: &OpConfig, allow: &[IpNet], certificates: impl Into<CertificateOffer>) -> Self {
        Self {
            by: By::Operator,
            delivery_modes: config.delivery_modes.clone(),
            auth_methods: auth_methods(),
            certificates: certificates.into(),
            scopes: config.scopes.keys().cloned().collect(),
            scopes_unasked: Vec::new(),
            details_types: None,
            id_token_alg: config.id_token_alg,
            signing_algs: SIGNING_ALGORITHMS.map(Algorithm::as_str).into(),
            request_algs: config
                .request_signing_algs
                .iter()
                .copied()
                .map(Algorithm::as_str)
                .collect(),
            object_algs: REQUEST_OBJECT_ALGORITHMS.map(Algorithm::as_str).into(),
            grants: config.offered_grants(),
            expiry: config.min_expiry..=config.max_expiry,
            allow: allow.to_vec(),
            notification_hosts: None,
            profile: Profile::Plain,
            profiles: config.into(),
        }
    }

    /// What of it clients may register themselves.
    #[must_use]
    pub fn to_clients(self, policy: &RegistrationConfig) -> Self {
        let offered = |method: &ClientAuthMethod| {
            let name = serde_json::to_value(method).unwrap_or_default();
            policy.auth_methods.iter().any(|allowed| name == allowed.as_str())
        };
        let profile = serde_json::from_value(Value::String(policy.profile.clone()));
        Self {
            by: By::Client,
            delivery_modes: common(self.delivery_modes, |mode| policy.delivery_modes.contains(mode)),
            auth_methods: common(self.auth_methods, offered),
            scopes: common(self.scopes, |scope| policy.scopes.contains(scope)),
            scopes_unasked: policy.scopes.clone(),
            details_types: Some(policy.authorization_details_types.clone()),
            notification_hosts: Some(policy.notification_hosts.clone()),
            // The settings have no other names, see their check.
            profile: profile.unwrap_or_default(),
            ..self
        }
    }

    /// The profile of a client that is new.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Whether a client may be called at `url` that has not shown that the host is its own.
    pub(super) fn may_be_called(&self, url: &Url) -> bool {
        let Some(patterns) = &self.notification_hosts else {
            return true;
        };
        let host = url.host_str().unwrap_or_default().trim_end_matches('.');
        patterns.iter().any(|pattern| match pattern.strip_prefix("*.") {
            Some(domain) => host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
            None => pattern == "*" || pattern.eq_ignore_ascii_case(host),
        })
    }
}

/// In the order in which they are preferred. The public method is for the authorization code alone.
fn auth_methods() -> Vec<ClientAuthMethod> {
    vec![
        ClientAuthMethod::PrivateKeyJwt,
        ClientAuthMethod::TlsClientAuth,
        ClientAuthMethod::SelfSignedTlsClientAuth,
        ClientAuthMethod::ClientSecretJwt,
        ClientAuthMethod::ClientSecretBasic,
        ClientAuthMethod::ClientSecretPost,
        ClientAuthMethod::None,
    ]
}

fn common<T>(all: Vec<T>, which: impl FnMut(&T) -> bool) -> Vec<T> {
    all.into_iter().filter(which).collect()
}
