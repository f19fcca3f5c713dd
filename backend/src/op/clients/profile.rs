//! What the profiles of the Financial-grade API ask of a client, in one table: FAPI-CIBA (Implementer's Draft 1 section 5.2.2, with the parts of
//! FAPI 1.0 that it stands on) and FAPI 2.0 (section 5.3.2, with FAPI-CIBA draft 03 section 4.1.1). Rules hold when a client is registered, and
//! again at each of its requests, because the client may be older than the rule.

use countersign_jose::Algorithm;
use countersign_protocol::{DeliveryMode, OAuthErrorCode};
use url::Url;

use crate::{
    config::{FapiProfile, FapiVersion, OpConfig},
    domain::{Client, ClientAuthMethod, GrantType, Profile},
    op::{Provider, Refusal},
};

/// What a profile asks for.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a rule of its own")]
pub(in crate::op) struct Rules {
    /// How clients may authenticate. A public client is none of them.
    methods: &'static [ClientAuthMethod],
    /// What clients and we may sign with.
    pub(in crate::op) algorithms: &'static [Algorithm],
    /// Whether every backchannel request is signed.
    signed_requests: bool,
    /// Whether a signed request says from when to when it is good, and that is an hour at most.
    pub(in crate::op) bounded_requests: bool,
    /// Whether a request has a binding message or says otherwise what it is about.
    pub(in crate::op) context: bool,
    /// Whether tokens may be sent to the client.
    push: bool,
    code: Code,
    bound: Bound,
    audience: AssertionAudience,
}

/// Which profiles hold here.
#[derive(Debug, Clone, Copy)]
pub struct Profiles {
    of_all: FapiProfile,
    fapi_ciba: FapiVersion,
}

impl From<&OpConfig> for Profiles {
    fn from(config: &OpConfig) -> Self {
        Self {
            of_all: config.profile,
            fapi_ciba: config.fapi_ciba,
        }
    }
}

/// A client is not what its profile asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{member}: {problem}")]
pub struct Violation {
    /// The member of its metadata that is at fault.
    pub member: &'static str,
    /// What is wrong.
    pub problem: &'static str,
}

/// Under which condition a client may use the code flow, the loosest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Code {
    Free,
    /// Requests are pushed, answers go to https or to an app on the same machine.
    Pushed,
    /// Not at all: what FAPI 1.0 asks of it (answers that are signed) is not offered.
    Never,
}

/// To what tokens are bound, the loosest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Bound {
    AsRegistered,
    Something,
    Certificate,
}

/// Whom assertions may name as audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum AssertionAudience {
    /// The issuer, and endpoints where the client registered that.
    AsRegistered,
    /// The issuer and endpoints.
    Endpoints,
    /// The issuer, as a single string.
    IssuerAlone,
}

use ClientAuthMethod as Method;

const WITH_KEYS: &[Method] = &[
    Method::PrivateKeyJwt,
    Method::TlsClientAuth,
    Method::SelfSignedTlsClientAuth,
];

const PLAIN: Rules = Rules {
    methods: &[
        Method::ClientSecretBasic,
        Method::ClientSecretPost,
        Method::ClientSecretJwt,
        Method::PrivateKeyJwt,
        Method::TlsClientAuth,
        Method::SelfSignedTlsClientAuth,
        Method::None,
    ],
    algorithms: &Algorithm::ALL,
    signed_requests: false,
    bounded_requests: false,
    context: false,
    push: true,
    code: Code::Free,
    bound: Bound::AsRegistered,
    audience: AssertionAudience::AsRegistered,
};

const FAPI_CIBA: Rules = Rules {
    methods: WITH_KEYS,
    algorithms: &[Algorithm::Ps256, Algorithm::Es256],
    signed_requests: true,
    bounded_requests: true,
    context: true,
    push: false,
    code: Code::Never,
    bound: Bound::Certificate,
    audience: AssertionAudience::Endpoints,
};

