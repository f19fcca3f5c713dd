use countersign_clock::Millis;
use countersign_jose::{
    Algorithm, Audience, Expect, IntegerSeconds, JwkSet, Typ, peek_claims_unverified, peek_header, verify_with_set,
};
use countersign_protocol::Subject;
use serde::Deserialize;

use super::{DeviceError, MAX_JWT_BYTES};
use crate::domain::AccountKey;

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: Subject,
    aud: Audience,
    exp: IntegerSeconds,
    iat: IntegerSeconds,
    auth_time: Option<IntegerSeconds>,
    nonce: Option<String>,
    azp: Option<String>,
    name: Option<String>,
    preferred_username: Option<String>,
}

/// What an ID token has to be.
pub struct Sought<'a> {
    /// The provider.
    pub issuer: &'a str,
    /// The app's client there.
    pub client_id: &'a str,
    /// What the provider signs with.
    pub algorithms: &'a [Algorithm],
    /// The nonce that binds it to a key; none for a device without one.
    pub nonce: Option<&'a str>,
    /// Greatest age of the sign-in, seconds.
    pub max_age: i64,
    /// Seconds that the provider's clock may be ahead.
    pub skew: i64,
    /// Now.
    pub now: Millis,
}

/// Whose sign-in it is.
pub struct SignedIn {
    /// The person.
    pub account: AccountKey,
    /// What the provider calls them, if it says.
    pub name: Option<String>,
}

/// The issuer that an ID token names. Nothing is verified.
pub fn issuer_of(token: &str) -> Result<String, DeviceError> {
    #[derive(Deserialize)]
    struct Issuer {
        iss: String,
    }
    let claimed: Result<Issuer, _> = peek_claims_unverified(token, &expect(&Algorithm::ALL));
    claimed
        .map(|claimed| claimed.iss)
        .map_err(|_| DeviceError::IdToken("it is not a signed token"))
}

/// The key that an ID token names.
pub fn kid_of(token: &str) -> Option<String> {
    peek_header(token, &expect(&Algorithm::ALL)).ok()?.kid
}

fn expect(algs: &[Algorithm]) -> Expect<'_> {
    Expect {
        typ: Typ::OneOfOrAbsent(&["JWT"]),
        algs,
        max_len: MAX_JWT_BYTES,
    }
}

/// Verifies the ID token of a sign-in (OpenID Connect Core section 3.1.3.7) and says whose it is.
pub fn verify(token: &str, keys: &JwkSet, sought: &Sought<'_>) -> Result<SignedIn, DeviceError> {
    let verified = verify_with_set(token, &expect(sought.algorithms), keys);
    let verified = verified.map_err(|_| DeviceError::IdToken("it does not verify"))?;
    let claims: Claims = verified
        .claims()
        .map_err(|_| DeviceError::IdToken("a claim is missing or of the wrong kind"))?;
    let now = sought.now.div_euclid(1000);
    // A sign-in is as old as its oldest part: an ID token may be fresher than the authentication it speaks of.
    let signed_in = claims.auth_time.unwrap_or(claims.iat).0.min(claims.iat.0);
    let client_id = sought.client_id;
    let rules = [
        (claims.iss == sought.issuer, "another issuer"),
        (claims.aud.is_exactly(client_id), "another audience"),
        (claims.azp.is_none_or(|azp| azp == client_id), "another party"),
        (now < claims.exp.0, "its time is over"),
        (claims.iat.0 <= now + sought.skew, "it comes from the future"),
        (now - signed_in <= sought.max_age, "the sign-in is too long ago"),
        (
            sought.nonce.is_none() || claims.nonce.as_deref() == sought.nonce,
            "it was made for another key",
        ),
    ];
    for (holds, problem) in rules {
        if !holds {
            return Err(DeviceError::IdToken(problem));
        }
    }
    Ok(SignedIn {
        account: AccountKey {
            iss: claims.iss,
            sub: claims.sub,
        },
        name: claims.name.or(claims.preferred_username),
    })
}
