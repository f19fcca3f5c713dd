//! From the provider's errors to HTTP: `{error, error_description}` with the status that the specification names, and nothing else.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use countersign_protocol::{OAuthError, OAuthErrorCode};
use serde::Serialize;

use crate::{
    keys::KeyError,
    op::{Endpoint, OpError, Refusal},
};

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// A JSON answer that nobody stores.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let Ok(body) = serde_json::to_vec(body) else {
        tracing::error!("an answer could not be written as JSON");
        return empty(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    response
}

/// A signed answer that nobody stores.
pub(super) fn jwt(jwt: String) -> Response {
    let mut response = Response::new(Body::from(jwt));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/jwt"));
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    response
}

/// An answer without a body that nobody stores.
pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    response
}

/// Answers an error of the provider at an endpoint where clients authenticate, as [`failed`] does, but for what the endpoint has a status of its own:
/// a refusal by policy before anybody was asked is 403 at the backchannel authentication endpoint (CIBA Core section 13).
pub(super) fn failed_at(endpoint: Endpoint, error: &OpError) -> Response {
    match error {
        OpError::Refused(refusal)
            if endpoint == Endpoint::BackchannelAuthentication && refusal.code == OAuthErrorCode::AccessDenied =>
        {
            refused_with(StatusCode::FORBIDDEN, refusal)
        }
        error => failed(error),
    }
}

/// Answers an error of the provider. What is our doing is logged here, once, with its causes.
pub(super) fn failed(error: &OpError) -> Response {
    match error {
        OpError::Refused(refusal) => refused(refusal),
        OpError::Storage(_) | OpError::Key(KeyError::Storage(_) | KeyError::Outdated { .. }) => {
            log(error);
            let code = OAuthErrorCode::TemporarilyUnavailable;
            let mut response = body(StatusCode::SERVICE_UNAVAILABLE, code, "the provider cannot answer now");
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
            response
        }
        OpError::Key(KeyError::Jose(_) | KeyError::NoActiveKey(_)) | OpError::Jose(_) | OpError::Stopped => {
            log(error);
            body(
                StatusCode::INTERNAL_SERVER_ERROR,
                OAuthErrorCode::ServerError,
                "the provider failed",
            )
        }
    }
}

/// Answers an error of a resource of ours: there a bad proof is a bad credential (RFC 9449 section 7.1), and the challenge names the scheme.
pub(super) fn failed_at_resource(error: &OpError, is_dpop: bool, algorithms: &str) -> Response {
    use OAuthErrorCode as Code;
    let OpError::Refused(refusal) = error else {
        return failed(error);
    };
    let word = match refusal.code {
        Code::InvalidToken => "invalid_token",
        Code::InvalidDpopProof => "invalid_dpop_proof",
        Code::UseDpopNonce => "use_dpop_nonce",
        _ => return refused(refusal),
    };
    let challenge = if is_dpop {
        format!("DPoP error=\"{word}\", algs=\"{algorithms}\"")
    } else {
        format!("Bearer error=\"{word}\"")
    };
    let mut response = body(StatusCode::UNAUTHORIZED, refusal.code, &refusal.description);
    if let Ok(challenge) = HeaderValue::from_str(&challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// Answers a refusal.
pub(super) fn refused(refusal: &Refusal) -> Response {
    refused_with(status(refusal.code), refusal)
}

/// Answers a refusal whose status HTTP itself decides, such as 413.
pub(super) fn refused_with(status: StatusCode, refusal: &Refusal) -> Response {
    let mut response = body(status, refusal.code, &refusal.description);
    let challenge = match refusal.code {
        OAuthErrorCode::InvalidClient if refusal.basic => Some("Basic realm=\"countersign\", charset=\"UTF-8\""),
        OAuthErrorCode::InvalidToken => Some("Bearer error=\"invalid_token\""),
        _ => None,
    };
    if let Some(challenge) = challenge {
        let headers = response.headers_mut();
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    response
}

/// Logs an error that is our doing, with its causes.
pub(super) fn log(error: &OpError) {
    let mut causes = String::new();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        causes = format!("{causes}: {inner}");
        cause = inner.source();
    }
    tracing::error!("{error}{causes}");
}

fn body(status: StatusCode, code: OAuthErrorCode, description: &str) -> Response {
    let error = OAuthError {
        error: code,
        error_description: Some(description.to_owned()),
    };
    json(status, &error)
}

/// RFC 6749 section 5.2, RFC 6750 section 3.1, CIBA Core sections 11 and 13. Written out, so that a new code has to be decided here.
fn status(code: OAuthErrorCode) -> StatusCode {
    use OAuthErrorCode as Code;
    match code {
        Code::InvalidClient | Code::InvalidToken => StatusCode::UNAUTHORIZED,
        Code::InsufficientScope => StatusCode::FORBIDDEN,
        Code::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
        Code::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::InvalidRequest
        | Code::InvalidGrant
        | Code::UnauthorizedClient
        | Code::UnsupportedGrantType
        | Code::UnsupportedResponseType
        | Code::InvalidScope
        | Code::AccessDenied
        | Code::AuthorizationPending
        | Code::SlowDown
        | Code::ExpiredToken
        | Code::UnknownUserId
        | Code::InvalidBindingMessage
        | Code::ExpiredLoginHintToken
        | Code::MissingUserCode
        | Code::InvalidUserCode
        | Code::TransactionFailed
        | Code::InvalidAuthorizationDetails
        | Code::InvalidTarget
        | Code::InvalidRequestObject
        | Code::InvalidRequestUri
        | Code::InvalidRedirectUri
        | Code::InvalidClientMetadata
        | Code::InvalidSoftwareStatement
        | Code::UnapprovedSoftwareStatement
        | Code::InvalidDpopProof
        | Code::UseDpopNonce
        | Code::LoginRequired
        | Code::InteractionRequired
        | Code::RequestNotSupported
        | Code::RequestUriNotSupported
        | Code::UnsupportedTokenType => StatusCode::BAD_REQUEST,
    }
}
