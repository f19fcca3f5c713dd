use serde::{Deserialize, Serialize};

use crate::state::SettledView;

/// What went wrong, for programs. A code exists only because somebody acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    /// The body is not the JSON that is expected; `field` names the member.
    InvalidBody,
    /// A path or query parameter is not usable; `field` names it.
    InvalidParameter,
    /// The decision cannot be verified.
    InvalidDecision,
    /// A proof that a key is held cannot be verified.
    InvalidKeyProof,
    /// A statement of a device cannot be verified.
    InvalidStatement,
    /// The access token is missing, unknown or over.
    InvalidToken,
    /// The DPoP proof is missing or wrong (RFC 9449 section 7.1).
    InvalidDpopProof,
    /// Repeat the call with the nonce of the answer (RFC 9449 section 9).
    UseDpopNonce,
    /// The ID token does not prove a fresh sign-in for this key.
    InvalidIdToken,
    /// The device session is unknown.
    InvalidSession,
    /// A provider's signature or token is missing or wrong.
    InvalidSignature,
    /// Another request was handed over under the same name.
    Conflict,
    /// The person does not want to be asked by this client.
    Unwanted,
    /// The device is revoked: wipe its keys.
    DeviceRemoved,
    /// The approval lacks the user verification that the policy asks for.
    UvRequired,
    /// The account may not use devices.
    AccountDisabled,
    /// There is no such thing for this person.
    NotFound,
    /// The method does not exist here.
    MethodNotAllowed,
    /// The request is settled already; the problem carries the state.
    Settled,
    /// The key belongs to another person's device.
    KeyInUse,
    /// Body or member over its limit.
    TooLarge,
    /// The content type is not the one expected.
    UnsupportedMediaType,
    /// The user code is not 4 to 64 characters that can be seen.
    UserCodeMalformed,
    /// The user code is the person's password.
    UserCodeIsPassword,
    /// The number is wrong; `tries_left` says how often it can be tried again.
    MatchWrong,
    /// Slow down.
    TooManyRequests,
    /// The backend cannot answer now; try again.
    Unavailable,
}

/// An error of the device API (RFC 9457).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// Always `about:blank`: `code` tells problems apart.
    #[serde(rename = "type")]
    pub kind: String,
    /// Short name of the status.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// For people, in English.
    pub detail: String,
    /// For programs.
    pub code: ProblemCode,
    /// The member at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// With `match_wrong`: tries left on this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tries_left: Option<u32>,
    /// With `settled`, and with the last `match_wrong`: the final state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled: Option<SettledView>,
}
