use serde::{Deserialize, Serialize};

use crate::{details::ExactJson, secret::Secret};

/// Error codes of the OAuth family, each with the text that defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OAuthErrorCode {
    /// RFC 6749 section 5.2; also a terminal answer of the CIBA grant (CIBA Core section 11).
    InvalidRequest,
    /// RFC 6749 section 5.2.
    InvalidClient,
    /// RFC 6749 section 5.2.
    InvalidGrant,
    /// RFC 6749 section 5.2; CIBA Core section 13.
    UnauthorizedClient,
    /// RFC 6749 section 5.2.
    UnsupportedGrantType,
    /// RFC 6749 section 4.1.2.1.
    UnsupportedResponseType,
    /// RFC 6749 section 5.2.
    InvalidScope,
    /// RFC 6749 section 4.1.2.1; CIBA Core sections 11 and 13.
    AccessDenied,
    /// RFC 6749 section 4.1.2.1.
    ServerError,
    /// RFC 6749 section 4.1.2.1.
    TemporarilyUnavailable,
    /// RFC 8628 section 3.5, CIBA Core section 11.
    AuthorizationPending,
    /// RFC 8628 section 3.5, CIBA Core section 11.
    SlowDown,
    /// RFC 8628 section 3.5, CIBA Core section 11.
    ExpiredToken,
    /// CIBA Core section 13.
    UnknownUserId,
    /// CIBA Core section 13.
    InvalidBindingMessage,
    /// CIBA Core section 13.
    ExpiredLoginHintToken,
    /// CIBA Core section 13.
    MissingUserCode,
    /// CIBA Core section 13.
    InvalidUserCode,
    /// CIBA Core section 12: a push client's request failed for another reason than denial or expiry.
    TransactionFailed,
    /// RFC 9396 section 5.
    InvalidAuthorizationDetails,
    /// RFC 8707 section 2.
    InvalidTarget,
    /// OpenID Connect Core section 3.1.2.6.
    LoginRequired,
    /// OpenID Connect Core section 3.1.2.6.
    InteractionRequired,
    /// OpenID Connect Core section 3.1.2.6.
    RequestNotSupported,
    /// OpenID Connect Core section 3.1.2.6.
    RequestUriNotSupported,
    /// OpenID Connect Core section 3.1.2.6, RFC 9101 section 7.
    InvalidRequestObject,
    /// OpenID Connect Core section 3.1.2.6, RFC 9126 section 2.3.
    InvalidRequestUri,
    /// RFC 7591 section 3.2.2.
    InvalidRedirectUri,
    /// RFC 7591 section 3.2.2.
    InvalidClientMetadata,
    /// RFC 7591 section 3.2.2.
    InvalidSoftwareStatement,
    /// RFC 7591 section 3.2.2.
    UnapprovedSoftwareStatement,
    /// RFC 9449 section 5.
    InvalidDpopProof,
    /// RFC 9449 section 8.
    UseDpopNonce,
    /// RFC 6750 section 3.1.
    InsufficientScope,
    /// RFC 6750 section 3.1.
    InvalidToken,
    /// RFC 7009 section 2.2.1.
    UnsupportedTokenType,
}

/// The error body of an OAuth endpoint (RFC 6749 section 5.2). No other member is ever in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuthError {
    /// The code that clients act on.
    pub error: OAuthErrorCode,
    /// For the client's developer; printable ASCII without `"` and `\`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
}

/// A successful answer of the token endpoint (RFC 6749 section 5.1, OpenID Connect Core section 3.1.3.3).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TokenResponse {
    /// The access token.
    pub access_token: Secret,
    /// `Bearer` or `DPoP`, compared without regard to case.
    pub token_type: String,
    /// Lifetime of the access token in seconds.
    pub expires_in: u64,
    /// The ID token, a compact JWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<Secret>,
    /// The refresh token, where one is granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Secret>,
    /// The granted scope, when it differs from the one asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The authorization details that were granted, as the client wrote them (RFC 9396 section 7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_details: Option<ExactJson>,
}
