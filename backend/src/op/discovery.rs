//! What the provider says about itself (OpenID Connect Discovery 1.0 section 3, RFC 8414, CIBA Core section 4) and its public keys.
//!
//! Only registered members: what is ours alone stands in a document of its own.

use countersign_jose::{Algorithm, JwkSet};
use serde::Serialize;

use super::{Provider, acr, authorization, backchannel::BackchannelMetadata, clients, tokens};
use crate::domain::KeyPurpose;

const AUTH_METHODS: &[&str] = &[
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
];

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
    id_token_signing_alg_values_supported: [Algorithm; 10],
    userinfo_signing_alg_values_supported: [Algorithm; 10],
    dpop_signing_alg_values_supported: [Algorithm; 4],
    token_endpoint_auth_methods_supported: &'static [&'static str],
    token_endpoint_auth_signing_alg_values_supported: [&'static str; 7],
    introspection_endpoint_auth_methods_supported: &'static [&'static str],
    introspection_endpoint_auth_signing_alg_values_supported: [&'static str; 7],
    revocation_endpoint_auth_methods_supported: &'static [&'static str],
    revocation_endpoint_auth_signing_alg_values_supported: [&'static str; 7],
    code_challenge_methods_supported: [&'static str; 1],
    authorization_response_iss_parameter_supported: bool,
    claims_supported: [&'static str; 12],
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_object_signing_alg_values_supported: [Algorithm; 10],
    pushed_authorization_request_endpoint: String,
    request_uri_parameter_supported: bool,
}

impl Provider {
    /// The discovery document.
    #[must_use]
    pub fn metadata(&self) -> Metadata {
        let at = |path: &str| format!("{}{path}", self.issuer());
        let scopes = self.parts.config.scopes.keys().cloned();
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
            grant_types_supported: self.parts.config.offered_grants(),
            acr_values_supported: acr::SUPPORTED,
            subject_types_supported: ["public", "pairwise"],
            id_token_signing_alg_values_supported: tokens::SIGNING_ALGORITHMS,
            userinfo_signing_alg_values_supported: tokens::SIGNING_ALGORITHMS,
            dpop_signing_alg_values_supported: tokens::DPOP_ALGORITHMS,
            token_endpoint_auth_methods_supported: AUTH_METHODS,
            token_endpoint_auth_signing_alg_values_supported: clients::ASSERTION_ALGORITHMS,
            introspection_endpoint_auth_methods_supported: AUTH_METHODS,
            introspection_endpoint_auth_signing_alg_values_supported: clients::ASSERTION_ALGORITHMS,
            revocation_endpoint_auth_methods_supported: AUTH_METHODS,
            revocation_endpoint_auth_signing_alg_values_supported: clients::ASSERTION_ALGORITHMS,
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
            request_object_signing_alg_values_supported: authorization::REQUEST_OBJECT_ALGORITHMS,
            pushed_authorization_request_endpoint: at("/par"),
            request_uri_parameter_supported: false,
        }
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
