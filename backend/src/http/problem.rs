//! The only place where an error of the device API becomes an answer (RFC 9457; codes of `docs/protocol.md` section 9).

use std::error::Error;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use countersign_protocol::{Problem, ProblemCode, SettledView};

use super::strict_json::BodyError;
use crate::{connectors::IntakeError, consent::ConsentError, devices::DeviceError, issuers::IssuerError};

/// Seconds after which a caller may try again when the backend cannot answer, or was asked too often.
const RETRY_AFTER: &str = "5";

/// Why a call of the device API is refused.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// A device or its registration.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A question or its answer.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// A provider's question.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// The body.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// A member of a form.
    #[error("`{field}` {problem}")]
    Member {
        /// Which.
        field: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// The body ends before it should.
    #[error("the body cannot be read to its end")]
    Unreadable,
    /// A path or query parameter.
    #[error("the parameter `{field}` is not usable")]
    Parameter {
        /// Which.
        field: String,
    },
    /// The body or a part is over its limit.
    #[error("{} is too large", field.unwrap_or("the body"))]
    TooLarge {
        /// Which part.
        field: Option<&'static str>,
    },
    /// The body is of another kind.
    #[error("the body has to be application/json")]
    MediaType,
    /// Nothing is at this address.
    #[error("nothing is here")]
    NotFound,
    /// Nothing answers to this method here.
    #[error("this method does not exist here")]
    Method,
    /// The decision came too late.
    #[error("the request is settled already")]
    Settled(SettledView),
    /// The number is wrong.
    #[error("the number is wrong")]
    MatchWrong {
        /// How often it can be tried again.
        tries_left: u32,
        /// The final state, when there is no try left.
        settled: Option<SettledView>,
    },
    /// The person's devices hold as many streams as they may.
    #[error("there are too many streams for this person")]
    TooManyStreams,
    /// The server stops.
    #[error("the backend is stopping")]
    Stopping,
}

impl ApiError {
    /// A parameter that is not usable.
    pub fn parameter(field: &str) -> Self {
        Self::Parameter {
            field: field.to_owned(),
        }
    }

    /// A member of a form that is not usable.
    pub fn member(field: &str, problem: &'static str) -> Self {
        Self::Member {
            field: field.chars().take(128).collect(),
            problem,
        }
    }

    fn code(&self) -> ProblemCode {
        use ProblemCode as Code;
        match self {
            Self::Device(error) => code_of_device(error),
            Self::Consent(error) => code_of_consent(error),
            Self::Intake(error) => code_of_intake(error),
            Self::Body(_) | Self::Member { .. } | Self::Unreadable => Code::InvalidBody,
            Self::Parameter { .. } => Code::InvalidParameter,
            Self::TooLarge { .. } => Code::TooLarge,
            Self::MediaType => Code::UnsupportedMediaType,
            Self::NotFound => Code::NotFound,
            Self::Method => Code::MethodNotAllowed,
            Self::Settled(_) => Code::Settled,
            Self::MatchWrong { .. } => Code::MatchWrong,
            Self::TooManyStreams => Code::TooManyRequests,
            Self::Stopping => Code::Unavailable,
        }
    }

    fn field(&self) -> Option<String> {
        match self {
            Self::Body(error) => error.field.clone(),
            Self::Member { field, .. } | Self::Parameter { field } => Some(field.clone()),
            Self::TooLarge { field } => field.map(str::to_owned),
            Self::Device(
                DeviceError::Member { field, .. } | DeviceError::TooLong { field } | DeviceError::KeyProof { field },
            )
            | Self::Consent(ConsentError::TooLong { field })
            | Self::Intake(IntakeError::Invalid { field, .. }) => Some((*field).to_owned()),
            _ => None,
        }
    }
}

