use countersign_clock::Millis;
use countersign_jose::{Algorithm, Audience, Expect, IntegerSeconds, JwkSet, Typ, peek_header, verify};
use serde::Deserialize;
use serde_json::Value;

use super::errand::{Asked, Errand};
use crate::{
    config::UpstreamConfig,
    domain::{Acr, Amr, Approval, Evidence},
};

/// Longest ID token, bytes.
pub(super) const MAX_ID_TOKEN_BYTES: usize = 16 * 1024;
/// Seconds that the provider's clock may be ahead or behind.
const SKEW_SECONDS: i64 = 60;
/// What is said of an authentication of which the provider says nothing (OpenID Connect Core section 2).
const NO_CLASS: &str = "0";

pub(super) const EXPECT: Expect<'static> = Expect {
    typ: Typ::OneOfOrAbsent(&["JWT"]),
    algs: &Algorithm::ALL,
    max_len: MAX_ID_TOKEN_BYTES,
};

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: IntegerSeconds,
    iat: IntegerSeconds,
    auth_time: Option<IntegerSeconds>,
    acr: Option<String>,
    #[serde(default)]
    amr: Vec<String>,
    #[serde(rename = "urn:openid:params:jwt:claim:auth_req_id")]
    auth_req_id: Option<String>,
}

/// What the ID token `token` proves, by the keys of its provider (OpenID Connect Core section 3.1.3.7, CIBA Core section 10.3.1): that this person
/// approved this question, and never more than the provider says of it.
pub(super) fn read(
    token: &str,
    keys: &JwkSet,
    upstream: &UpstreamConfig,
    errand: &Errand,
    asked: &Asked,
    now: Millis,
) -> Result<(Approval, Evidence), &'static str> {
    let header = peek_header(token, &EXPECT).map_err(|_| "it is not a signed token")?;
    let mut candidates = keys.find(header.kid.as_deref(), header.alg);
    let verified = candidates.find_map(|key| Some((key, verify(token, &EXPECT, key).ok()?)));
    let (key, verified) = verified.ok_or("no key of the provider verifies it")?;
    let claims: Claims = verified
        .claims()
        .map_err(|_| "a claim is missing or of the wrong kind")?;
    let seconds = now.div_euclid(1000);
    let rules = [
        (claims.iss == upstream.issuer, "it is of another issuer"),
        (claims.aud.is_exactly(&upstream.client_id), "it is for another client"),
        (
            claims.azp.is_none_or(|azp| azp == upstream.client_id),
            "it was issued to another party",
        ),
        (claims.exp.0 > seconds - SKEW_SECONDS, "its time is over"),
        (claims.iat.0 <= seconds + SKEW_SECONDS, "it comes from the future"),
        (
            claims.iat.0 >= asked.at.div_euclid(1000) - SKEW_SECONDS,
            "it is older than the question",
        ),
        (
            claims.auth_req_id.is_none_or(|id| id == asked.auth_req_id),
            "it answers another question",
        ),
        (
            errand.sub.as_ref().is_none_or(|sub| *sub == claims.sub),
            "it is of another person",
        ),
        (
            errand.required_acr.is_none() || claims.acr == errand.required_acr,
            "it proves less than was asked",
        ),
    ];
    if let Some((_, problem)) = rules.into_iter().find(|(holds, _)| !holds) {
        return Err(problem);
    }
    let approval = Approval {
        auth_time: claims.auth_time.unwrap_or(claims.iat).0.min(seconds),
        amr: claims.amr.into_iter().filter_map(method).collect(),
        acr: Acr(claims.acr.unwrap_or_else(|| NO_CLASS.to_owned())),
        device_id: None,
    };
    let evidence = Evidence {
        connector: upstream.name.clone(),
        id_token: token.to_owned(),
        key: serde_json::to_string(key).map_err(|_| "its key cannot be written")?,
        at: now,
    };
    Ok((approval, evidence))
}

/// A method that is known here; what else the provider says stays in the evidence.
fn method(word: String) -> Option<Amr> {
    serde_json::from_value(Value::String(word)).ok()
}

#[cfg(test)]
mod tests {
    use countersign_jose::SigningKey;
    use serde_json::json;

    use super::*;
    use crate::config::UpstreamLink;

