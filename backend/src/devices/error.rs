use countersign_jose::JoseError;

use crate::{domain::UserCodeMalformed, dpop::ProofError, issuers::IssuerError, keys::KeyError, storage::StorageError};

/// Why a call of a device, or of somebody who wants to become one, is refused.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// A member of the body has the right type but not a usable value.
    #[error("`{field}` {problem}")]
    Member {
        /// Which member.
        field: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A member is longer than allowed.
    #[error("`{field}` is too long")]
    TooLong {
        /// Which member.
        field: &'static str,
    },
    /// A key, or the proof that it is held, is not usable.
    #[error("`{field}` does not prove a usable key")]
    KeyProof {
        /// Which member.
        field: &'static str,
    },
    /// A statement does not verify.
    #[error("the statement cannot be verified: {0}")]
    Statement(&'static str),
    /// The user code does not follow the rules.
    #[error(transparent)]
    UserCode(#[from] UserCodeMalformed),
    /// The user code opens more than it should.
    #[error("the code is this person's password: take another one")]
    UserCodeIsPassword,
    /// A code could not be hashed.
    #[error("a code could not be hashed")]
    Hash(#[source] JoseError),
    /// A task of the registry ended before its answer.
    #[error("a task of the registry was stopped")]
    Stopped,
    /// The access token is missing, unknown or over.
    #[error("the access token is missing, unknown or over")]
    Token,
    /// The DPoP proof is missing or wrong.
    #[error("the DPoP proof is not acceptable: {0}")]
    Proof(&'static str),
    /// The DPoP proof lacks the current nonce.
    #[error("the DPoP proof lacks the current nonce")]
    Nonce,
    /// More proofs of one key than can be remembered.
    #[error("too many calls by this device")]
    TooManyProofs,
    /// The ID token does not prove a fresh sign-in for this key.
    #[error("the ID token does not prove a fresh sign-in of this app: {0}")]
    IdToken(&'static str),
    /// The device session is unknown or belongs to another key.
    #[error("the device session is unknown")]
    Session,
    /// The device is revoked.
    #[error("this device was removed")]
    Removed,
    /// The person is switched off.
    #[error("the account is disabled")]
    AccountDisabled,
    /// The person has no such device.
    #[error("there is no such device")]
    NotFound,
    /// The key belongs to another device.
    #[error("the key belongs to another device")]
    KeyInUse,
    /// The person has as many devices as are allowed.
    #[error("this person has too many devices: remove one first")]
    TooManyDevices,
    /// The store did not answer.
    #[error("devices could not be read or written")]
    Storage(#[from] StorageError),
    /// A key of the backend could not be used.
    #[error("a key of the backend could not be used")]
    Keys(#[from] KeyError),
    /// The keys of the person's provider cannot be had now.
    #[error("the sign-in cannot be checked now")]
    Issuer(#[source] IssuerError),
    /// Sealing an access token failed.
    #[error("an access token could not be made")]
    Seal(#[source] JoseError),
}

impl From<ProofError> for DeviceError {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Unacceptable(problem) => Self::Proof(problem),
            ProofError::Nonce => Self::Nonce,
        }
    }
}
