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
    /// Signed assertion (RFC 7523).
    PrivateKeyJwt,
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
    /// When it was added.
    pub created_at: Millis,
}

fn es256() -> String {
    "ES256".to_owned()
}
