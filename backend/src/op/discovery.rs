//! What the provider says about itself (OpenID Connect Discovery 1.0 section 3, RFC 8414, CIBA Core section 4) and its public keys.
//!
//! Only registered members: what is ours alone stands in a document of its own.

use countersign_jose::{Algorithm, JwkSet};
use serde::Serialize;

use super::{
    CertificateOffer, MutualTls, Provider, acr, authorization,
    backchannel::BackchannelMetadata,
    clients::{self, Rules},
    tokens,
};
use crate::domain::{ClientAuthMethod, KeyPurpose};

/// The discovery document. Each member is named and defined as in the registries.
#[derive(Debug, Clone, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the registries define these members as booleans"
)]
pub struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    jwks_uri: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
    #[serde(flatten)]
    backchannel: Option<BackchannelMetadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_endpoint: Option<String>,
    scopes_supported: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorization_details_types_supported: Vec<String>,
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 1],
    grant_types_supported: Vec<String>,
    acr_values_supported: [&'static str; 3],
    subject_types_supported: [&'static str; 2],
    id_token_signing_alg_values_supported: Vec<Algorithm>,
    userinfo_signing_alg_values_supported: Vec<Algorithm>,
    dpop_signing_alg_values_supported: Vec<Algorithm>,
    token_endpoint_auth_methods_supported: Vec<ClientAuthMethod>,
    token_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    introspection_endpoint_auth_methods_supported: Vec<ClientAuthMethod>,
    introspection_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    revocation_endpoint_auth_methods_supported: Vec<ClientAuthMethod>,
    revocation_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    code_challenge_methods_supported: [&'static str; 1],
    authorization_response_iss_parameter_supported: bool,
    claims_supported: [&'static str; 12],
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_object_signing_alg_values_supported: Vec<Algorithm>,
    pushed_authorization_request_endpoint: String,
    request_uri_parameter_supported: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_client_certificate_bound_access_tokens: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtls_endpoint_aliases: Option<Aliases>,
}

/// Where clients that have a certificate go (RFC 8705 section 5).
#[derive(Debug, Clone, Serialize)]
#[expect(clippy::struct_field_names, reason = "the registry names them")]
struct Aliases {
    token_endpoint: String,
    userinfo_endpoint: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
    pushed_authorization_request_endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    backchannel_authentication_endpoint: Option<String>,
}

impl Provider {
    /// The discovery document.
    #[must_use]
    pub fn metadata(&self) -> Metadata {
        let at = |path: &str| format!("{}{path}", self.issuer());
        let config = &self.parts.config;
        let scopes = config.scopes.keys().cloned();
        let rules = Rules::of_all(config);
        let methods = self.auth_methods(&rules);
        let algorithms: Vec<&str> = clients::ASSERTION_ALGORITHMS
            .into_iter()
            .filter(|name| rules.allows_algorithm(name))
            .collect();
        let allowed = |known: &[Algorithm]| -> Vec<Algorithm> {
            let known = known.iter().copied();
            known.filter(|algorithm| rules.algorithms.contains(algorithm)).collect()
        };
        let grants = config.offered_grants().into_iter();
        Metadata {
            issuer: self.issuer().to_owned(),
            authorization_endpoint: at("/authorize"),
            token_endpoint: at("/token"),
            userinfo_endpoint: at("/userinfo"),
            jwks_uri: at("/jwks"),
            introspection_endpoint: at("/introspect"),
            revocation_endpoint: at("/revoke"),
            backchannel: self.backchannel_metadata(),
            registration_endpoint: self.registers_clients().then(|| at("/register")),
            scopes_supported: std::iter::once("openid".to_owned()).chain(scopes).collect(),
            authorization_details_types_supported: self.parts.config.authorization_details.keys().cloned().collect(),
            response_types_supported: ["code"],
            response_modes_supported: ["query"],
            grant_types_supported: grants
                .filter(|grant| rules.allows_code() || grant != "authorization_code")
                .collect(),
            acr_values_supported: acr::SUPPORTED,
            subject_types_supported: ["public", "pairwise"],
            id_token_signing_alg_values_supported: allowed(&tokens::SIGNING_ALGORITHMS),
            userinfo_signing_alg_values_supported: allowed(&tokens::SIGNING_ALGORITHMS),
            dpop_signing_alg_values_supported: allowed(&tokens::DPOP_ALGORITHMS),
            token_endpoint_auth_methods_supported: methods.clone(),
            token_endpoint_auth_signing_alg_values_supported: algorithms.clone(),
            introspection_endpoint_auth_methods_supported: methods.clone(),
            introspection_endpoint_auth_signing_alg_values_supported: algorithms.clone(),
            revocation_endpoint_auth_methods_supported: methods.clone(),
            revocation_endpoint_auth_signing_alg_values_supported: algorithms.clone(),
            code_challenge_methods_supported: ["S256"],
            authorization_response_iss_parameter_supported: true,
            claims_supported: [
                "iss",
                "sub",
                "aud",
                "exp",
                "iat",
                "auth_time",
                "acr",
                "amr",
                "name",
                "preferred_username",
                "email",
                "phone_number",
            ],
            claims_parameter_supported: false,
            request_parameter_supported: true,
            request_object_signing_alg_values_supported: allowed(&authorization::REQUEST_OBJECT_ALGORITHMS),
            pushed_authorization_request_endpoint: at("/par"),
            request_uri_parameter_supported: false,
            tls_client_certificate_bound_access_tokens: self.parts.mutual_tls.is_some().then_some(true),
            mtls_endpoint_aliases: self.parts.mutual_tls.as_ref().map(|listener| self.aliases(listener)),
        }
    }

    fn aliases(&self, listener: &MutualTls) -> Aliases {
        let at = |path: &str| format!("{}{path}", listener.origin());
        Aliases {
            token_endpoint: at("/token"),
            userinfo_endpoint: at("/userinfo"),
            introspection_endpoint: at("/introspect"),
            revocation_endpoint: at("/revoke"),
            pushed_authorization_request_endpoint: at("/par"),
            backchannel_authentication_endpoint: self.backchannel_authentication_path().map(at),
        }
    }

    /// How clients can authenticate: what works, within what the profile allows.
    fn auth_methods(&self, rules: &Rules) -> Vec<ClientAuthMethod> {
        let certificates = CertificateOffer::from(self.parts.mutual_tls.as_ref());
        let known = [
            ClientAuthMethod::ClientSecretBasic,
            ClientAuthMethod::ClientSecretPost,
            ClientAuthMethod::ClientSecretJwt,
            ClientAuthMethod::PrivateKeyJwt,
            ClientAuthMethod::TlsClientAuth,
            ClientAuthMethod::SelfSignedTlsClientAuth,
        ];
        let works = |method: &ClientAuthMethod| certificates.check_method(*method).is_ok();
        let allowed = known
            .into_iter()
            .filter(|method| works(method) && rules.allows_method(*method));
        allowed.collect()
    }

    /// The public keys that verify ID tokens, in every state of their life.
    #[must_use]
    pub fn jwks(&self) -> JwkSet {
        let purposes = KeyPurpose::ALL.map(|purpose| (purpose != KeyPurpose::RequestObject).then_some(purpose));
        let purposes: Vec<KeyPurpose> = purposes.into_iter().flatten().collect();
        JwkSet {
            keys: self.parts.keys.snapshot().public(&purposes),
        }
    }
}
