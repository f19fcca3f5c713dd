use async_trait::async_trait;
use countersign_clock::Millis;
use countersign_protocol::ClientId;

use super::StorageError;
use crate::domain::{AccessToken, Approval, AuthRequest, AuthRequestId, AuthRequestState, DebtId, Lease, RefreshToken};

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

/// A worker that is to deliver a result makes its tokens, or says that there cannot be any.
#[derive(Debug, Clone)]
pub struct Sealing {
    /// Hash of the `auth_req_id`.
    pub id: AuthRequestId,
    /// Whose request it is.
    pub client_id: ClientId,
    /// What the worker has taken on.
    pub debt: DebtId,
    /// Shows that it has.
    pub lease: Lease,
    /// None when no tokens can be made, now or later.
    pub tokens: Option<SealedTokens>,
    /// What is delivered where there are no tokens, sealed.
    pub failure: Vec<u8>,
    /// Now.
    pub now: Millis,
}

/// Tokens that are about to be delivered.
#[derive(Debug, Clone)]
pub struct SealedTokens {
    /// What is recorded.
    pub redemption: Redemption,
    /// What is delivered, sealed.
    pub payload: Vec<u8>,
    /// Delivered before, or never, where the debt's own deadline is not nearer.
    pub deadline: Millis,
}

/// Verdict on a [`Sealing`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sealed {
    /// The tokens are recorded; they are what the debt delivers from now on, again and again.
    Tokens,
    /// There will never be tokens: the request counts as denied, and the failure is what the debt delivers from now on.
    Failure,
    /// Nothing changed: the request was not approved.
    Settled(AuthRequestState),
    /// Nothing changed: somebody else has claimed the debt since, or the result is sealed already, or the request is gone.
    Lost,
}

/// Authentication requests of the embedded provider. They are opened and decided together with their prompt, see [`super::Prompts`].
#[async_trait]
pub trait AuthRequests {
    /// Finds a request, whoever's it is. A read: it costs no commit.
    async fn find_auth_request(&self, id: AuthRequestId) -> Result<Option<AuthRequest>, StorageError>;
    /// Turns an approved request into recorded tokens, once: the request must be this client's, approved, before `readable_until`, and person, client and device still active.
    async fn redeem(&self, redemption: Redemption) -> Result<Redeemed, StorageError>;
    /// Turns an approved request into recorded tokens that wait, sealed, in the debt that delivers them, in one commit and as [`AuthRequests::redeem`]
    /// would; where that is blocked, the request is over without tokens.
    async fn seal_result(&self, sealing: Sealing) -> Result<Sealed, StorageError>;
}
