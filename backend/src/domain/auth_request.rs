use countersign_clock::Millis;
use countersign_protocol::{ClientId, Handle, Subject};
use serde::{Deserialize, Serialize};

use super::{decision::Approval, outbox::NewDebt};

/// SHA-256 of an `auth_req_id`: what the store knows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuthRequestId(pub [u8; 32]);

/// A backchannel authentication request of the embedded provider (CIBA Core section 7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthRequest {
    /// Hash of the `auth_req_id`.
    pub id: AuthRequestId,
    /// Who asked; only this client redeems.
    pub client_id: ClientId,
    /// Who is asked.
    pub sub: Subject,
    /// Granted when approved, space-separated.
    pub scope: String,
    /// The prompt that asks the person.
    pub handle: Handle,
    /// Received.
    pub created_at: Millis,
    /// To be decided before.
    pub expires_at: Millis,
    /// Redeemed, and told apart from an unknown one, before.
    pub readable_until: Millis,
    /// Seconds between polls that the client was told.
    pub interval: u32,
    /// What else was asked for.
    pub extras: RequestExtras,
    /// Where it stands.
    pub state: AuthRequestState,
}

/// What most requests do not ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestExtras {
    /// `authorization_details`, JSON as it came (RFC 9396).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_details: Option<String>,
    /// `resource` (RFC 8707).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
}

impl RequestExtras {
    /// Whether nothing else was asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The life of an [`AuthRequest`]. Each state carries the facts that exist in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthRequestState {
    /// Undecided. Past `expires_at` it counts as expired, swept or not.
    Pending,
    /// To be redeemed.
    Approved(Approval),
    /// Refused by the person, or ended in another way than approval or expiry.
    Denied,
    /// Nobody decided in time.
    Expired,
    /// Its tokens were issued, once.
    Redeemed {
        /// When.
        at: Millis,
    },
}

impl AuthRequest {
    /// The state as of `now`: an undecided request past its deadline is expired, and stays so whatever the sweeper does.
    #[must_use]
    pub fn state_at(&self, now: Millis) -> AuthRequestState {
        match &self.state {
            AuthRequestState::Pending if now >= self.expires_at => AuthRequestState::Expired,
            state => state.clone(),
        }
    }
}

/// An authentication request to store, together with its prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAuthRequest {
    /// Hash of the `auth_req_id`.
    pub id: AuthRequestId,
    /// Who asks.
    pub client_id: ClientId,
    /// Who is asked.
    pub sub: Subject,
    /// Space-separated.
    pub scope: String,
    /// Received.
    pub created_at: Millis,
    /// To be decided before.
    pub expires_at: Millis,
    /// Redeemed before.
    pub readable_until: Millis,
    /// Seconds between polls.
    pub interval: u32,
    /// What else is asked for.
    pub extras: RequestExtras,
    /// What becomes due when the request is settled.
    pub owed: Option<NewDebt>,
}
