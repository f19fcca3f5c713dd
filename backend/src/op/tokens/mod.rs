//! What clients are given, and what they and others learn of it.

mod confirmation;
mod endpoint;
mod id_token;
mod introspection;
mod revocation;
mod userinfo;

pub(super) use confirmation::{DPOP_ALGORITHMS, ProofMemory};
pub(super) use id_token::Authentication;
pub use introspection::{ActiveToken, Introspection};
pub use userinfo::UserInfo;
