//! The text of every statement, once for every engine: lower case, `$1` placeholders, times and flags as 64-bit integers.
//!
//! Where one needs other words than the other, both texts stand side by side.

pub(super) mod accounts;
pub(super) mod auth_requests;
pub(super) mod changes;
pub(super) mod clients;
pub(super) mod connectors;
pub(super) mod devices;
pub(super) mod grants;
pub(super) mod invitations;
pub(super) mod keys;
pub(super) mod locking;
pub(super) mod outbox;
pub(super) mod prompts;
pub(super) mod pushed_requests;
pub(super) mod recovery;
pub(super) mod replay;
pub(super) mod user_codes;
