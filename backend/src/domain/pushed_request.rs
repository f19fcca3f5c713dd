use countersign_clock::Millis;
use countersign_protocol::ClientId;

use super::TokenHash;

/// An authorization request that a client pushed, to be named in the browser by its `request_uri` (RFC 9126).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushedRequest {
    /// Hash of what the `request_uri` ends with.
    pub hash: TokenHash,
    /// Who pushed it.
    pub client_id: ClientId,
    /// Names and values, in the order in which they came.
    pub params: Vec<(String, String)>,
    /// To be used before.
    pub expires_at: Millis,
}
