//! Access tokens: a secret that only we can look up, or a JWT that resource servers read themselves (RFC 9068). Both are recorded, so both can be
//! revoked and introspected.

use std::sync::Arc;

use countersign_clock::Millis;
use countersign_jose::{Algorithm, Audience, SigningKey};
use countersign_protocol::{ClientId, ExactJson, Subject};
use serde::Serialize;

use super::id_token::Authentication;
use crate::{
    domain::{AccessToken, Acr, Amr, Client, Confirmation, GrantExtras, GrantFamily, KeyPurpose},
    keys::KeyError,
    op::{OpError, Provider, details, fresh},
    wakes::Topic,
};

/// Algorithms of what clients are given: `id_token_signing_alg_values_supported` and `userinfo_signing_alg_values_supported`.
pub(in crate::op) const SIGNING_ALGORITHMS: [Algorithm; 10] = Algorithm::ALL;

/// RFC 9068 section 2.1.
const TYP: &str = "at+jwt";

/// An access token that was just made, and what the store keeps of it.
pub(in crate::op) struct FreshAccess {
    pub(in crate::op) token: String,
    pub(in crate::op) kept: AccessToken,
}

/// What an access token is for.
pub(in crate::op) struct AccessFor<'a> {
    pub(in crate::op) authentication: Authentication<'a>,
    pub(in crate::op) scope: &'a str,
    pub(in crate::op) extras: &'a GrantExtras,
    /// Those of its resources that are wanted; none: all of them.
    pub(in crate::op) resources: Vec<String>,
}

impl<'a> AccessFor<'a> {
    /// What a token of `family` is for, of whose resources `resources` are wanted.
    pub(in crate::op) fn family(family: &'a GrantFamily, resources: Vec<String>) -> Self {
        Self {
            authentication: Authentication {
                sub: &family.sub,
                auth_time: family.auth_time,
                amr: &family.amr,
                acr: &family.acr,
                nonce: None,
            },
            scope: &family.scope,
            extras: &family.extras,
            resources,
        }
    }
}

/// RFC 9068 section 2.2.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    exp: i64,
    aud: Audience,
    sub: Subject,
    client_id: &'a ClientId,
    iat: i64,
    jti: String,
    scope: &'a str,
    auth_time: i64,
    acr: &'a Acr,
    amr: &'a [Amr],
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<&'a Confirmation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_details: Option<ExactJson>,
}

impl Provider {
    /// An access token of the kind that `client` gets, bound to `confirmation`. `about` is what it is for: where that is not known, what was presented
    /// is not good, and the token is one that is never given out.
    pub(in crate::op) async fn fresh_access(
        &self,
        client: &Client,
        about: Option<&AccessFor<'_>>,
        confirmation: Option<Confirmation>,
        now: Millis,
    ) -> Result<FreshAccess, OpError> {
        let expires_at = now + Millis::from(self.parts.config.access_token_seconds) * 1000;
        let token = match (&client.tokens.access_token_alg, about) {
            (Some(alg), Some(about)) => {
                let key = self.signer(alg).await?;
                let claims = Claims {
                    iss: self.issuer(),
                    exp: expires_at.div_euclid(1000),
                    aud: self.audience(about.extras, &about.resources),
                    sub: self.subject_for(client, about.authentication.sub),
                    client_id: &client.id,
                    iat: now.div_euclid(1000),
                    jti: fresh::secret(&*self.parts.random),
                    scope: about.scope,
                    auth_time: about.authentication.auth_time,
                    acr: about.authentication.acr,
                    amr: about.authentication.amr,
                    cnf: confirmation.as_ref(),
                    authorization_details: details::of_grant(about.extras),
                };
                key.sign(TYP, &claims)?
            }
            _ => fresh::secret(&*self.parts.random),
        };
        let kept = AccessToken {
            hash: fresh::hash(&token),
            expires_at,
            confirmation,
            resources: about.map(|about| about.resources.clone()).unwrap_or_default(),
        };
        Ok(FreshAccess { token, kept })
    }

    /// Whom a token is for: the resources that were asked for, of all those of the grant `wanted` where it names some, or else our own endpoints
    /// (RFC 9068 section 3).
    pub(in crate::op) fn audience(&self, extras: &GrantExtras, wanted: &[String]) -> Audience {
        let resources = if wanted.is_empty() { &extras.resources } else { wanted };
        match resources {
            [] => Audience::One(self.issuer().to_owned()),
            [one] => Audience::One(one.clone()),
            many => Audience::Many(many.to_vec()),
        }
    }

    /// The key that signs with `alg` what clients are given, made when the first client needs it. Taken before anything is used up, so that a missing
    /// key costs nobody a grant.
    pub(in crate::op) async fn signer(&self, alg: &str) -> Result<Arc<SigningKey>, OpError> {
        let purpose = KeyPurpose::IdToken(alg.parse().unwrap_or(Algorithm::Es256));
        match self.parts.keys.signer(purpose) {
            Err(KeyError::NoActiveKey(_)) => {
                let key = self.parts.keys.first_signer(purpose).await?;
                self.parts.wakes.notify(&Topic::Keys);
                Ok(key)
            }
            known => Ok(known?),
        }
    }
}
