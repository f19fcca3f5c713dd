//! Who made a signed request, for whom, and when (CIBA Core section 7.1.1; FAPI-CIBA section 5.2.2 for its life).

use countersign_jose::{Audience, IntegerSeconds};
use serde::Deserialize;

use crate::op::Refusal;

/// Seconds that the client's clock may be off.
pub(super) const SKEW_SECONDS: i64 = 30;
const MAX_JTI_LEN: usize = 256;

/// Claims that are about the request itself.
#[derive(Deserialize)]
pub(super) struct Claims {
    iss: String,
    aud: Audience,
    pub(super) exp: IntegerSeconds,
    iat: IntegerSeconds,
    nbf: IntegerSeconds,
    pub(super) jti: String,
    sub: Option<String>,
    client_id: Option<String>,
}

impl Claims {
    /// Whether it is a request of the client `client_id` to `issuer` that is good `now`, for at most `longest` seconds in all.
    pub(super) fn check(&self, client_id: &str, issuer: &str, longest: i64, now: i64) -> Result<(), Refusal> {
        let (exp, iat, nbf) = (self.exp.0, self.iat.0, self.nbf.0);
        let rules = [
            (self.iss == client_id, "iss is not the client that authenticated"),
            (
                self.client_id.as_deref().is_none_or(|named| named == client_id),
                "client_id is not the client that authenticated",
            ),
            // Or it could be used as a client assertion (RFC 9101 section 10.8).
            (
                self.sub.as_deref() != Some(client_id),
                "sub is the client: this is a client assertion",
            ),
            (self.aud.contains(issuer), "aud is not this provider's issuer"),
            (exp > now - SKEW_SECONDS, "exp is over"),
            (iat <= now + SKEW_SECONDS, "iat is in the future"),
            (nbf <= now + SKEW_SECONDS, "nbf is in the future"),
            (nbf < exp, "nbf is not before exp"),
            (exp - nbf <= longest, "it is good for too long, from nbf to exp"),
            (exp <= now + longest + SKEW_SECONDS, "exp is too far ahead"),
            (nbf >= now - longest, "nbf is too long ago"),
            (!self.jti.is_empty(), "jti is empty"),
            (self.jti.len() <= MAX_JTI_LEN, "jti is too long"),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, problem)) => Err(Refusal::invalid_request(format!("request: {problem}"))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_800_000_000;
    const ISSUER: &str = "https://id.example";

    fn verdict(changes: &Value, longest: i64) -> Result<(), String> {
        let mut claims = json!({
            "iss": "shop", "aud": ISSUER, "exp": NOW + 60, "iat": NOW, "nbf": NOW, "jti": "j",
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let claims: Claims = serde_json::from_value(claims).map_err(|error| error.to_string())?;
        let checked = claims.check("shop", ISSUER, longest, NOW);
        checked.map_err(|refusal| refusal.description.into_owned())
    }

    #[test]
    fn a_request_is_of_this_client_for_this_provider_and_of_now() {
        for (good, why) in [
            (json!({}), "as it should be"),
            (json!({"aud": [ISSUER]}), "R-093: an array"),
            (json!({"aud": ["https://other.example", ISSUER]}), "R-093: among others"),
            (json!({"exp": NOW - 29, "nbf": NOW - 60}), "R-095: a small skew"),
            (json!({"iat": NOW + 30, "nbf": NOW + 30}), "R-096, R-097: a small skew"),
            (json!({"nbf": NOW - 3540}), "R-206: an hour in all"),
            (json!({"sub": "somebody"}), "R-104: the subject is not the client"),
            (json!({"client_id": "shop"}), "the same client"),
        ] {
            assert_eq!(verdict(&good, 3600), Ok(()), "{why}: {good}");
        }
        for (bad, why) in [
            (json!({"iss": "other"}), "R-094: another client"),
            (json!({"iss": ""}), "R-094: nobody"),
            (json!({"client_id": "other"}), "R-094: two clients"),
            (json!({"sub": "shop"}), "R-104: a client assertion"),
            (json!({"aud": "https://other.example"}), "R-093: another provider"),
            (json!({"aud": []}), "R-093: nobody"),
            (json!({"aud": format!("{ISSUER}/")}), "R-093: nearly us"),
            (json!({"exp": NOW - 30, "nbf": NOW - 60}), "R-095: over"),
            (json!({"iat": NOW + 31}), "R-096: from the future"),
            (json!({"nbf": NOW + 31, "exp": NOW + 90}), "R-097: not yet good"),
            (json!({"nbf": NOW, "exp": NOW}), "never good"),
            (json!({"nbf": NOW - 3541}), "R-206: longer than an hour"),
            (
                json!({"exp": NOW + 3631, "nbf": NOW + 30}),
                "R-206, V-035: too far ahead",
            ),
            (json!({"exp": NOW - 20, "nbf": NOW - 3601}), "R-206: too long ago"),
            (json!({"jti": ""}), "R-098: no name"),
            (json!({"jti": "x".repeat(257)}), "R-098: a name too long"),
            (json!({"exp": (NOW + 60).to_string()}), "V-016: a string"),
            (json!({"iat": 1.5}), "V-016: a fraction"),
            (json!({"nbf": -1}), "V-016: negative"),
            (json!({"jti": 7}), "R-098: a number"),
        ] {
            assert!(verdict(&bad, 3600).is_err(), "{why}: {bad}");
        }
    }

    #[test]
    fn the_longest_life_is_the_one_of_the_rules() {
        assert_eq!(verdict(&json!({"exp": NOW + 7200}), 7200), Ok(()));
        assert!(verdict(&json!({"exp": NOW + 7201}), 7200).is_err());
        assert!(verdict(&json!({"exp": NOW + 7200}), 3600).is_err(), "R-206");
    }
}
