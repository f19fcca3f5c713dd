//! What clients are given, and what they and others learn of it.

mod access_token;
mod confirmation;
mod endpoint;
mod id_token;
mod introspection;
mod presented;
mod revocation;
mod userinfo;

pub(super) use access_token::{AccessFor, SIGNING_ALGORITHMS};
pub(super) use confirmation::{DPOP_ALGORITHMS, Presented, ProofMemory};
pub(super) use id_token::{Authentication, Pushed};
pub use introspection::{ActiveToken, Introspection};
pub use presented::ResourceRequest;
pub use userinfo::{UserInfo, UserInfoAnswer};
