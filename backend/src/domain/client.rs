use countersign_clock::Millis;
use countersign_protocol::{ClientId, DeliveryMode};
use serde::{Deserialize, Serialize};
use url::Url;

/// `client_id` of the app at the embedded provider: a public client that is built in.
pub const APP_CLIENT_ID: &str = "countersign-app";

/// How a client authenticates (OpenID Connect Core section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthMethod {
    /// HTTP Basic.
    ClientSecretBasic,
    /// Secret in the form.
    ClientSecretPost,
    /// Assertion signed with the secret (RFC 7523).
    ClientSecretJwt,
    /// Assertion signed with a key of the client (RFC 7523).
    PrivateKeyJwt,
    /// A certificate from a known authority (RFC 8705 section 2.1).
    TlsClientAuth,
    /// A certificate that the client registered (RFC 8705 section 2.2).
    SelfSignedTlsClientAuth,
    /// Public client: code with PKCE only.
    None,
}

/// What a client may do at the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum GrantType {
    /// RFC 6749 section 4.1.
    #[serde(rename = "authorization_code")]
    AuthorizationCode,
    /// RFC 6749 section 6.
    #[serde(rename = "refresh_token")]
    RefreshToken,
    /// CIBA Core section 10.1.
    #[serde(rename = "urn:openid:params:grant-type:ciba")]
    Ciba,
}

/// How the person ties this client's requests to the other screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum BindingMode {
    /// A message of 2 to 8 digits is typed, any other is shown.
    #[default]
    Auto,
    /// Always shown.
    Show,
    /// Always typed; without a message the provider makes the number.
    Type,
}

/// A registered client. Stored as it stands here, so a member that is added later needs a default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Client {
    /// `client_id`.
    pub id: ClientId,
    /// For people.
    pub name: String,
    /// Home page, for people.
    #[serde(default)]
    pub uri: Option<String>,
    /// `token_endpoint_auth_method`; governs the backchannel endpoint too (CIBA Core section 4).
    pub auth_method: ClientAuthMethod,
    /// Hex SHA-256 of the secret: machine secrets are random, so they need no slow hash.
    #[serde(default)]
    pub secret_sha256: Option<String>,
    /// JWK Set for assertions.
    #[serde(default)]
    pub jwks: Option<serde_json::Value>,
    /// Exact redirect URIs.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// Grants the client may use.
    pub grant_types: Vec<GrantType>,
    /// Scope values the client may ask for.
    pub scopes: Vec<String>,
    /// `backchannel_token_delivery_mode`.
    #[serde(default)]
    pub delivery_mode: Option<DeliveryMode>,
    /// `backchannel_client_notification_endpoint` of a client that is not told by polling (CIBA Core section 4).
    #[serde(default)]
    pub notification_endpoint: Option<Url>,
    /// How numbers and messages are compared.
    #[serde(default)]
    pub binding_mode: BindingMode,
    /// `ES256` or `RS256`.
    #[serde(default = "es256")]
    pub id_token_alg: String,
    /// Whether assertions may name an endpoint instead of the issuer as audience.
    #[serde(default)]
    pub endpoint_audience: bool,
    /// The secret, sealed, base64url: only where it has to be known again to check what it signed (`client_secret_jwt`).
    #[serde(default)]
    pub secret_sealed: Option<String>,
    /// Where its keys are published, instead of [`Client::jwks`].
    #[serde(default)]
    pub jwks_uri: Option<Url>,
    /// `token_endpoint_auth_signing_alg`: the only algorithm of its assertions, where it named one.
    #[serde(default)]
    pub assertion_alg: Option<String>,
    /// Whose certificate it shows (RFC 8705 section 2.1).
    #[serde(default)]
    pub certificate_subject: Option<CertificateSubject>,
    /// Which rules it is held to beyond the plain standards.
    #[serde(default)]
    pub profile: Profile,
    /// A disabled client is refused everywhere, and what it was given is worth nothing meanwhile.
    #[serde(default)]
    pub disabled: bool,
    /// How it has to ask at the backchannel endpoint.
    #[serde(default)]
    pub requests: RequestRules,
    /// How it has to ask at the authorization endpoint.
    #[serde(default)]
    pub authorization: AuthorizationRules,
    /// What it is given.
    #[serde(default)]
    pub tokens: TokenRules,
    /// How it was registered.
    #[serde(default)]
    pub registration: Registration,
    /// When it was added.
    pub created_at: Millis,
}

