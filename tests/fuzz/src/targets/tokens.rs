//! The strict readers of tokens, claims and keys.

use std::sync::OnceLock;

use countersign_jose::{
    Algorithm, Audience, Expect, IntegerSeconds, Jwk, JwkSet, SigningKey, Typ, peek_claims_unverified, peek_header,
    unique, verify, verify_embedded, verify_with_set,
};
use serde_json::Value;

const ALGORITHMS: &[Algorithm] = &[Algorithm::Es256, Algorithm::Rs256, Algorithm::Ps256, Algorithm::EdDsa];

/// Any text as a token: it is read or refused, and verifies with no key that did not sign it.
pub fn token(data: &[u8]) {
    static KEY: OnceLock<Jwk> = OnceLock::new();
    let Ok(token) = std::str::from_utf8(data) else { return };
    let key = KEY.get_or_init(|| SigningKey::generate(Algorithm::Es256).expect("a key").public_jwk());
    let expect = Expect {
        typ: Typ::OneOfOrAbsent(&["JWT", "dpop+jwt"]),
        algs: ALGORITHMS,
        max_len: 4096,
    };
    let set = JwkSet {
        keys: vec![key.clone()],
    };
    assert!(verify(token, &expect, key).is_err(), "nobody signed it");
    assert!(verify_with_set(token, &expect, &set).is_err(), "nobody signed it");
    if let Ok(proof) = verify_embedded(token, &expect) {
        assert!(proof.header().jwk.is_some(), "a proof says whose key it was");
    }
    let header = peek_header(token, &expect);
    let claims = peek_claims_unverified::<Value>(token, &expect);
    assert!(claims.is_err() || header.is_ok(), "claims without a header");
    if header.is_ok() {
        assert_eq!(token.matches('.').count(), 2, "three parts");
        assert!(
            token
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        );
    }
}

/// Any text as claims.
pub fn claims(data: &[u8]) {
    if let Ok(object) = unique::object(data) {
        let again = serde_json::to_vec(&object).expect("JSON");
        assert_eq!(
            unique::object(&again).as_ref(),
            Ok(&object),
            "what was read is read again"
        );
    }
    if let Ok(IntegerSeconds(seconds)) = serde_json::from_slice(data) {
        let text = std::str::from_utf8(data).expect("JSON is text");
        assert_eq!(text.trim().parse(), Ok(seconds), "only an integer is a time");
    }
    if let Ok(audience) = serde_json::from_slice::<Audience>(data) {
        let written = serde_json::to_value(&audience).expect("JSON");
        assert!(written.is_string() || written.is_array());
    }
}

/// Any text as a key or a set of keys: what is taken has no secret in it and writes itself.
pub fn jwk(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(key) = Jwk::parse(text) {
        check(&key);
    }
    if let Ok(set) = serde_json::from_str::<JwkSet>(text) {
        set.keys.iter().for_each(check);
    }
}

fn check(key: &Jwk) {
    let written = serde_json::to_value(key).expect("JSON");
    for secret in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        assert!(written.get(secret).is_none(), "{secret} is secret");
    }
    assert_eq!(key.thumbprint().len(), 43);
    assert_eq!(
        Jwk::parse(&written.to_string()).as_ref(),
        Ok(key),
        "what was read is read again"
    );
}
