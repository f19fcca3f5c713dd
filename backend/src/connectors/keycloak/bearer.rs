use countersign_clock::Millis;
use countersign_jose::{
    Algorithm, Audience, Expect, IntegerSeconds, Typ, peek_claims_unverified, peek_header, verify_with_set,
};
use countersign_protocol::Subject;
use serde::Deserialize;

use super::MAX_BEARER_BYTES;
use crate::{config::ConnectorConfig, connectors::IntakeError, devices::MAX_ID_CHARS, issuers::Issuers};

const EXPECT: Expect<'static> = Expect {
    typ: Typ::OneOfOrAbsent(&["JWT", "at+jwt"]),
    algs: &Algorithm::ALL,
    max_len: MAX_BEARER_BYTES,
};
/// Seconds that the realm's clock may be ahead.
const SKEW_SECONDS: i64 = 30;
/// Seconds that a question waits at most, whatever expiry a client asked of Keycloak, which has no bound for it.
const LONGEST_SECONDS: i64 = 3_600;

/// Claims of the token under which Keycloak hands over and wants to be told.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    iss: String,
    aud: Audience,
    /// The request's name at Keycloak.
    pub(super) jti: String,
    /// Who is asked.
    pub(super) sub: Subject,
    /// Who asks.
    pub(super) azp: String,
    iat: IntegerSeconds,
    exp: IntegerSeconds,
    /// Kind of token: what else the realm signs is not this.
    typ: String,
}

impl Claims {
    /// The deadline, milliseconds; a nearer one where the token is good for very long.
    pub(super) fn deadline(&self) -> Millis {
        self.exp
            .0
            .min(self.iat.0.saturating_add(LONGEST_SECONDS))
            .saturating_mul(1000)
    }
}

#[derive(Deserialize)]
struct Issuer {
    iss: String,
}

/// Verifies that a realm of ours made `token` for handing over now, with the keys that it publishes.
pub(super) async fn verify<'r>(
    token: &str,
    realms: &'r [ConnectorConfig],
    issuers: &Issuers,
    now: Millis,
) -> Result<(&'r ConnectorConfig, Claims), IntakeError> {
    let unauthorized = |problem| move |_| IntakeError::Unauthorized(problem);
    let claimed: Issuer =
        peek_claims_unverified(token, &EXPECT).map_err(unauthorized("the bearer token is not a signed token"))?;
    let realm = realms.iter().find(|realm| realm.issuer == claimed.iss);
    let realm = realm.ok_or(IntakeError::Unauthorized(
        "the issuer of the bearer token is not one of ours",
    ))?;
    let header = peek_header(token, &EXPECT).map_err(unauthorized("the bearer token has no header"))?;
    let keys = issuers.keys_of(&realm.issuer, header.kid.as_deref()).await?;
    let verified = verify_with_set(token, &EXPECT, &keys);
    let claims: Claims = verified
        .and_then(|verified| verified.claims())
        .map_err(unauthorized("the bearer token does not verify"))?;
    let now = now.div_euclid(1000);
    let named = |text: &str| !text.is_empty() && text.chars().count() <= MAX_ID_CHARS && !text.contains('\0');
    let rules = [
        (claims.iss == realm.issuer, "the bearer token is of another issuer"),
        (
            claims.aud.is_exactly(&realm.issuer),
            "the bearer token is for somebody else",
        ),
        (claims.typ == "Bearer", "the bearer token is of another kind"),
        (claims.exp.0 > now, "the time of the bearer token is over"),
        (
            claims.iat.0 <= now + SKEW_SECONDS,
            "the bearer token comes from the future",
        ),
        (
            named(&claims.jti) && named(claims.sub.as_str()) && named(&claims.azp),
            "the bearer token names nobody",
        ),
    ];
    match rules.into_iter().find(|(holds, _)| !holds) {
        Some((_, problem)) => Err(IntakeError::Unauthorized(problem)),
        None => Ok((realm, claims)),
    }
}
