use countersign_clock::Millis;
use countersign_protocol::{ClientId, Subject};
use serde::{Deserialize, Serialize};

use super::{
    auth_request::RequestExtras,
    decision::{Acr, Amr},
};

/// SHA-256 of a code, a token or a session secret. The clear value is never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

/// Everything that came of one sign-in or one approval. Revoking the family revokes all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantFamily {
    /// Random id.
    pub id: String,
    /// Whose tokens.
    pub client_id: ClientId,
    /// For whom.
    pub sub: Subject,
    /// Granted scope, space-separated.
    pub scope: String,
    /// When the person was authenticated, seconds.
    pub auth_time: i64,
    /// How.
    pub amr: Vec<Amr>,
    /// Which class that is.
    pub acr: Acr,
    /// When it began.
    pub created_at: Millis,
    /// What else was granted.
    pub extras: GrantExtras,
}

/// What else a grant is for: as it was asked.
pub type GrantExtras = RequestExtras;

/// A key that whoever presents a token has to have (RFC 7800, RFC 9449 section 6, RFC 8705 section 3.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Confirmation {
    /// Thumbprint of the DPoP key.
    #[serde(rename = "jkt")]
    Jkt(String),
    /// Thumbprint of the certificate.
    #[serde(rename = "x5t#S256")]
    X5tS256(String),
}

impl Confirmation {
    /// Whether something that is bound to `kept`, or to nothing, may be presented by somebody who showed `presented`.
    #[must_use]
    pub fn is_met(kept: Option<&Self>, presented: Option<&Self>) -> bool {
        kept.is_none_or(|kept| presented == Some(kept))
    }
}

/// An authorization code (RFC 6749 section 4.1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationCode {
    /// Its hash.
    pub hash: TokenHash,
    /// What it stands for.
    pub family: GrantFamily,
    /// As in the authorization request.
    pub redirect_uri: String,
    /// S256 challenge (RFC 7636 section 4.2).
    pub code_challenge: String,
    /// As in the authorization request.
    pub nonce: Option<String>,
    /// `dpop_jkt`: who redeems it has to have this key (RFC 9449 section 10).
    pub dpop_jkt: Option<String>,
    /// Good before.
    pub expires_at: Millis,
}

impl AuthorizationCode {
    /// What whoever redeems it has to show, where it is bound to a key.
    #[must_use]
    pub fn confirmation(&self) -> Option<Confirmation> {
        self.dpop_jkt.clone().map(Confirmation::Jkt)
    }
}

/// An access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// Its hash.
    pub hash: TokenHash,
    /// Who may present it; whoever has it, where there is none.
    pub confirmation: Option<Confirmation>,
    /// Those resources of its grant that it is for; none: all of them.
    pub resources: Vec<String>,
    /// Good before.
    pub expires_at: Millis,
}

/// A refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// Its hash.
    pub hash: TokenHash,
    /// Who may present it: the tokens of public clients are bound to a key (RFC 9449 section 5).
    pub confirmation: Option<Confirmation>,
    /// Good before.
    pub expires_at: Millis,
}
