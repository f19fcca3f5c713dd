use countersign_clock::Millis;
use countersign_jose::{Algorithm, Expect, JoseError, Jwk, Typ, verify};
use countersign_protocol::{KEY_PROOF_TYP, KeyProofClaims, PublicJwk};
use serde_json::{Map, Value};

use super::{DeviceError, MAX_JWT_BYTES};

/// Longest life of a proof, seconds.
const PROOF_SECONDS: i64 = 300;
/// Seconds that the device's clock may be off.
const SKEW_SECONDS: i64 = 120;

/// A public key as a device may have one: EC on P-256, called by its thumbprint.
#[derive(Debug)]
pub struct DeviceKey {
    /// The key.
    pub jwk: Jwk,
    /// Its name.
    pub thumbprint: String,
}

impl DeviceKey {
    /// Judges the key in the member `field`.
    pub fn parse(key: &PublicJwk, field: &'static str) -> Result<Self, DeviceError> {
        let jwk = Jwk::parse(&key.0.to_string()).map_err(|error| match error {
            JoseError::TooLong => DeviceError::TooLong { field },
            _ => DeviceError::KeyProof { field },
        })?;
        if !jwk.fits(Algorithm::Es256) {
            return Err(DeviceError::KeyProof { field });
        }
        let thumbprint = jwk.thumbprint();
        if jwk.kid().is_some_and(|kid| kid != thumbprint) {
            return Err(DeviceError::KeyProof { field });
        }
        Ok(Self {
            jwk: jwk.with_kid(thumbprint.clone()),
            thumbprint,
        })
    }

    /// The members that make the key and its name, nothing else that the device may have sent.
    pub fn to_stored(&self) -> PublicJwk {
        let Ok(Value::Object(members)) = serde_json::to_value(&self.jwk) else {
            return PublicJwk(Value::Null);
        };
        let kept = ["kty", "crv", "x", "y", "kid"];
        let members: Map<String, Value> = members
            .into_iter()
            .filter(|(name, _)| kept.contains(&name.as_str()))
            .collect();
        PublicJwk(Value::Object(members))
    }

    /// Checks the proof in the member `field` that this key's holder wants it registered beside the key called `jkt`.
    pub fn check_proof(
        &self,
        proof: &str,
        field: &'static str,
        origin: &str,
        jkt: &str,
        now: Millis,
    ) -> Result<(), DeviceError> {
        if proof.len() > MAX_JWT_BYTES {
            return Err(DeviceError::TooLong { field });
        }
        let refused = DeviceError::KeyProof { field };
        let expect = Expect {
            typ: Typ::Exactly(KEY_PROOF_TYP),
            algs: &[Algorithm::Es256],
            max_len: MAX_JWT_BYTES,
        };
        let claims = verify(proof, &expect, &self.jwk).and_then(|verified| verified.claims::<KeyProofClaims>());
        let Ok(claims) = claims else { return Err(refused) };
        let good = claims.aud == origin
            && claims.jkt == jkt
            && is_timely(claims.iat, claims.exp, PROOF_SECONDS, SKEW_SECONDS, now);
        if good { Ok(()) } else { Err(refused) }
    }
}

/// Whether a statement made at `iat` and good before `exp` lives at most `life` seconds and is of this time, give or take `skew` seconds.
#[must_use]
pub fn is_timely(iat: i64, exp: i64, life: i64, skew: i64, now: Millis) -> bool {
    let now = now.div_euclid(1000);
    let lives = exp.saturating_sub(iat);
    (1..=life).contains(&lives) && iat <= now.saturating_add(skew) && exp > now.saturating_sub(skew)
}

#[cfg(test)]
mod tests {
    use countersign_jose::SigningKey;

    use super::*;

    #[test]
    fn a_statement_has_to_be_short_and_of_this_time() {
        assert!(is_timely(100, 160, 60, 5, 120_000));
        assert!(is_timely(124, 184, 60, 5, 120_000), "a clock that is ahead a little");
        assert!(!is_timely(126, 186, 60, 5, 120_000), "from the future");
        assert!(!is_timely(0, 61, 60, 5, 30_000), "too long a life");
        assert!(!is_timely(0, 60, 60, 5, 65_000), "over");
        assert!(!is_timely(60, 60, 60, 5, 60_000), "no life at all");
        assert!(!is_timely(i64::MIN, i64::MAX, 60, 5, 0), "V-016: extremes do not wrap");
        assert!(!is_timely(i64::MAX, i64::MIN, 60, 5, 0), "V-016: extremes do not wrap");
    }

    #[test]
    fn only_p256_keys_are_device_keys() {
        let public = |alg| {
            let key = SigningKey::generate(alg).unwrap().public_jwk();
            PublicJwk(serde_json::to_value(key).unwrap())
        };
        assert!(DeviceKey::parse(&public(Algorithm::Es256), "pop_key").is_ok());
        for alg in [Algorithm::Es384, Algorithm::EdDsa, Algorithm::Rs256] {
            assert!(DeviceKey::parse(&public(alg), "pop_key").is_err(), "{alg}");
        }
        let mut renamed = public(Algorithm::Es256);
        renamed.0["kid"] = "another".into();
        assert!(
            DeviceKey::parse(&renamed, "pop_key").is_err(),
            "a key is called by its thumbprint alone"
        );
        renamed.0["kid"] = Value::String("x".repeat(9000));
        let error = DeviceKey::parse(&renamed, "pop_key").unwrap_err();
        assert!(
            matches!(error, DeviceError::TooLong { field: "pop_key" }),
            "S-034: {error}"
        );
    }
}
