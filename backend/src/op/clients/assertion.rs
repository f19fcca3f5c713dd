//! `private_key_jwt` (RFC 7523 section 3, OpenID Connect Core section 9).

use countersign_jose::{
    Algorithm, Audience, Expect, IntegerSeconds, JwkSet, Typ, peek_claims_unverified, verify_with_set,
};
use serde::Deserialize;

use crate::{
    domain::{Client, ClientAuthMethod},
    op::{OpError, Provider},
};

/// Algorithms of client assertions: `token_endpoint_auth_signing_alg_values_supported`.
pub(in crate::op) const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::Es256, Algorithm::Ps256, Algorithm::Rs256, Algorithm::EdDsa];

const EXPECT: Expect<'static> = Expect {
    typ: Typ::OneOfOrAbsent(&["JWT", "client-authentication+jwt"]),
    algs: &ALGORITHMS,
    max_len: 16 * 1024,
};

/// An assertion is for now: seconds that its end may be away.
const MAX_SECONDS: i64 = 600;
/// Seconds that the client's clock may be ahead.
const SKEW_SECONDS: i64 = 30;
const MAX_JTI_LEN: usize = 256;

#[derive(Deserialize)]
struct Named {
    sub: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: IntegerSeconds,
    iat: Option<IntegerSeconds>,
    nbf: Option<IntegerSeconds>,
    jti: String,
}

impl Provider {
    /// The client that signed `assertion`, when everything about it is right. `named` is the `client_id` beside it, where there is one.
    pub(in crate::op) async fn with_assertion(
        &self,
        assertion: &str,
        named: Option<&str>,
    ) -> Result<Option<Client>, OpError> {
        let Ok(Named { sub }) = peek_claims_unverified(assertion, &EXPECT) else {
            return Ok(None);
        };
        if named.is_some_and(|named| named != sub) {
            return Ok(None);
        }
        let registered = self.find_client(&sub).await?;
        let Some(client) = registered.filter(|client| client.auth_method == ClientAuthMethod::PrivateKeyJwt) else {
            return Ok(None);
        };
        let Some(claims) = verified(&client, assertion) else {
            return Ok(None);
        };
        if !self.is_good(&client, &claims) {
            return Ok(None);
        }
        // Remembered as long as it could be presented again, whichever clock is asked.
        let until = (claims.exp.0 + SKEW_SECONDS) * 1000;
        let first = self
            .parts
            .storage
            .remember_once("client_assertion", client.id.as_str(), &claims.jti, until)
            .await?;
        Ok(first.then_some(client))
    }

    fn is_good(&self, client: &Client, claims: &Claims) -> bool {
        let now = self.parts.clock.now_seconds();
        let own = claims.iss == client.id.as_str() && claims.sub == client.id.as_str();
        let timely = claims.exp.0 > now && claims.exp.0 <= now + MAX_SECONDS + SKEW_SECONDS;
        let begun = |time: Option<IntegerSeconds>| time.is_none_or(|time| time.0 <= now + SKEW_SECONDS);
        let named = !claims.jti.is_empty() && claims.jti.len() <= MAX_JTI_LEN;
        own && timely && begun(claims.iat) && begun(claims.nbf) && named && self.is_audience(client, &claims.aud)
    }

    /// The issuer as a single string. Clients of older profiles may name our endpoints too, but nobody else's beside them: an assertion
    /// made for two providers is one that the other provider can use here.
    fn is_audience(&self, client: &Client, audience: &Audience) -> bool {
        let issuer = self.issuer();
        if !client.endpoint_audience {
            return matches!(audience, Audience::One(one) if self.is_called(one));
        }
        let ours = |one: &String| {
            one.strip_prefix(issuer)
                .is_some_and(|path| ["", "/token", "/bc-authorize"].contains(&path))
        };
        match audience {
            Audience::One(one) => ours(one),
            Audience::Many(many) => !many.is_empty() && many.iter().all(ours),
        }
    }
}

fn verified(client: &Client, assertion: &str) -> Option<Claims> {
    let keys: JwkSet = serde_json::from_value(client.jwks.clone()?).ok()?;
    verify_with_set(assertion, &EXPECT, &keys).ok()?.claims().ok()
}
