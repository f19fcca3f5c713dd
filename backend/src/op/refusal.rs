use std::borrow::Cow;

use countersign_jose::JoseError;
use countersign_protocol::OAuthErrorCode;

use crate::{keys::KeyError, storage::StorageError};

/// A request that is answered with an OAuth error: the client's or the person's doing, never ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code:?}: {description}")]
pub struct Refusal {
    /// What programs act on.
    pub code: OAuthErrorCode,
    /// For the client's developer, in our own words: nothing that was sent is repeated in it.
    pub description: Cow<'static, str>,
    /// Whether the client tried HTTP Basic, so that the answer has to name it (RFC 6749 section 5.2).
    pub basic: bool,
}

impl Refusal {
    /// A refusal with `code`.
    pub(crate) fn new(code: OAuthErrorCode, description: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            description: description.into(),
            basic: false,
        }
    }

    /// `invalid_request`.
    pub(crate) fn invalid_request(description: impl Into<Cow<'static, str>>) -> Self {
        Self::new(OAuthErrorCode::InvalidRequest, description)
    }

    /// `invalid_grant`.
    pub(super) fn invalid_grant(description: &'static str) -> Self {
        Self::new(OAuthErrorCode::InvalidGrant, description)
    }
}

/// Why an endpoint did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum OpError {
    /// The request is refused.
    #[error("the request is refused")]
    Refused(#[from] Refusal),
    /// The store did not answer.
    #[error("the store did not answer the provider")]
    Storage(#[from] StorageError),
    /// No key signs.
    #[error("the provider has no key to sign with")]
    Key(#[from] KeyError),
    /// Something could not be signed, sealed or hashed.
    #[error("the provider could not sign, seal or hash")]
    Jose(#[from] JoseError),
    /// A task of the provider ended before its answer.
    #[error("a task of the provider was stopped")]
    Stopped,
}
