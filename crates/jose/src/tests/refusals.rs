//! What must be refused, by every way to read a token.

use serde::Deserialize;
use serde_json::json;

use super::corpus::corpus;
use super::forgery::{ALGORITHMS, TYP, expecting, signed};
use crate::JoseError::{Claims, Critical, DuplicateMember, ForbiddenHeader, KeyMismatch, Malformed, Signature};
use crate::{
    Algorithm, IntegerSeconds, JoseError, Jwk, JwkSet, SigningKey, Verified, peek_claims_unverified, verify,
    verify_embedded, verify_with_set,
};

#[derive(Debug, Deserialize)]
struct Decision {
    #[serde(rename = "exp")]
    _exp: IntegerSeconds,
}

/// Proves V-014, V-015 and V-016: not one of the hostile tokens is accepted, with a key, with a set or at a look.
#[test]
fn no_hostile_token_is_accepted() {
    let mut tried = 0;
    for &alg in ALGORITHMS {
        let (key, stranger) = (SigningKey::generate(alg).unwrap(), SigningKey::generate(alg).unwrap());
        let public = key.public_jwk();
        let set = JwkSet {
            keys: vec![public.clone()],
        };
        let algs = [alg];
        let expect = expecting(&algs);
        let (honest, cases) = corpus(key, stranger);
        let control = verify(&honest, &expect, &public).and_then(|token| token.claims::<Decision>());
        assert!(
            control.is_ok(),
            "{alg}: the corpus is built like a token that is accepted"
        );
        for (what, token, due) in &cases {
            let read = |verified: Verified| verified.claims::<Decision>().map(|_| ());
            let row = if *due == Claims { "V-014, V-016" } else { "V-014, V-015" };
            assert_eq!(
                verify(token, &expect, &public).and_then(read),
                Err(*due),
                "{row}: {what}"
            );
            assert_eq!(
                verify_with_set(token, &expect, &set).and_then(read),
                Err(*due),
                "{row}: in a set: {what}"
            );
            // A look does not know the key, but sees everything else.
            if !matches!(*due, KeyMismatch | Signature) {
                let looked = peek_claims_unverified::<Decision>(token, &expect).map(|_| ());
                assert_eq!(looked, Err(*due), "{row}: at a look: {what}");
            }
        }
        tried += cases.len();
    }
    assert!(
        tried >= 300,
        "V-014 asks for at least 300 hostile tokens, there are {tried}"
    );
}

/// Proves V-014: a key of one curve or type never verifies for another, even when the purpose expects both.
#[test]
fn a_key_serves_its_own_algorithm_only() {
    let keys: Vec<SigningKey> = ALGORITHMS
        .iter()
        .map(|&alg| SigningKey::generate(alg).unwrap())
        .collect();
    for signer in &keys {
        for claimed in &keys {
            let header = format!(r#"{{"alg":"{}","typ":"{TYP}"}}"#, claimed.algorithm());
            let token = signed(signer, &header, "{}");
            let verdict = verify(&token, &expecting(ALGORITHMS), &signer.public_jwk());
            assert_eq!(
                verdict.is_ok(),
                signer.algorithm() == claimed.algorithm(),
                "V-014: {signer:?} as {claimed:?}"
            );
        }
    }
}

/// Proves V-014.
#[test]
fn an_embedded_key_must_be_public_and_the_signers_own() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let expect = expecting(&[Algorithm::Es256]);
    let token = key.sign_with_jwk(TYP, &json!({"jti": "1"})).unwrap();
    let verified = verify_embedded(&token, &expect).unwrap();
    let embedded: &Jwk = verified.header().jwk.as_ref().unwrap();
    assert_eq!((embedded.thumbprint(), embedded.kid()), (key.kid().to_owned(), None));
    assert_eq!(
        verify(&token, &expect, &key.public_jwk()).unwrap_err(),
        ForbiddenHeader,
        "elsewhere a jwk is refused"
    );

    let stranger = serde_json::to_string(&SigningKey::generate(Algorithm::Es256).unwrap().public_jwk()).unwrap();
    let own = serde_json::to_string(&key.public_jwk()).unwrap();
    let private = own.replacen('{', r#"{"d":"AAAA","#, 1);
    let twice = own.replacen('{', r#"{"kty":"EC","#, 1);
    for (more, due) in [
        (String::new(), KeyMismatch),
        (format!(r#","jwk":{stranger}"#), Signature),
        (format!(r#","jwk":{private}"#), JoseError::SecretKey),
        (format!(r#","jwk":{twice}"#), DuplicateMember),
        (format!(r#","jwk":{own},"jwk":{own}"#), DuplicateMember),
        (format!(r#","jwk":{own},"crit":["jwk"]"#), Critical),
        (format!(r#","jwk":{own},"jku":"https://evil.example""#), ForbiddenHeader),
        (r#","jwk":{"kty":"oct","k":"AAAA"}"#.to_owned(), JoseError::SecretKey),
        (r#","jwk":{"kty":"EC"}"#.to_owned(), JoseError::Key),
        (r#","jwk":"key""#.to_owned(), Malformed),
        (r#","jwk":null"#.to_owned(), Malformed),
    ] {
        let header = format!(r#"{{"alg":"ES256","typ":"{TYP}"{more}}}"#);
        assert_eq!(
            verify_embedded(&signed(&key, &header, "{}"), &expect).unwrap_err(),
            due,
            "V-014: {more}"
        );
    }
}