    const NOW: Millis = 1_800_000_000_000;

    fn upstream() -> UpstreamConfig {
        UpstreamConfig {
            name: "bank".to_owned(),
            issuer: "https://bank.example".to_owned(),
            title: "Example Bank".to_owned(),
            client_id: "us".to_owned(),
            client_secret_file: None,
            private_key_file: None,
            scope: "openid".to_owned(),
            login_hint_attribute: "email".to_owned(),
            link: UpstreamLink::Sub,
        }
    }

    fn errand(required_acr: Option<&str>) -> Errand {
        let errand = json!({
            "login_hint": "anna@bank.example", "sub": "anna", "binding_message": null, "acr_values": null,
            "authorization_details": null, "required_acr": required_acr, "rings": 1, "asked": null,
        });
        serde_json::from_value(errand).unwrap()
    }

    fn asked() -> Asked {
        Asked {
            auth_req_id: "request-1".to_owned(),
            interval: 5000,
            at: NOW - 10_000,
            id_token: None,
        }
    }

    fn claims() -> Value {
        let now = NOW / 1000;
        json!({
            "iss": "https://bank.example", "aud": "us", "sub": "anna", "iat": now, "exp": now + 300,
            "auth_time": now - 2, "acr": "urn:bank:strong", "amr": ["hwk", "face", "pin"],
            "urn:openid:params:jwt:claim:auth_req_id": "request-1",
        })
    }

    fn read_by(key: &SigningKey, signer: &SigningKey, claims: &Value) -> Result<(Approval, Evidence), &'static str> {
        let keys = JwkSet {
            keys: vec![key.public_jwk()],
        };
        let token = signer.sign("JWT", claims).unwrap();
        read(&token, &keys, &upstream(), &errand(None), &asked(), NOW)
    }

    #[test]
    fn an_approval_says_what_the_provider_signed_and_no_more() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let (approval, evidence) = read_by(&key, &key, &claims()).unwrap();
        assert_eq!(approval.acr, Acr("urn:bank:strong".to_owned()), "S-089");
        assert_eq!(
            approval.amr,
            [Amr::Hwk, Amr::Pin],
            "S-089: what is not known here is left out"
        );
        assert_eq!((approval.auth_time, approval.device_id), (NOW / 1000 - 2, None));
        assert_eq!((evidence.connector.as_str(), evidence.at), ("bank", NOW));
        let mut bare = claims();
        for name in ["auth_time", "acr", "amr", "urn:openid:params:jwt:claim:auth_req_id"] {
            bare.as_object_mut().unwrap().remove(name);
        }
        let (approval, _) = read_by(&key, &key, &bare).unwrap();
        assert_eq!(
            (approval.acr, approval.amr),
            (Acr(NO_CLASS.to_owned()), Vec::new()),
            "S-089"
        );
        assert_eq!(approval.auth_time, NOW / 1000);
    }

    #[test]
    fn an_id_token_that_is_not_the_answer_approves_nothing() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let now = NOW / 1000;
        for (name, value) in [
            ("iss", json!("https://other.example")),
            ("aud", json!("another")),
            ("aud", json!(["us", "another"])),
            ("azp", json!("another")),
            ("exp", json!(now - 61)),
            ("iat", json!(now + 61)),
            ("iat", json!(now - 71)),
            ("sub", json!("ben")),
            ("sub", json!(null)),
            ("urn:openid:params:jwt:claim:auth_req_id", json!("request-2")),
        ] {
            let mut claims = claims();
            claims[name] = value.clone();
            assert!(read_by(&key, &key, &claims).is_err(), "{name}: {value}");
        }
        let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
        assert!(read_by(&key, &stranger, &claims()).is_err(), "another key");
    }

    #[test]
    fn an_approval_has_to_prove_what_was_required() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let keys = JwkSet {
            keys: vec![key.public_jwk()],
        };
        let token = key.sign("JWT", &claims()).unwrap();
        for (required, holds) in [("urn:bank:strong", true), (Acr::DEVICE_VERIFIED, false)] {
            let errand = errand(Some(required));
            let approval = read(&token, &keys, &upstream(), &errand, &asked(), NOW);
            assert_eq!(approval.is_ok(), holds, "R-058: {required}");
        }
    }
}
