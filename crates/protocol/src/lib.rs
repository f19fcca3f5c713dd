//! What is on the wire between app, backend, OpenID Provider and client, each message once.
//!
//! `docs/protocol.md` is the text that belongs to these types. This crate knows no transport, no storage and no cryptography:
//! signed values travel through it as strings.

mod ciba;
mod consent;
mod details;
mod device;
mod discovery;
mod ids;
mod key_claims;
mod oauth;
mod problem;
mod secret;
mod state;
mod stream;
mod user_code;

pub use ciba::{BackchannelAuthenticationResponse, CIBA_GRANT, DeliveryMode};
pub use consent::{
    Arrived, ClientShown, DecisionClaims, DecisionRequest, DenyReason, HistoryEntry, HistoryPage, Match, Pending,
    PendingList, Policy, Receipt, RequestClaims, RequestStatus, ScopeShown, Settled, UserVerification,
    UserVerificationPolicy, Verdict,
};
pub use details::{
    DetailRow, DetailShown, DetailValue, DetailsShown, DetailsWords, ExactError, ExactJson, ExactValue, MemberLabel,
    lay_out,
};
pub use device::{
    AccountRef, DeviceList, DeviceListed, DeviceRegistered, DeviceRegistration, KeyLevel, KeyRotation, Platform,
    PublicJwk, PushTarget, PushUpdate, Rename, SessionRequest, SessionResponse, UvMethod,
};
pub use discovery::{CountersignMetadata, ProviderOffered};
pub use ids::{AuthReqId, ClientId, DeviceId, Handle, Subject};
pub use key_claims::{KeyAnnouncementClaims, KeyAnnouncements, KeyProofClaims, KeyRotationClaims};
pub use oauth::{OAuthError, OAuthErrorCode, TokenResponse};
pub use problem::{Problem, ProblemCode};
pub use secret::Secret;
pub use state::{DecidedBy, Delivery, PromptState, SettledReason, SettledView};
pub use stream::StreamEvent;
pub use user_code::{UserCodeClaims, UserCodeState, UserCodeUpdate};

/// `typ` of a request object.
pub const REQUEST_TYP: &str = "countersign-request+jwt";
/// `typ` of a decision.
pub const DECISION_TYP: &str = "countersign-decision+jwt";
/// `typ` of a proof that a key is held by who registers it.
pub const KEY_PROOF_TYP: &str = "countersign-key+jwt";
/// `typ` of the statement by which a device replaces its keys.
pub const KEY_ROTATION_TYP: &str = "countersign-key-rotation+jwt";
/// `typ` of the statement by which a device sets its person's user code.
pub const USER_CODE_TYP: &str = "countersign-user-code+jwt";
/// `typ` of the backend's announcement of new request keys.
pub const KEY_ANNOUNCEMENT_TYP: &str = "countersign-keys+jwt";
/// `typ` of a DPoP proof (RFC 9449 section 4.2).
pub const DPOP_TYP: &str = "dpop+jwt";
