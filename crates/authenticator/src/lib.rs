//! The whole authentication device of OpenID CIBA, without a window: sign-in, enrolment, inbox, decisions, wake-ups.
//!
//! [`Authenticator`] is all a program needs; it reaches its machine through [`Host`] and knows no toolkit. It speaks the device API of
//! `docs/protocol.md`, renders verified bytes only, and signs nothing that was not in view. Time and chance are arguments.

mod account;
mod activity;
mod address;
mod api;
mod authenticator;
mod backoff;
mod core;
mod decide;
mod dpop;
mod enrolment;
mod error;
mod host;
mod inbox;
mod intake;
mod login;
mod memory;
mod options;
mod pairing;
mod pin;
mod receipt;
mod rotation;
mod server_clock;
mod signer;
mod sse;
mod sync;
mod tls;
mod transport;
mod user_code;
mod uv;
mod vault;
mod verify;
pub mod view;
mod wake;

pub use authenticator::Authenticator;
pub use countersign_jose::password::PinCost;
pub use error::AuthenticatorError;
pub use host::{AppEvent, BrowserUnavailable, Host, SecretStore, SecretStoreError};
pub use memory::{MemoryChannels, MemoryHost, MemorySecrets};
pub use options::{Options, Timing};
pub use receipt::{ReceiptError, VerifiedReceipt, verify_receipt};
pub use signer::{Signer, SignerError, SoftwareSigner};
pub use transport::ApiError;
pub use vault::{Vault, VaultError};
