//! Proofs that the caller has a key (RFC 9449): what devices and clients send in the `DPoP` header.
//!
//! It verifies a proof and remembers which ones were used. Whose key it has to be, and what the answer to a bad proof looks like, is the caller's.

mod nonce;
mod proof;
mod seen_proofs;

pub use nonce::Nonces;
pub use proof::{ProofError, ProofFor, Proven, check};
pub use seen_proofs::{Seen, SeenProofs};
