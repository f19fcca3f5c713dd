//! What the backend is about, as plain values: no I/O, no SQL, no HTTP, no clock of its own.

mod account;
mod auth_request;
mod client;
mod decision;
mod device;
mod grant;
mod invitation;
mod outbox;
mod plain_text;
mod prompt;
mod pushed_request;
mod request_details;
mod shown;
mod signing_key;
mod user_code;

pub use account::{Account, AccountKey, NewAccount};
pub use auth_request::{AuthRequest, AuthRequestId, AuthRequestState, NewAuthRequest, RequestExtras};
pub use client::{
    APP_CLIENT_ID, AuthorizationRules, BindingMode, CertificateSubject, Client, ClientAuthMethod, GrantType, Profile,
    Registration, RequestRules, TokenRules,
};
pub use decision::{Acr, Amr, Approval, Decision, Evidence, SignedReceipt};
pub use device::{Device, DeviceKeys, NewDevice};
pub use grant::{AccessToken, AuthorizationCode, Confirmation, GrantExtras, GrantFamily, RefreshToken, TokenHash};
pub use invitation::Invitation;
pub use outbox::{Arrears, ClaimedDebt, DeadDebt, DebtId, DebtKind, Lease, NewDebt, Payment};
pub use plain_text::{MessageProblem, check_message, is_binding_code, is_plain_context, is_plain_text};
pub use prompt::{ConnectorId, Matching, Prompt, Settlement};
pub use pushed_request::PushedRequest;
pub use request_details::{DetailsProblem, RequestDetails};
pub use shown::is_deceptive;
pub use signing_key::{KeyPurpose, KeyState, StoredKey};
pub use user_code::{UserCode, UserCodeLimit, UserCodeMalformed, UserCodeTries};
