use countersign_jose::JoseError;

use crate::{keys::KeyError, storage::StorageError};

/// Why a question cannot be shown or an answer not be taken.
#[derive(Debug, thiserror::Error)]
pub enum ConsentError {
    /// A member is longer than allowed.
    #[error("`{field}` is too long")]
    TooLong {
        /// Which member.
        field: &'static str,
    },
    /// The decision, or the request object it is about, does not verify.
    #[error("the decision cannot be verified: {0}")]
    Decision(&'static str),
    /// The approval lacks the verification of the person that the policy asks for.
    #[error("the approval lacks the verification of the person that is asked for")]
    UvRequired,
    /// The device is revoked.
    #[error("this device was removed")]
    DeviceRemoved,
    /// The person is switched off.
    #[error("the account is disabled")]
    AccountDisabled,
    /// The person has no such request.
    #[error("there is no such request")]
    NotFound,
    /// The store did not answer.
    #[error("requests could not be read or written")]
    Storage(#[from] StorageError),
    /// There is no key that signs request objects.
    #[error("a request object could not be signed")]
    Keys(#[from] KeyError),
    /// Signing a request object failed.
    #[error("a request object could not be signed")]
    Sign(#[source] JoseError),
}
