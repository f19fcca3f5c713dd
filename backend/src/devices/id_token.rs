use countersign_clock::Millis;
use countersign_jose::{Algorithm, Audience, Expect, IntegerSeconds, JwkSet, Typ, verify_with_set};
use countersign_protocol::Subject;
use serde::Deserialize;

use super::{DeviceError, MAX_JWT_BYTES};
use crate::{
    domain::{APP_CLIENT_ID, AccountKey, KeyPurpose},
    keys::Snapshot,
};

/// Seconds that the provider's clock may be ahead.
const SKEW_SECONDS: i64 = 5;

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
}

/// What an ID token has to be.
pub struct Sought<'a> {
    /// The provider.
    pub issuer: &'a str,
    /// The nonce that binds it to a key; none for a device without one.
    pub nonce: Option<&'a str>,
    /// Greatest age of the sign-in, seconds.
    pub max_age: i64,
    /// Now.
    pub now: Millis,
}

/// Verifies the ID token of a sign-in (OpenID Connect Core section 3.1.3.7) and says whose it is.
pub fn verify(token: &str, keys: &Snapshot, sought: &Sought<'_>) -> Result<AccountKey, DeviceError> {
    let keys = JwkSet {
        keys: keys.public(&[
            KeyPurpose::IdToken(Algorithm::Es256),
            KeyPurpose::IdToken(Algorithm::Rs256),
        ]),
    };
    let expect = Expect {
        typ: Typ::OneOfOrAbsent(&["JWT"]),
        algs: &[Algorithm::Es256, Algorithm::Rs256],
        max_len: MAX_JWT_BYTES,
    };
    let verified = verify_with_set(token, &expect, &keys).map_err(|_| DeviceError::IdToken("it does not verify"))?;
    let claims: Claims = verified
        .claims()
        .map_err(|_| DeviceError::IdToken("a claim is missing or of the wrong kind"))?;
    let now = sought.now.div_euclid(1000);
    // A sign-in is as old as its oldest part: an ID token may be fresher than the authentication it speaks of.
    let signed_in = claims.auth_time.unwrap_or(claims.iat).0.min(claims.iat.0);
    let rules = [
        (claims.iss == sought.issuer, "another issuer"),
        (claims.aud.is_exactly(APP_CLIENT_ID), "another audience"),
        (claims.azp.is_none_or(|azp| azp == APP_CLIENT_ID), "another party"),
        (now < claims.exp.0, "its time is over"),
        (claims.iat.0 <= now + SKEW_SECONDS, "it comes from the future"),
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
    Ok(AccountKey {
        iss: claims.iss,
        sub: claims.sub,
    })
}
