use async_trait::async_trait;
use countersign_clock::Millis;
use countersign_protocol::ClientId;

use super::StorageError;
use crate::domain::{AccessToken, AuthorizationCode, Confirmation, GrantFamily, RefreshToken, TokenHash};

/// A client brings a code. What is presented is checked before the code is used up by the caller's rules, see [`Grants::redeem_code`].
#[derive(Debug, Clone)]
pub struct CodeRedemption {
    /// Hash of the code.
    pub code: TokenHash,
    /// Who brings it.
    pub client_id: ClientId,
    /// As presented.
    pub redirect_uri: String,
    /// base64url(SHA-256(`code_verifier`)) as presented.
    pub code_challenge: String,
    /// The key that was proven: a code that is bound to one is redeemed with that one.
    pub confirmation: Option<Confirmation>,
    /// The access token to record.
    pub access: AccessToken,
    /// The refresh token to record, where one is granted.
    pub refresh: Option<RefreshToken>,
    /// Now.
    pub now: Millis,
}

/// Verdict on a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeUse {
    /// The tokens are recorded.
    Granted(Box<AuthorizationCode>),
    /// Unknown, over, another client's, or redirect URI, verifier or key do not match. Nothing changed.
    Refused,
    /// It was used before: everything that came of it is revoked now (RFC 6749 section 4.1.2).
    Reused,
}

/// A client brings a refresh token.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// Hash of the token.
    pub token: TokenHash,
    /// Who brings it.
    pub client_id: ClientId,
    /// The key that was proven: a token that is bound to one is presented with that one.
    pub confirmation: Option<Confirmation>,
    /// The access token to record.
    pub access: AccessToken,
    /// The refresh token that takes its place.
    pub next: RefreshToken,
    /// Now.
    pub now: Millis,
}

/// Verdict on a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefreshUse {
    /// The new tokens are recorded, the old refresh token is used up.
    Granted(Box<GrantFamily>),
    /// Unknown, over, revoked, another client's, the key does not match, or the person or the client is switched off. Nothing
    /// changed.
    Refused,
    /// It was used before: the family is revoked now (RFC 9700 section 4.14.2).
    Reused,
}

/// What an access token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessTokenFacts {
    /// The grant it belongs to.
    pub family: GrantFamily,
    /// Good before.
    pub expires_at: Millis,
    /// When it was issued.
    pub issued_at: Millis,
    /// Whether it is a refresh token (introspection looks at both).
    pub is_refresh: bool,
    /// Who may present it.
    pub confirmation: Option<Confirmation>,
    /// Those resources of the grant that it is for; none: all of them.
    pub resources: Vec<String>,
}

/// Codes, tokens and what ties them together.
#[async_trait]
pub trait Grants {
    /// Stores a code.
    async fn add_code(&self, code: AuthorizationCode) -> Result<(), StorageError>;
    /// Finds a code that this client could redeem now: unused, not over, and nothing of it revoked. A read.
    async fn find_code(
        &self,
        code: TokenHash,
        client_id: &ClientId,
        now: Millis,
    ) -> Result<Option<AuthorizationCode>, StorageError>;
    /// Uses a code up and records its tokens, in one commit, when client, redirect URI, challenge and key match and it is not over.
    async fn redeem_code(&self, redemption: CodeRedemption) -> Result<CodeUse, StorageError>;
    /// Rotates a refresh token.
    async fn rotate_refresh(&self, rotation: Rotation) -> Result<RefreshUse, StorageError>;
    /// Finds what a token (access or refresh) stands for: none when it is unknown, used up, over, revoked, or its person or its client is switched off.
    /// Removing a client revokes its grants, revoking a device those it approved. A read.
    async fn find_token(&self, token: TokenHash, now: Millis) -> Result<Option<AccessTokenFacts>, StorageError>;
    /// Revokes this client's token (RFC 7009): an access token alone, a refresh token with its family. Unknown tokens are fine.
    /// With the last that is left of a family the family is forgotten.
    async fn revoke_token(&self, token: TokenHash, client_id: &ClientId, now: Millis) -> Result<(), StorageError>;
    /// Deletes what is over: codes, tokens, families without tokens, at most `limit` of each. Returns how many.
    async fn sweep_grants(&self, now: Millis, limit: u32) -> Result<u64, StorageError>;
}