const FAPI_2: Rules = Rules {
    methods: WITH_KEYS,
    algorithms: &[Algorithm::Ps256, Algorithm::Es256, Algorithm::EdDsa],
    signed_requests: false,
    bounded_requests: true,
    context: true,
    push: false,
    code: Code::Pushed,
    bound: Bound::Something,
    audience: AssertionAudience::IssuerAlone,
};

impl Rules {
    /// What everybody is held to.
    pub(in crate::op) fn of_all(profiles: impl Into<Profiles>) -> Self {
        let profiles = profiles.into();
        match profiles.of_all {
            FapiProfile::Plain => PLAIN,
            FapiProfile::FapiCiba => fapi_ciba(profiles),
            FapiProfile::Fapi2 => FAPI_2,
        }
    }

    /// What `client` is held to: where both say something, the stricter one.
    pub(in crate::op) fn of(profiles: impl Into<Profiles>, client: &Client) -> Self {
        let profiles = profiles.into();
        let own = match client.profile {
            Profile::Plain => PLAIN,
            Profile::FapiCiba => fapi_ciba(profiles),
            Profile::Fapi2 => FAPI_2,
        };
        own.and(Self::of_all(profiles))
    }

    fn and(self, other: Self) -> Self {
        Self {
            // Each list has all of the shorter ones.
            methods: shorter(self.methods, other.methods),
            algorithms: shorter(self.algorithms, other.algorithms),
            signed_requests: self.signed_requests || other.signed_requests,
            bounded_requests: self.bounded_requests || other.bounded_requests,
            context: self.context || other.context,
            push: self.push && other.push,
            code: self.code.max(other.code),
            bound: self.bound.max(other.bound),
            audience: self.audience.max(other.audience),
        }
    }

    /// Whether clients may authenticate by `method`.
    pub(in crate::op) fn allows_method(&self, method: ClientAuthMethod) -> bool {
        self.methods.contains(&method)
    }

    /// Whether clients may be told of results in this way.
    pub(in crate::op) fn allows_delivery(&self, mode: DeliveryMode) -> bool {
        self.push || mode != DeliveryMode::Push
    }

    /// Whether there is a code flow.
    pub(in crate::op) fn allows_code(&self) -> bool {
        self.code != Code::Never
    }

    /// Whether signatures may be made with the algorithm of this name. Without a profile that is nobody's business here.
    pub(in crate::op) fn allows_algorithm(&self, name: &str) -> bool {
        self.algorithms == PLAIN.algorithms || name.parse().is_ok_and(|algorithm| self.algorithms.contains(&algorithm))
    }
}

fn fapi_ciba(profiles: Profiles) -> Rules {
    Rules {
        signed_requests: profiles.fapi_ciba == FapiVersion::Id1,
        ..FAPI_CIBA
    }
}

fn shorter<T>(one: &'static [T], other: &'static [T]) -> &'static [T] {
    if one.len() < other.len() { one } else { other }
}

/// Checks that `client` is what its profile, and the provider's, ask for.
///
/// # Errors
/// With the first member that does not fit.
pub fn check_profile(profiles: Profiles, client: &Client) -> Result<(), Violation> {
    violated(&Rules::of(profiles, client), client).map_or(Ok(()), Err)
}

impl Provider {
    /// Refuses a client that was registered before its rules were. The app's client is ours and never among clients.
    pub(super) fn check_profile_of(&self, client: &Client) -> Result<(), Refusal> {
        if client.id == self.app_client.id {
            return Ok(());
        }
        let rules = Rules::of(&self.parts.config, client);
        if !rules.allows_method(client.auth_method) {
            let code = OAuthErrorCode::InvalidClient;
            return Err(Refusal::new(
                code,
                "the client's way to authenticate is not allowed any more",
            ));
        }
        violated(&rules, client).map_or(Ok(()), |Violation { member, .. }| {
            let code = OAuthErrorCode::UnauthorizedClient;
            let description = format!("the client's {member} does not fit the profile that it is held to");
            Err(Refusal::new(code, description))
        })
    }

