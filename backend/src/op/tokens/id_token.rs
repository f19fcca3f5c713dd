//! ID tokens (OpenID Connect Core section 2).

use std::sync::Arc;

use countersign_jose::{SigningKey, digest};
use countersign_protocol::{AuthReqId, ClientId, Secret, Subject};
use serde::Serialize;

use crate::{
    domain::{Acr, Amr, Client},
    op::{OpError, Provider},
};

/// What an ID token says of the authentication.
pub(in crate::op) struct Authentication<'a> {
    /// The person, whatever the client knows them by.
    pub(in crate::op) sub: &'a Subject,
    /// Seconds.
    pub(in crate::op) auth_time: i64,
    pub(in crate::op) amr: &'a [Amr],
    pub(in crate::op) acr: &'a Acr,
    pub(in crate::op) nonce: Option<&'a str>,
}

/// What an ID token that is delivered by push says beside (CIBA Core section 10.3.1).
pub(in crate::op) struct Pushed<'a> {
    pub(in crate::op) auth_req_id: &'a AuthReqId,
    /// The refresh token that comes with it.
    pub(in crate::op) refresh_token: Option<&'a str>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: Subject,
    aud: &'a ClientId,
    exp: i64,
    iat: i64,
    auth_time: i64,
    acr: &'a Acr,
    amr: &'a [Amr],
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    at_hash: String,
    #[serde(
        rename = "urn:openid:params:jwt:claim:rt_hash",
        skip_serializing_if = "Option::is_none"
    )]
    rt_hash: Option<String>,
    #[serde(
        rename = "urn:openid:params:jwt:claim:auth_req_id",
        skip_serializing_if = "Option::is_none"
    )]
    auth_req_id: Option<&'a AuthReqId>,
}

impl Provider {
    /// The key that signs this client's ID tokens. Taken before anything is used up, so that a missing key costs nobody a grant.
    pub(in crate::op) async fn id_token_key(&self, client: &Client) -> Result<Arc<SigningKey>, OpError> {
        self.signer(&client.id_token_alg).await
    }

    /// Signs an ID token for `client`, beside `access_token`.
    pub(in crate::op) fn id_token(
        &self,
        key: &SigningKey,
        client: &Client,
        authentication: &Authentication<'_>,
        access_token: &str,
    ) -> Result<Secret, OpError> {
        self.id_token_pushed(key, client, authentication, access_token, None)
    }

    /// As [`Provider::id_token`], for a client that is called with its tokens where there is something `pushed`.
    pub(in crate::op) fn id_token_pushed(
        &self,
        key: &SigningKey,
        client: &Client,
        authentication: &Authentication<'_>,
        access_token: &str,
        pushed: Option<&Pushed<'_>>,
    ) -> Result<Secret, OpError> {
        let hash = |token: &str| digest::token_hash(key.algorithm(), token);
        let iat = self.parts.clock.now_seconds();
        let claims = Claims {
            iss: self.issuer(),
            sub: self.subject_for(client, authentication.sub),
            aud: &client.id,
            exp: iat + i64::from(self.parts.config.id_token_seconds),
            iat,
            auth_time: authentication.auth_time,
            acr: authentication.acr,
            amr: authentication.amr,
            nonce: authentication.nonce,
            at_hash: hash(access_token),
            rt_hash: pushed.and_then(|pushed| pushed.refresh_token).map(hash),
            auth_req_id: pushed.map(|pushed| pushed.auth_req_id),
        };
        Ok(Secret::new(key.sign("JWT", &claims)?))
    }
}
