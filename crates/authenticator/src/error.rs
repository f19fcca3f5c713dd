//! What can go wrong on the device, and how the window is told.

use countersign_clock::Millis;
use countersign_jose::JoseError;
use countersign_protocol::ProblemCode;
use thiserror::Error;

use crate::{
    api::ApiError,
    host::SecretStoreError,
    signer::SignerError,
    view::{ErrorCode, ErrorView},
};

/// Why the device could not do what it was asked.
#[derive(Debug, Error)]
pub enum AuthenticatorError {
    /// The backend or the provider cannot be reached, or cannot answer now.
    #[error("reach the backend")]
    Offline(#[source] Option<Box<ApiError>>),
    /// The address has no document that a Countersign backend has.
    #[error("read the backend's documents")]
    NotCountersign,
    /// Plain http beyond this machine, or another origin than the one that was asked.
    #[error("use this address")]
    AddressRefused,
    /// The person cancelled.
    #[error("go on after the person cancelled")]
    Cancelled,
    /// The browser did not come back in time.
    #[error("wait any longer for the browser")]
    TimedOut,
    /// The provider's documents or keys cannot be read.
    #[error("read the provider's documents")]
    ProviderUnusable,
    /// The provider answered with an error.
    #[error("sign in at the provider")]
    SignInRefused,
    /// What came back does not belong to this sign-in.
    #[error("match the answer with this sign-in")]
    SignInMismatch,
    /// The account is already paired.
    #[error("pair an account twice")]
    AlreadyPaired,
    /// The clocks are too far apart.
    #[error("agree with the provider on the time")]
    ClockSkew,
    /// The PIN is wrong.
    #[error("open the key with this PIN")]
    WrongPin,
    /// The PIN is needed.
    #[error("approve without the PIN")]
    PinRequired,
    /// Too many wrong PINs.
    #[error("try a PIN before the waiting time is over")]
    PinThrottled {
        /// When the next try is possible, on the device's own clock.
        until: Millis,
    },
    /// The PIN is not 6 to 12 digits, or is one that everybody tries first.
    #[error("take this PIN")]
    PinMalformed,
    /// There is no key store.
    #[error("find a key store")]
    NoKeyStore,
    /// The key store is locked.
    #[error("use the locked key store")]
    KeyStoreLocked,
    /// The request was not in view long enough.
    #[error("approve what was not in view long enough")]
    NotPresented,
    /// The number is not 2 to 8 digits.
    #[error("take this number")]
    MatchMalformed,
    /// The user code is not 4 to 64 characters that can be seen.
    #[error("take this code")]
    UserCodeMalformed,
    /// The user code is the person's password.
    #[error("take the password as a code")]
    UserCodeIsPassword,
    /// There is no such request or account.
    #[error("find it")]
    NotFound,
    /// The device was removed.
    #[error("use a device that was removed")]
    DeviceRemoved,
    /// The request cannot be verified.
    #[error("verify the request")]
    CannotVerify,
    /// The backend refused.
    #[error("get the backend's consent ({0:?})")]
    Refused(ProblemCode),
    /// The key store failed.
    #[error("use the key store")]
    KeyStore(#[source] SecretStoreError),
    /// A signature could not be made.
    #[error("sign")]
    Sign(#[from] SignerError),
    /// Key material could not be made or read.
    #[error("use a key")]
    Key(#[from] JoseError),
    /// A stored or sent value could not be written or read.
    #[error("read or write a value")]
    Value(#[from] serde_json::Error),
    /// The loopback listener or a background thread failed.
    #[error("use the machine")]
    Machine(#[from] std::io::Error),
}

impl AuthenticatorError {
    /// The code the window acts on.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Offline(_) => ErrorCode::Offline,
            Self::NotCountersign => ErrorCode::NotCountersign,
            Self::AddressRefused => ErrorCode::AddressRefused,
            Self::Cancelled => ErrorCode::Cancelled,
            Self::TimedOut => ErrorCode::TimedOut,
            Self::ProviderUnusable => ErrorCode::ProviderUnusable,
            Self::SignInRefused => ErrorCode::SignInRefused,
            Self::SignInMismatch => ErrorCode::SignInMismatch,
            Self::AlreadyPaired => ErrorCode::AlreadyPaired,
            Self::ClockSkew => ErrorCode::ClockSkew,
            Self::WrongPin => ErrorCode::WrongPin,
            Self::PinRequired => ErrorCode::PinRequired,
            Self::PinThrottled { .. } => ErrorCode::PinThrottled,
            Self::PinMalformed => ErrorCode::PinMalformed,
            Self::NoKeyStore => ErrorCode::NoKeyStore,
            Self::KeyStoreLocked => ErrorCode::KeyStoreLocked,
            Self::NotPresented => ErrorCode::NotPresented,
            Self::MatchMalformed => ErrorCode::MatchMalformed,
            Self::UserCodeMalformed => ErrorCode::UserCodeMalformed,
            Self::UserCodeIsPassword => ErrorCode::UserCodeIsPassword,
            Self::NotFound => ErrorCode::NotFound,
            Self::DeviceRemoved => ErrorCode::DeviceRemoved,
            Self::CannotVerify => ErrorCode::CannotVerify,
            Self::Refused(_) => ErrorCode::Refused,
            Self::KeyStore(_) | Self::Sign(_) | Self::Key(_) | Self::Value(_) | Self::Machine(_) => ErrorCode::Internal,
        }
    }

    /// The error as the window sees it.
    #[must_use]
    pub fn view(&self) -> ErrorView {
        let retry_at = match self {
            Self::PinThrottled { until } => Some(*until),
            _ => None,
        };
        ErrorView {
            code: self.code(),
            message: format!("could not {self}"),
            retry_at,
        }
    }
}

impl From<SecretStoreError> for AuthenticatorError {
    fn from(error: SecretStoreError) -> Self {
        match error {
            SecretStoreError::Missing => Self::NoKeyStore,
            SecretStoreError::Locked => Self::KeyStoreLocked,
            SecretStoreError::Failed(_) => Self::KeyStore(error),
        }
    }
}

impl From<ApiError> for AuthenticatorError {
    fn from(error: ApiError) -> Self {
        if error.is_transient() {
            return Self::Offline(Some(Box::new(error)));
        }
        match error {
            ApiError::Refused(problem) => match problem.code {
                ProblemCode::DeviceRemoved => Self::DeviceRemoved,
                ProblemCode::NotFound => Self::NotFound,
                ProblemCode::UserCodeMalformed => Self::UserCodeMalformed,
                ProblemCode::UserCodeIsPassword => Self::UserCodeIsPassword,
                code => Self::Refused(code),
            },
            ApiError::Sign(error) => Self::Sign(error),
            other @ (ApiError::Unreachable(_) | ApiError::Unreadable { .. } | ApiError::Address) => {
                Self::Offline(Some(Box::new(other)))
            }
        }
    }
}
