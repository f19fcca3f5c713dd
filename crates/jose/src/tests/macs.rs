//! Tokens under a shared secret: published vectors, what must be refused, and that the two worlds never meet.

use serde_json::{Value, json};

use super::forgery::with_signature;
use crate::provider::hmac;
use crate::{
    Algorithm, Expect, ExpectMac, JoseError, JwkSet, MacAlgorithm, MacKey, SigningKey, Typ, b64,
    peek_claims_unverified, peek_mac_claims_unverified, verify, verify_with_set,
};

const ALL: [MacAlgorithm; 3] = [MacAlgorithm::Hs256, MacAlgorithm::Hs384, MacAlgorithm::Hs512];
const SECRET: &[u8; 64] = &[b's'; 64];
const CLAIMS: &str = r#"{"sub":"shop"}"#;

const fn expecting(algs: &[MacAlgorithm]) -> ExpectMac<'_> {
    ExpectMac {
        typ: Typ::OneOfOrAbsent(&["JWT"]),
        algs,
        max_len: 4096,
    }
}

fn read(token: &str) -> Result<Value, JoseError> {
    MacKey::new(SECRET).verify(token, &expecting(&ALL))
}

/// A token whose tag is right, whatever its header says.
fn tagged(header: &str, payload: &str, function: hmac::Algorithm, secret: &[u8]) -> String {
    let input = format!("{}.{}", b64::encode(header), b64::encode(payload));
    let tag = hmac::sign(&hmac::Key::new(function, secret), input.as_bytes());
    with_signature(header, payload, tag)
}

#[test]
fn the_example_of_rfc_7515_verifies() {
    // Appendix A.1.
    let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
                 eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
                 dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let secret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let key = MacKey::new(b64::decode(secret).unwrap());
    let claims: Value = key.verify(token, &expecting(&ALL)).unwrap();
    assert_eq!(claims["iss"], "joe");
    let only_longer = expecting(&[MacAlgorithm::Hs384, MacAlgorithm::Hs512]);
    assert_eq!(key.verify::<Value>(token, &only_longer), Err(JoseError::Algorithm));
}

