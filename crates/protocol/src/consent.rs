use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    details::{DetailsWords, ExactJson},
    device::{PublicJwk, UvMethod},
    ids::{ClientId, DeviceId, Handle, Subject},
    state::{DecidedBy, Delivery, PromptState, SettledReason, SettledView},
};

/// The client as it was registered, never as it describes itself in a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct ClientShown {
    /// `client_id`.
    pub id: ClientId,
    /// Its registered name.
    pub name: String,
    /// Its registered home page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub uri: Option<String>,
}

/// A scope with the operator's words for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct ScopeShown {
    /// The scope value.
    pub name: String,
    /// What it means, for people.
    pub text: String,
}

/// How the person ties the request on this device to the other screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "lowercase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum Match {
    /// The binding message stands on both screens.
    Show {
        /// The binding message, verbatim.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "ts", ts(optional))]
        message: Option<String>,
    },
    /// The person types the number that the other screen shows.
    Type,
}

/// What the backend asks of an approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Whether the user-verification key has to sign.
    pub uv: UserVerificationPolicy,
    /// How many seconds before the decision the person may have been verified.
    pub uv_max_age: u64,
}

/// Whether user verification is needed to approve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserVerificationPolicy {
    /// It is.
    Required,
    /// The proof-of-possession key is enough.
    Optional,
}

/// Claims of a request object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestClaims {
    /// The backend's origin.
    pub iss: String,
    /// The device it was made for.
    pub aud: DeviceId,
    /// Issuer of the person.
    pub op: String,
    /// What people call that issuer, where it is not the backend itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub op_title: Option<String>,
    /// The person.
    pub sub: Subject,
    /// The prompt.
    pub req: Handle,
    /// Who asks.
    pub client: ClientShown,
    /// For what.
    pub scopes: Vec<ScopeShown>,
    /// For what exactly (RFC 9396), as the client wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_details: Option<ExactJson>,
    /// What the operator calls it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization_details_words: Vec<DetailsWords>,
    /// How both screens are tied together.
    #[serde(rename = "match")]
    pub matching: Match,
    /// Authentication context classes asked for, in order of preference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr_values: Option<String>,
    /// What the client reported about the consumption device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Value>,
    /// What an approval needs.
    pub policy: Policy,
    /// Created, seconds since the Unix epoch.
    pub iat: i64,
    /// To be decided before, seconds since the Unix epoch.
    pub exp: i64,
}

/// Why the person denies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum DenyReason {
    /// The person did not start this.
    NotMe,
    /// The person does not want it any more.
    ChangedMind,
    /// The person gets too many of these.
    TooMany,
}

/// Approve or deny.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum Verdict {
    /// Yes.
    Approve,
    /// No.
    Deny,
}

/// When and how the device made sure who holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserVerification {
    /// How.
    pub method: UvMethod,
    /// When, seconds since the Unix epoch by the backend's clock.
    pub time: i64,
}

/// Claims of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionClaims {
    /// The device.
    pub iss: DeviceId,
    /// The backend's origin.
    pub aud: String,
    /// Seconds since the Unix epoch.
    pub iat: i64,
    /// At most 60 s after `iat`.
    pub exp: i64,
    /// Fresh for each try.
    pub jti: String,
    /// The prompt.
    pub req: Handle,
    /// base64url(SHA-256(request object)).
    pub rh: String,
    /// The decision.
    pub dec: Verdict,
    /// With a denial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<DenyReason>,
    /// With an approval in `type` mode: what the person typed.
    #[serde(rename = "match", default, skip_serializing_if = "Option::is_none")]
    pub matched: Option<String>,
    /// How the person was verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uv: Option<UserVerification>,
}

/// Body of `POST /ad/v1/requests/{handle}/decision`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionRequest {
    /// The request object, exactly as it was received.
    pub request: String,
    /// Compact JWS of [`DecisionClaims`].
    pub decision: String,
}

/// One request that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Its handle.
    pub handle: Handle,
    /// The request object for this device.
    pub request: String,
}

/// Answer of `GET /ad/v1/requests`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingList {
    /// The backend's clock, milliseconds.
    pub server_time: i64,
    /// What waits, oldest first.
    pub requests: Vec<Pending>,
}

/// A decision with what was decided on, verifiable by anybody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The request object.
    pub request: String,
    /// The decision over it.
    pub decision: String,
    /// Public key that verifies the decision.
    pub device_key: PublicJwk,
    /// Public key that verifies the request object.
    pub request_key: PublicJwk,
}

/// A settled request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Its handle.
    pub handle: Handle,
    /// Final state.
    pub state: PromptState,
    /// When it was reached, milliseconds.
    pub settled_at: i64,
    /// Why it was denied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<SettledReason>,
    /// By which device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<DecidedBy>,
    /// Whether the provider knows; absent for the embedded one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
    /// Who asked.
    pub client: ClientShown,
    /// For what.
    pub scopes: Vec<ScopeShown>,
    /// The message that was shown.
    pub message: Option<String>,
    /// Milliseconds.
    pub created_at: i64,
    /// Milliseconds.
    pub expires_at: i64,
    /// When the client redeemed, milliseconds.
    pub received_at: Option<i64>,
    /// The proof, where there was a decision.
    pub receipt: Option<Receipt>,
}

/// Answer of `GET /ad/v1/history`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryPage {
    /// The backend's clock, milliseconds.
    pub server_time: i64,
    /// Newest first.
    pub entries: Vec<HistoryEntry>,
    /// `before` of the next page.
    pub next: Option<i64>,
}

/// Answer of `GET /ad/v1/requests/{handle}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestStatus {
    /// The backend's clock, milliseconds.
    pub server_time: i64,
    /// Its handle.
    pub handle: Handle,
    /// Its state.
    #[serde(flatten)]
    pub settled: SettledView,
    /// The request object for this device, while it is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

/// Answer to a decision that was recorded, and data of the stream's `settled`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// The backend's clock, milliseconds.
    pub server_time: i64,
    /// Its handle.
    pub handle: Handle,
    /// Its state.
    #[serde(flatten)]
    pub settled: SettledView,
}

/// Data of the stream's `request`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrived {
    /// The backend's clock, milliseconds.
    pub server_time: i64,
    /// The request.
    #[serde(flatten)]
    pub pending: Pending,
}