    /// Whether every backchannel request of `client` is signed.
    pub(in crate::op) fn must_sign(&self, client: &Client) -> bool {
        client.requests.signed || Rules::of(&self.parts.config, client).signed_requests
    }

    /// Whom assertions of `client` may name as audience.
    pub(super) fn assertion_audience(&self, client: &Client) -> AssertionAudience {
        Rules::of(&self.parts.config, client).audience
    }
}

/// The first member that does not fit, and why.
fn violated(rules: &Rules, client: &Client) -> Option<Violation> {
    let by_ciba = client.grant_types.contains(&GrantType::Ciba);
    let by_code = client.grant_types.contains(&GrantType::AuthorizationCode);
    let signed_with = [
        ("id_token_signed_response_alg", Some(&client.id_token_alg)),
        ("token_endpoint_auth_signing_alg", client.assertion_alg.as_ref()),
        (
            "backchannel_authentication_request_signing_alg",
            client.requests.signing_alg.as_ref(),
        ),
        ("request_object_signing_alg", client.authorization.object_alg.as_ref()),
        ("access_token_signing_alg", client.tokens.access_token_alg.as_ref()),
        ("userinfo_signed_response_alg", client.tokens.userinfo_alg.as_ref()),
    ];
    let weak = signed_with
        .into_iter()
        .find(|(_, alg)| alg.is_some_and(|alg| !rules.allows_algorithm(alg)));
    let bound = match rules.bound {
        Bound::AsRegistered => true,
        Bound::Something => client.tokens.dpop_bound || client.tokens.certificate_bound,
        Bound::Certificate => client.tokens.certificate_bound && !client.tokens.dpop_bound,
    };
    let pushed = match rules.code {
        Code::Free => true,
        Code::Pushed => !by_code || client.authorization.pushed,
        Code::Never => !by_code,
    };
    let reachable = rules.code == Code::Free || client.redirect_uris.iter().all(|uri| is_https_or_loopback(uri));
    let problems = [
        (
            !rules.allows_method(client.auth_method),
            ("token_endpoint_auth_method", "the profile wants keys or certificates"),
        ),
        (
            weak.is_some(),
            (
                weak.map_or("", |(member, _)| member),
                "the profile does not allow this algorithm",
            ),
        ),
        (
            client.delivery_mode.is_some_and(|mode| !rules.allows_delivery(mode)),
            (
                "backchannel_token_delivery_mode",
                "the profile does not allow to send tokens",
            ),
        ),
        (
            by_ciba && rules.signed_requests && client.requests.signing_alg.is_none(),
            (
                "backchannel_authentication_request_signing_alg",
                "the profile wants signed requests",
            ),
        ),
        (
            !bound && rules.bound == Bound::Certificate,
            (
                "tls_client_certificate_bound_access_tokens",
                "the profile wants tokens that are bound to the certificate, and to nothing else",
            ),
        ),
        (
            !bound,
            (
                "dpop_bound_access_tokens",
                "the profile wants tokens that are bound to a key or to the certificate",
            ),
        ),
        (
            !pushed && rules.code == Code::Never,
            ("grant_types", "the profile allows no authorization code here"),
        ),
        (
            !pushed,
            (
                "require_pushed_authorization_requests",
                "the profile wants pushed requests",
            ),
        ),
        (
            !reachable,
            (
                "redirect_uris",
                "the profile wants https, or http on a loopback address",
            ),
        ),
    ];
    problems
        .into_iter()
        .find_map(|(broken, (member, problem))| broken.then_some(Violation { member, problem }))
}

fn is_https_or_loopback(uri: &str) -> bool {
    Url::parse(uri).is_ok_and(|url| ["https", "http"].contains(&url.scheme()))
}