#[test]
fn each_algorithm_signs_and_verifies_and_asks_for_a_long_secret() {
    for alg in ALL {
        let token = MacKey::new(SECRET).sign(alg, "JWT", &json!({"sub": "shop"})).unwrap();
        assert_eq!(read(&token).unwrap()["sub"], "shop", "{alg}");
        assert_eq!(alg.as_str().parse(), Ok(alg));
        let peeked: Value = peek_mac_claims_unverified(&token, &expecting(&ALL)).unwrap();
        assert_eq!(peeked["sub"], "shop", "{alg}");
        let other = MacKey::new([b't'; 64]).verify::<Value>(&token, &expecting(&ALL));
        assert_eq!(other, Err(JoseError::Signature), "{alg}: another secret");
        let len = alg.min_secret_len();
        let exactly = MacKey::new(&SECRET[..len]);
        assert!(exactly.sign(alg, "JWT", &json!({})).is_ok(), "{alg}: {len} bytes");
        let short = &SECRET[..len - 1];
        assert_eq!(
            MacKey::new(short).sign(alg, "JWT", &json!({})),
            Err(JoseError::KeyMismatch),
            "{alg}: a secret that is too short"
        );
        let header = format!(r#"{{"alg":"{alg}"}}"#);
        let function =
            [hmac::HMAC_SHA256, hmac::HMAC_SHA384, hmac::HMAC_SHA512][ALL.iter().position(|one| *one == alg).unwrap()];
        let weak = tagged(&header, CLAIMS, function, short);
        assert_eq!(
            MacKey::new(short).verify::<Value>(&weak, &expecting(&ALL)),
            Err(JoseError::KeyMismatch),
            "{alg}: a secret that is too short"
        );
    }
    assert_eq!(
        MacKey::new(SECRET).sign(MacAlgorithm::Hs256, "JWT", &1),
        Err(JoseError::Claims)
    );
}

/// Proves V-014.
#[test]
fn what_a_header_may_not_say_is_refused_under_a_right_tag() {
    use JoseError::{Algorithm as Alg, Critical, DuplicateMember, ForbiddenHeader, Malformed, TooLong, Typ};
    let long_kid = format!(r#"{{"alg":"HS256","kid":"{}"}}"#, "k".repeat(257));
    for (header, due) in [
        (r#"{"alg":"none"}"#, Alg),
        (r#"{"alg":"hs256"}"#, Alg),
        (r#"{"alg":"ES256"}"#, Alg),
        (r#"{"typ":"JWT"}"#, Alg),
        (r#"{"alg":["HS256"]}"#, Malformed),
        (r#"{"alg":"HS256","alg":"HS256"}"#, DuplicateMember),
        (r#"{"alg":"HS256","crit":[]}"#, Critical),
        (r#"{"alg":"HS256","b64":true}"#, Critical),
        (r#"{"alg":"HS256","jwk":{"kty":"oct","k":"c3M"}}"#, ForbiddenHeader),
        (r#"{"alg":"HS256","jku":"https://evil.example"}"#, ForbiddenHeader),
        (r#"{"alg":"HS256","x5c":[]}"#, ForbiddenHeader),
        (r#"{"alg":"HS256","zip":"DEF"}"#, ForbiddenHeader),
        (r#"{"alg":"HS256","cty":"jwt"}"#, ForbiddenHeader),
        (r#"{"alg":"HS256","typ":"at+jwt"}"#, Typ),
        (long_kid.as_str(), TooLong),
    ] {
        let token = tagged(header, CLAIMS, hmac::HMAC_SHA256, SECRET);
        assert_eq!(read(&token), Err(due), "V-014: {header:.60}");
    }
    let repeated = tagged(r#"{"alg":"HS256"}"#, r#"{"a":1,"a":2}"#, hmac::HMAC_SHA256, SECRET);
    assert_eq!(read(&repeated), Err(DuplicateMember), "V-014: claims");
    let other = tagged(r#"{"alg":"HS512"}"#, CLAIMS, hmac::HMAC_SHA256, SECRET);
    assert_eq!(read(&other), Err(JoseError::Signature), "the tag of another algorithm");
    let good = tagged(r#"{"alg":"HS256","kid":"any"}"#, CLAIMS, hmac::HMAC_SHA256, SECRET);
    assert!(read(&good).is_ok(), "the tag itself is right");
    for cut in 1..good.len() - good.rfind('.').unwrap() {
        assert!(read(&good[..good.len() - cut]).is_err(), "V-014: a tag cut by {cut}");
    }
    assert_eq!(read(&"a".repeat(4097)), Err(TooLong));
}

/// V-014: a public key is no secret, and a secret no public key.
#[test]
fn the_two_worlds_never_meet() {
    for alg in [Algorithm::Es256, Algorithm::EdDsa] {
        let key = SigningKey::generate(alg).unwrap();
        let public = serde_json::to_string(&key.public_jwk()).unwrap();
        let expect = Expect {
            typ: Typ::OneOfOrAbsent(&["JWT"]),
            algs: &[Algorithm::Es256, Algorithm::EdDsa, Algorithm::Rs256],
            max_len: 4096,
        };
        // The classic: a tag under the bytes of the public key.
        let forged = tagged(r#"{"alg":"HS256"}"#, CLAIMS, hmac::HMAC_SHA256, public.as_bytes());
        let keys = JwkSet {
            keys: vec![key.public_jwk()],
        };
        assert_eq!(
            verify(&forged, &expect, &key.public_jwk()).unwrap_err(),
            JoseError::Algorithm,
            "V-014: {alg}"
        );
        assert_eq!(
            verify_with_set(&forged, &expect, &keys).unwrap_err(),
            JoseError::Algorithm,
            "V-014: {alg}"
        );
        assert_eq!(
            peek_claims_unverified::<Value>(&forged, &expect),
            Err(JoseError::Algorithm),
            "V-014: not even looked at"
        );
        let signed = key.sign("JWT", &json!({"sub": "shop"})).unwrap();
        assert_eq!(read(&signed), Err(JoseError::Algorithm), "V-014: {alg}");
        assert_eq!(
            peek_mac_claims_unverified::<Value>(&signed, &expecting(&ALL)),
            Err(JoseError::Algorithm),
            "V-014: not even looked at"
        );
    }
}
