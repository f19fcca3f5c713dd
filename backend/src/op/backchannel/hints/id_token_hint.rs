//! `id_token_hint` (CIBA Core sections 7.1 and 14): an ID token that this provider issued to this client, or to one that knows people by the
//! same names. It may be over, for a while: it names a person and proves nothing.

use countersign_jose::{Algorithm, Audience, Expect, IntegerSeconds, Typ, verify_with_set};
use countersign_protocol::ClientId;
use serde::Deserialize;

use super::{MAX_TOKEN_LEN, Named};
use crate::{
    domain::Client,
    op::{OpError, Provider, refusal::Refusal},
};

const EXPECT: Expect<'static> = Expect {
    typ: Typ::OneOfOrAbsent(&["JWT"]),
    // Our own key decides: each key that we publish says which algorithm it is for.
    algs: &Algorithm::ALL,
    max_len: MAX_TOKEN_LEN,
};

/// Clients that are looked at for one hint at most.
const MAX_AUDIENCES: usize = 4;

/// What an ID token has, and nothing else that is signed with its key.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: IntegerSeconds,
    iat: IntegerSeconds,
    #[serde(rename = "auth_time")]
    _auth_time: IntegerSeconds,
}

impl Provider {
    /// Whom `token` means, when it is an ID token that `client` may use as a hint.
    pub(super) async fn named_by_id_token(&self, client: &Client, token: &str) -> Result<Named, OpError> {
        let unusable = || Refusal::invalid_request("id_token_hint is not an ID token of this provider");
        let verified = verify_with_set(token, &EXPECT, &self.jwks()).map_err(|_| unusable())?;
        let claims: Claims = verified.claims().map_err(|_| unusable())?;
        if claims.iss != self.issuer() {
            return Err(unusable().into());
        }
        let now = self.parts.clock.now_seconds();
        let over = claims.exp.0 + i64::from(self.parts.config.id_token_hint_seconds);
        if now >= over || claims.iat.0 > claims.exp.0 {
            return Err(Refusal::invalid_request("id_token_hint is too old").into());
        }
        if !self.is_for(client, &claims.aud).await? {
            return Err(Refusal::invalid_request("id_token_hint was not issued to this client").into());
        }
        self.as_known_to(client, Named::Subject(claims.sub))
    }

    async fn is_for(&self, client: &Client, audience: &Audience) -> Result<bool, OpError> {
        if audience.contains(client.id.as_str()) {
            return Ok(true);
        }
        let audiences = match audience {
            Audience::One(one) => std::slice::from_ref(one),
            Audience::Many(many) => many.as_slice(),
        };
        if !client.tokens.pairwise || audiences.len() > MAX_AUDIENCES {
            return Ok(false);
        }
        for id in audiences {
            let other = self.parts.storage.find_client(&ClientId::new(id.as_str())).await?;
            if other.is_some_and(|other| self.same_sector(client, &other)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
