//! `login_hint_token` (CIBA Core sections 7.1, 13 and 14): a JWT of somebody whom the operator trusts to name people. An unsigned one is none.

use std::collections::BTreeMap;

use countersign_jose::{
    Audience, Expect, IntegerSeconds, JwkSet, Typ, peek_claims_unverified, peek_header, verify_with_set,
};
use countersign_protocol::OAuthErrorCode;
use serde::Deserialize;
use serde_json::Value;

use super::{MAX_TOKEN_LEN, Named, Once, subject_identifier::SubjectIdentifier};
use crate::{
    config::LoginHintTokenIssuer,
    domain::Client,
    op::{OpError, Provider, refusal::Refusal},
};

/// Seconds that the issuer's clock may be off.
const SKEW_SECONDS: i64 = 30;
const MAX_JTI_LEN: usize = 256;
/// No type that is another token's.
const TYPES: Typ<'static> = Typ::OneOfOrAbsent(&["JWT", "login-hint+jwt"]);

#[derive(Deserialize)]
struct Issued {
    iss: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    exp: IntegerSeconds,
    iat: IntegerSeconds,
    #[serde(default, deserialize_with = "IntegerSeconds::if_there")]
    nbf: Option<IntegerSeconds>,
    jti: Option<String>,
    sub_id: Option<SubjectIdentifier>,
}

impl Provider {
    /// Whom `token` means, and what is to be noted so that it means nobody a second time.
    pub(super) async fn named_by_login_hint_token(&self, token: &str) -> Result<(Named, Option<Once>), OpError> {
        let issuers = &self.parts.config.login_hint_token_issuers;
        if issuers.is_empty() {
            return Err(Refusal::invalid_request("login_hint_token is not supported").into());
        }
        let unusable = || Refusal::invalid_request("login_hint_token is not a token of an issuer that is trusted here");
        let algs: Vec<_> = issuers.iter().flat_map(|issuer| issuer.algs.iter().copied()).collect();
        let any = Expect {
            typ: TYPES,
            algs: &algs,
            max_len: MAX_TOKEN_LEN,
        };
        let Issued { iss } = peek_claims_unverified(token, &any).map_err(|_| unusable())?;
        let issuer = issuers
            .iter()
            .find(|issuer| issuer.issuer == iss)
            .ok_or_else(unusable)?;
        let expect = Expect {
            algs: &issuer.algs,
            ..any
        };
        let kid = peek_header(token, &expect).map_err(|_| unusable())?.kid;
        let keys = self.keys_of(issuer, kid.as_deref()).await?.ok_or_else(unusable)?;
        let verified = verify_with_set(token, &expect, &keys).map_err(|_| unusable())?;
        let claims: Claims = verified.claims().map_err(|_| unusable())?;
        let audience = if issuer.audience.is_empty() {
            self.issuer()
        } else {
            &issuer.audience
        };
        let until = claims.check(issuer, audience, self.parts.clock.now_seconds())?;
        let once = claims.jti.clone().filter(|_| issuer.single_use).map(|jti| Once {
            owner: issuer.issuer.clone(),
            jti,
            until: until * 1000,
        });
        let members = verified.claims().map_err(|_| unusable())?;
        let named = named(issuer, claims.sub_id, &members, self.issuer());
        Ok((named.ok_or_else(unusable)?, once))
    }

    async fn keys_of(&self, issuer: &LoginHintTokenIssuer, kid: Option<&str>) -> Result<Option<JwkSet>, OpError> {
        if issuer.jwks.is_some() {
            return Ok(issuer.jwks.clone());
        }
        // Keys that are published are had in one way, whoever published them.
        let publisher = Client {
            jwks_uri: issuer.jwks_uri.clone(),
            ..Client::new(format!("login-hint-token {}", issuer.issuer).as_str(), "", 0)
        };
        self.client_keys(&publisher, kid).await
    }
}

impl Claims {
    /// Until when it could be presented, in seconds, when it is good `now`.
    fn check(&self, issuer: &LoginHintTokenIssuer, audience: &str, now: i64) -> Result<i64, Refusal> {
        let (exp, iat) = (self.exp.0, self.iat.0);
        let jti = self.jti.as_deref();
        let rules = [
            (self.iss == issuer.issuer, "iss is another issuer"),
            (self.aud.contains(audience), "aud is not this provider"),
            (iat <= now + SKEW_SECONDS, "iat is in the future"),
            (
                self.nbf.is_none_or(|nbf| nbf.0 <= now + SKEW_SECONDS),
                "nbf is in the future",
            ),
            (
                jti.is_none_or(|jti| !jti.is_empty() && jti.len() <= MAX_JTI_LEN),
                "jti is empty or too long",
            ),
            (jti.is_some() || !issuer.single_use, "jti is missing"),
        ];
        if let Some((_, problem)) = rules.iter().find(|(holds, _)| !holds) {
            return Err(Refusal::invalid_request(format!("login_hint_token: {problem}")));
        }
        let until = exp.min(iat + i64::from(issuer.max_age)) + SKEW_SECONDS;
        if now >= until {
            let expired = OAuthErrorCode::ExpiredLoginHintToken;
            return Err(Refusal::new(expired, "the login_hint_token is over"));
        }
        Ok(until)
    }
}

/// Whom the token names, in exactly one way; none when it names nobody in a way that is accepted from its issuer.
fn named(
    issuer: &LoginHintTokenIssuer,
    sub_id: Option<SubjectIdentifier>,
    members: &BTreeMap<String, Value>,
    own_issuer: &str,
) -> Option<Named> {
    let by_claims = issuer.claims.iter().filter_map(|(claim, attribute)| {
        let value = members.get(claim)?.as_str()?.to_owned();
        let attribute = attribute.clone();
        Some(Named::Attribute { attribute, value })
    });
    let mut by_claims = by_claims.fuse();
    match (sub_id, by_claims.next(), by_claims.next()) {
        (Some(identifier), None, _) => identifier.named(&issuer.subjects, own_issuer),
        (None, Some(named), None) => Some(named),
        _ => None,
    }
}
