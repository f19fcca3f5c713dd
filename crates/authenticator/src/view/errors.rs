//! What the window is told when something went wrong.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// An error for the window: it acts on `code` and shows its own words; `message` is for the log and for support.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct ErrorView {
    /// What went wrong.
    pub code: ErrorCode,
    /// In English, without secrets.
    pub message: String,
    /// With `pin_throttled`: when the next try is possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub retry_at: Option<i64>,
}

/// Errors that the window tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum ErrorCode {
    /// The backend cannot be reached.
    Offline,
    /// The address is not one of a Countersign backend.
    NotCountersign,
    /// The address is not allowed: plain http beyond this machine, another origin than the pinned one.
    AddressRefused,
    /// The person cancelled.
    Cancelled,
    /// The browser did not come back in time.
    TimedOut,
    /// The place where people sign in does not answer as it should.
    ProviderUnusable,
    /// The provider answered with an error.
    SignInRefused,
    /// What came back does not belong to this sign-in (`state`, `iss`, ID token).
    SignInMismatch,
    /// The account is already paired.
    AlreadyPaired,
    /// The clocks are too far apart.
    ClockSkew,
    /// The PIN is wrong.
    WrongPin,
    /// The PIN is needed.
    PinRequired,
    /// Too many wrong PINs; the app waits.
    PinThrottled,
    /// The PIN is not 6 to 12 digits.
    PinMalformed,
    /// No key store: choose the encrypted file.
    NoKeyStore,
    /// The key store is locked.
    KeyStoreLocked,
    /// The request was not in view long enough.
    NotPresented,
    /// The number is not 2 to 8 digits.
    MatchMalformed,
    /// The user code is not 4 to 64 characters that can be seen.
    UserCodeMalformed,
    /// The user code is the person's password.
    UserCodeIsPassword,
    /// There is no such request or account.
    NotFound,
    /// The device was removed.
    DeviceRemoved,
    /// The request cannot be verified.
    CannotVerify,
    /// The backend refused for a reason that has no code of its own here.
    Refused,
    /// A fault of this app.
    Internal,
}
