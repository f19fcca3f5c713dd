use countersign_clock::Millis;

use super::TokenHash;

/// An initial access token (RFC 7591 section 1.2): whoever has it may register clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Hash of the token.
    pub hash: TokenHash,
    /// For the operator; no two have the same.
    pub name: String,
    /// When it was made.
    pub created_at: Millis,
    /// Good before.
    pub expires_at: Millis,
    /// Clients that it is good for yet.
    pub uses_left: u32,
}