fn code_of_device(error: &DeviceError) -> ProblemCode {
    use ProblemCode as Code;
    match error {
        DeviceError::Member { .. } => Code::InvalidBody,
        DeviceError::TooLong { .. } => Code::TooLarge,
        DeviceError::KeyProof { .. } => Code::InvalidKeyProof,
        DeviceError::Statement(_) => Code::InvalidStatement,
        DeviceError::UserCode(_) => Code::UserCodeMalformed,
        DeviceError::UserCodeIsPassword => Code::UserCodeIsPassword,
        DeviceError::Token => Code::InvalidToken,
        DeviceError::Proof(_) => Code::InvalidDpopProof,
        DeviceError::Nonce => Code::UseDpopNonce,
        DeviceError::TooManyProofs | DeviceError::TooManyDevices => Code::TooManyRequests,
        DeviceError::IdToken(_) => Code::InvalidIdToken,
        DeviceError::Session => Code::InvalidSession,
        DeviceError::Removed => Code::DeviceRemoved,
        DeviceError::AccountDisabled => Code::AccountDisabled,
        DeviceError::NotFound => Code::NotFound,
        DeviceError::KeyInUse => Code::KeyInUse,
        DeviceError::Storage(_)
        | DeviceError::Keys(_)
        | DeviceError::Seal(_)
        | DeviceError::Hash(_)
        | DeviceError::Issuer(_)
        | DeviceError::Stopped => Code::Unavailable,
    }
}

fn code_of_consent(error: &ConsentError) -> ProblemCode {
    use ProblemCode as Code;
    match error {
        ConsentError::TooLong { .. } => Code::TooLarge,
        ConsentError::Decision(_) => Code::InvalidDecision,
        ConsentError::UvRequired => Code::UvRequired,
        ConsentError::DeviceRemoved => Code::DeviceRemoved,
        ConsentError::AccountDisabled => Code::AccountDisabled,
        ConsentError::NotFound => Code::NotFound,
        ConsentError::Storage(_) | ConsentError::Keys(_) | ConsentError::Sign(_) => Code::Unavailable,
    }
}

fn code_of_intake(error: &IntakeError) -> ProblemCode {
    use ProblemCode as Code;
    match error {
        IntakeError::Unauthorized(_) | IntakeError::Issuer(IssuerError::Unknown) => Code::InvalidSignature,
        IntakeError::Invalid { .. } => Code::InvalidBody,
        IntakeError::Conflict => Code::Conflict,
        IntakeError::Reported => Code::Unwanted,
        IntakeError::Issuer(_) | IntakeError::Storage(_) | IntakeError::Seal(_) => Code::Unavailable,
    }
}

fn status_of(code: ProblemCode) -> StatusCode {
    use ProblemCode as Code;
    match code {
        Code::InvalidBody
        | Code::InvalidParameter
        | Code::InvalidDecision
        | Code::InvalidKeyProof
        | Code::InvalidStatement => StatusCode::BAD_REQUEST,
        Code::InvalidToken
        | Code::InvalidDpopProof
        | Code::UseDpopNonce
        | Code::InvalidIdToken
        | Code::InvalidSession
        | Code::InvalidSignature
        | Code::DeviceRemoved => StatusCode::UNAUTHORIZED,
        Code::UvRequired | Code::AccountDisabled | Code::Unwanted => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::Settled | Code::KeyInUse | Code::Conflict => StatusCode::CONFLICT,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::MatchWrong | Code::UserCodeMalformed | Code::UserCodeIsPassword => StatusCode::UNPROCESSABLE_ENTITY,
        Code::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// The challenge of a 401 (RFC 9449 section 7.1); the codes that RFC does not know stand in the body alone.
fn challenge(code: ProblemCode) -> &'static str {
    match code {
        ProblemCode::InvalidToken => r#"DPoP error="invalid_token", algs="ES256""#,
        ProblemCode::InvalidDpopProof => r#"DPoP error="invalid_dpop_proof", algs="ES256""#,
        ProblemCode::UseDpopNonce => r#"DPoP error="use_dpop_nonce", algs="ES256""#,
        ProblemCode::InvalidSignature => r#"Bearer error="invalid_token""#,
        _ => r#"DPoP algs="ES256""#,
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let code = self.code();
        let status = status_of(code);
        if code == ProblemCode::Unavailable {
            log_chain(&self);
        }
        let (field, detail) = (self.field(), self.to_string());
        let (tries_left, settled) = match self {
            Self::MatchWrong { tries_left, settled } => (Some(tries_left), settled),
            Self::Settled(view) => (None, Some(view)),
            _ => (None, None),
        };
        let problem = Problem {
            kind: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or_default().to_owned(),
            status: status.as_u16(),
            detail,
            code,
            field,
            tries_left,
            settled,
        };
        let mut response = super::device_api::json(status, &problem);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge(code)));
        }
        if matches!(code, ProblemCode::Unavailable | ProblemCode::TooManyRequests) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        }
        response
    }
}

fn log_chain(error: &ApiError) {
    let mut chain = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        chain = format!("{chain}: {cause}");
        source = cause.source();
    }
    tracing::error!("a call cannot be answered: {chain}");
}
