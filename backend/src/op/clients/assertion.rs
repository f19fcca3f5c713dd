//! `private_key_jwt` and `client_secret_jwt` (RFC 7523 section 3, OpenID Connect Core section 9): what an assertion has to say.

use countersign_jose::{Audience, IntegerSeconds};
use serde::Deserialize;

use super::{MutualTls, assertion_proof::Presented, profile::AssertionAudience};
use crate::{
    domain::Client,
    op::{OpError, Provider},
};

/// An assertion is for now: seconds that its end may be away.
const MAX_SECONDS: i64 = 600;
/// Seconds that the client's clock may be ahead.
const SKEW_SECONDS: i64 = 30;
const MAX_JTI_LEN: usize = 256;

#[derive(Deserialize)]
pub(super) struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: IntegerSeconds,
    #[serde(default, deserialize_with = "IntegerSeconds::if_there")]
    iat: Option<IntegerSeconds>,
    #[serde(default, deserialize_with = "IntegerSeconds::if_there")]
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
        let Some(presented) = Presented::read(assertion) else {
            return Ok(None);
        };
        if named.is_some_and(|named| named != presented.sub) {
            return Ok(None);
        }
        let registered = self.find_client(&presented.sub).await?;
        let Some(client) = registered.filter(|client| client.auth_method == presented.method()) else {
            return Ok(None);
        };
        let Some(claims) = self.proven_claims(&client, &presented).await? else {
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
        match self.assertion_audience(client) {
            AssertionAudience::IssuerAlone => return audience.is_exactly(issuer),
            AssertionAudience::AsRegistered if !client.endpoint_audience => {
                return matches!(audience, Audience::One(one) if self.is_called(one));
            }
            AssertionAudience::AsRegistered | AssertionAudience::Endpoints => {}
        }
        let alias = self.parts.mutual_tls.as_ref().map(MutualTls::origin);
        let ours = |one: &String| {
            let path = one.strip_prefix(issuer);
            let at_alias = alias.and_then(|alias| one.strip_prefix(alias));
            let endpoint =
                |path| ["/token", "/par"].contains(&path) || Some(path) == self.backchannel_authentication_path();
            path == Some("") || [path, at_alias].into_iter().flatten().any(endpoint)
        };
        match audience {
            Audience::One(one) => ours(one),
            Audience::Many(many) => !many.is_empty() && many.iter().all(ours),
        }
    }
}