/// The one name in a certificate by which a client is known (RFC 8705 section 2.1.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateSubject {
    /// `tls_client_auth_subject_dn`, as in RFC 4514.
    SubjectDn(String),
    /// `tls_client_auth_san_dns`.
    SanDns(String),
    /// `tls_client_auth_san_uri`.
    SanUri(String),
    /// `tls_client_auth_san_ip`.
    SanIp(String),
    /// `tls_client_auth_san_email`.
    SanEmail(String),
}

/// A profile of rules for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// The standards as they stand.
    #[default]
    Plain,
    /// FAPI-CIBA Implementer's Draft 1.
    FapiCiba,
    /// FAPI-CIBA draft 03 with FAPI 2.0.
    Fapi2,
}

/// How a client has to ask at the backchannel endpoint.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestRules {
    /// `backchannel_authentication_request_signing_alg`: without it, signed requests are refused (CIBA Core section 4).
    pub signing_alg: Option<String>,
    /// Whether unsigned backchannel requests are refused.
    pub signed: bool,
    /// `backchannel_user_code_parameter`.
    pub user_code: bool,
    /// Seconds in which its requests are to be decided when it does not say.
    pub expires_in: Option<u32>,
    /// Greatest `requested_expiry`, where it is less than everybody's.
    pub max_expiry: Option<u32>,
    /// `default_acr_values`: classes that are asked for when a request names none.
    pub default_acr_values: Vec<String>,
    /// A class that its approvals have to meet, whatever the request says.
    pub required_acr: Option<String>,
    /// `authorization_details_types` that it may ask for (RFC 9396 section 10).
    pub details_types: Vec<String>,
    /// Resources that its tokens may be for (RFC 8707).
    pub resources: Vec<String>,
}

/// How a client has to ask at the authorization endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AuthorizationRules {
    /// `request_object_signing_alg` (RFC 9101).
    pub object_alg: Option<String>,
    /// `require_signed_request_object` (RFC 9101 section 10.5).
    pub object: bool,
    /// `require_pushed_authorization_requests` (RFC 9126 section 6).
    pub pushed: bool,
}

/// What a client is given.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenRules {
    /// `access_token_signing_alg`: access tokens are JWTs (RFC 9068); without it they are opaque.
    pub access_token_alg: Option<String>,
    /// `userinfo_signed_response_alg`: without it the answer is plain JSON.
    pub userinfo_alg: Option<String>,
    /// `dpop_bound_access_tokens` (RFC 9449 section 5.2).
    pub dpop_bound: bool,
    /// `tls_client_certificate_bound_access_tokens` (RFC 8705 section 3.4).
    pub certificate_bound: bool,
    /// `subject_type` is `pairwise` (OpenID Connect Core section 8).
    pub pairwise: bool,
    /// `sector_identifier_uri`.
    pub sector_identifier_uri: Option<Url>,
}

/// How a client was registered.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Registration {
    /// Hex SHA-256 of the `registration_access_token` (RFC 7592 section 3).
    pub token_sha256: Option<String>,
    /// Metadata that change nothing here and are returned as they came, such as `contacts`.
    pub other: serde_json::Map<String, serde_json::Value>,
}

impl Client {
    /// A client without any rights yet, that authenticates by HTTP Basic.
    #[must_use]
    pub fn new(id: impl Into<ClientId>, name: impl Into<String>, created_at: Millis) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            uri: None,
            auth_method: ClientAuthMethod::ClientSecretBasic,
            secret_sha256: None,
            jwks: None,
            redirect_uris: Vec::new(),
            grant_types: Vec::new(),
            scopes: Vec::new(),
            delivery_mode: None,
            notification_endpoint: None,
            binding_mode: BindingMode::Auto,
            id_token_alg: es256(),
            endpoint_audience: false,
            secret_sealed: None,
            jwks_uri: None,
            assertion_alg: None,
            certificate_subject: None,
            profile: Profile::Plain,
            disabled: false,
            requests: RequestRules::default(),
            authorization: AuthorizationRules::default(),
            tokens: TokenRules::default(),
            registration: Registration::default(),
            created_at,
        }
    }
}

fn es256() -> String {
    "ES256".to_owned()
}
