//! What clients are given, and what they and others learn of it.

mod endpoint;
mod id_token;
mod introspection;
mod revocation;
mod userinfo;

pub(super) use id_token::{Authentication, Pushed};
pub use introspection::{ActiveToken, Introspection};
pub use userinfo::UserInfo;
