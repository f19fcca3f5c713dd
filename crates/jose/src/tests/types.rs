//! One kind of token is never taken for another.

use serde_json::{Value, json};

use super::forgery::signed;
use crate::{Algorithm, Expect, JoseError, SigningKey, Typ, peek_header, verify};

const ALGS: &[Algorithm] = &[Algorithm::Es256];

/// Proves V-015.
#[test]
fn each_type_verifies_as_itself_only() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let types = [
        "at+jwt",
        "dpop+jwt",
        "logout+jwt",
        "oauth-authz-req+jwt",
        "client-authentication+jwt",
        "countersign-decision+jwt",
        "countersign-enrolment+jwt",
        "secevent+jwt",
        "JWT",
    ];
    for made in types {
        let token = key.sign(made, &json!({"iss": "x"})).unwrap();
        for expected in types {
            let expect = Expect {
                typ: Typ::Exactly(expected),
                algs: ALGS,
                max_len: 4096,
            };
            let verdict = verify(&token, &expect, &key.public_jwk()).map(|_| ());
            let due = if made == expected { Ok(()) } else { Err(JoseError::Typ) };
            assert_eq!(verdict, due, "V-015: {made} where {expected} is due");
        }
    }
}

/// Proves V-015.
#[test]
fn an_untyped_purpose_takes_absence_and_its_list_but_no_other_type() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let expect = Expect {
        typ: Typ::OneOfOrAbsent(&["JWT", "client-authentication+jwt"]),
        algs: ALGS,
        max_len: 4096,
    };
    for (header, due) in [
        (r#"{"alg":"ES256"}"#, Ok(())),
        (r#"{"alg":"ES256","typ":"JWT"}"#, Ok(())),
        (r#"{"alg":"ES256","typ":"jwt"}"#, Ok(())),
        (r#"{"alg":"ES256","typ":"client-authentication+jwt"}"#, Ok(())),
        (
            r#"{"alg":"ES256","typ":"application/client-authentication+jwt"}"#,
            Ok(()),
        ),
        (r#"{"alg":"ES256","typ":"logout+jwt"}"#, Err(JoseError::Typ)),
        (r#"{"alg":"ES256","typ":"dpop+jwt"}"#, Err(JoseError::Typ)),
        (r#"{"alg":"ES256","typ":""}"#, Err(JoseError::Typ)),
        (r#"{"alg":"ES256","typ":null}"#, Err(JoseError::Malformed)),
    ] {
        let token = signed(&key, header, "{}");
        assert_eq!(
            verify(&token, &expect, &key.public_jwk()).map(|_| ()),
            due,
            "V-015: {header}"
        );
        assert_eq!(
            peek_header(&token, &expect).map(|_| ()),
            due,
            "V-015: a look is as strict: {header}"
        );
    }
}

#[test]
fn media_types_are_compared_as_rfc_7515_says() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"] {
        let token = key.sign(typ, &json!({})).unwrap();
        for expected in ["at+jwt", "application/at+jwt"] {
            let expect = Expect {
                typ: Typ::Exactly(expected),
                algs: ALGS,
                max_len: 4096,
            };
            assert!(
                verify(&token, &expect, &key.public_jwk()).is_ok(),
                "{typ} is {expected}"
            );
        }
    }
}

#[test]
fn what_is_signed_reads_back_whole() {
    for &alg in super::forgery::ALGORITHMS {
        let key = SigningKey::generate(alg).unwrap();
        let claims = json!({"iss": "device", "n": [1, {"ü": "\u{1f510}"}], "big": u64::MAX});
        let token = key.sign(super::forgery::TYP, &claims).unwrap();
        let verified = verify(&token, &super::forgery::expecting(&[alg]), &key.public_jwk()).unwrap();
        assert_eq!(verified.claims::<Value>().unwrap(), claims, "{alg}");
        let header = verified.header();
        assert_eq!((header.alg, header.typ.as_deref()), (alg, Some(super::forgery::TYP)));
        assert_eq!((header.kid.as_deref(), &header.jwk), (Some(key.kid()), &None));
        assert_eq!(
            key.sign("x", &json!([1])),
            Err(JoseError::Claims),
            "claims are an object"
        );
    }
}
