use async_trait::async_trait;
use countersign_clock::Millis;
use countersign_protocol::ClientId;

use super::StorageError;
use crate::domain::{AccessToken, Approval, AuthRequest, AuthRequestId, RefreshToken};

/// A client comes for its tokens.
#[derive(Debug, Clone)]
pub struct Redemption {
    /// Hash of the `auth_req_id`.
    pub id: AuthRequestId,
    /// Who comes.
    pub client_id: ClientId,
    /// Id of the grant family that begins.
    pub family_id: String,
    /// The access token to record.
    pub access: AccessToken,
    /// The refresh token to record, where one is granted.
    pub refresh: Option<RefreshToken>,
    /// Now.
    pub now: Millis,
}

/// Verdict on a redemption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redeemed {
    /// The tokens are recorded; it will not happen again.
    Granted {
        /// The request.
        request: Box<AuthRequest>,
        /// What the approval proved.
        approval: Approval,
    },
    /// Nothing changed: the request is not in a state to be redeemed. Its state now says why (`Approved` when its readable time is over).
    Refused {
        /// The request as it stands.
        request: Box<AuthRequest>,
    },
    /// The person, the client or the deciding device was switched off since; the request stays as it is.
    Blocked,
    /// There is none for this client.
    Unknown,
}

/// Authentication requests of the embedded provider. They are opened and decided together with their prompt, see [`super::Prompts`].
#[async_trait]
pub trait AuthRequests {
    /// Finds a request, whoever's it is. A read: it costs no commit.
    async fn find_auth_request(&self, id: AuthRequestId) -> Result<Option<AuthRequest>, StorageError>;
    /// Turns an approved request into recorded tokens, once: the request must be this client's, approved, before `readable_until`, and person, client and device still active.
    async fn redeem(&self, redemption: Redemption) -> Result<Redeemed, StorageError>;
}
