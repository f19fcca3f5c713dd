//! The whole list against the library that every reader of tokens stands on.

use std::collections::{BTreeMap, BTreeSet};

use countersign_forged_tokens::{Forger, Honest, Reader, attacks, attacks_on, second_form};
use countersign_jose::{
    Algorithm, Expect, IntegerSeconds, JwkSet, SigningKey, Typ, peek_claims_unverified, verify, verify_embedded,
    verify_with_set,
};
use serde::Deserialize;
use serde_json::{Value, json};

const NOW: i64 = 1_795_261_206;

#[derive(Debug, Deserialize)]
struct Claims {
    #[serde(rename = "sub")]
    _sub: String,
    #[serde(rename = "exp")]
    _exp: IntegerSeconds,
    #[serde(rename = "nbf")]
    _nbf: Option<IntegerSeconds>,
    #[serde(rename = "iat")]
    _iat: Option<IntegerSeconds>,
}

fn honest<'a>(key: &'a SigningKey, forger: &'a Forger) -> Honest<'a> {
    let issuer = "https://id.example";
    Honest {
        key,
        header: json!({"typ": "JWT", "kid": key.kid()}),
        claims: json!({"iss": "shop", "sub": "shop", "aud": issuer, "iat": NOW, "exp": NOW + 60, "jti": "1"}),
        now: NOW,
        names: names(issuer),
        forger,
    }
}

fn names(issuer: &str) -> BTreeMap<&'static str, String> {
    [
        ("issuer", issuer),
        ("client", "shop"),
        ("other_client", "club"),
        ("person", "sub-anna"),
    ]
    .map(|(word, name)| (word, name.to_owned()))
    .into()
}

/// Proves V-014, V-015, V-016.
#[test]
fn the_library_accepts_none_of_the_forged_tokens() {
    let forger = Forger::default();
    let mut tried = 0;
    for algorithm in [Algorithm::Es256, Algorithm::Rs256, Algorithm::Ps256, Algorithm::EdDsa] {
        let key = SigningKey::generate(algorithm).unwrap();
        let (public, honest) = (key.public_jwk(), honest(&key, &forger));
        let set = JwkSet {
            keys: vec![public.clone()],
        };
        let algs = [algorithm];
        let expect = Expect {
            typ: Typ::OneOfOrAbsent(&["JWT"]),
            algs: &algs,
            max_len: 16 * 1024,
        };
        let good = verify(&honest.token(), &expect, &public).and_then(|token| token.claims::<Claims>());
        assert!(good.is_ok(), "the honest token is accepted: {good:?}");
        for attack in attacks_on(Reader::Library, algorithm) {
            let token = attack.forge(&honest);
            let why = format!("{:?}: {algorithm}: {}: {}", attack.rows, attack.id, attack.attack);
            let alone = verify(&token, &expect, &public).and_then(|token| token.claims::<Claims>());
            assert!(alone.is_err(), "{why}");
            let in_a_set = verify_with_set(&token, &expect, &set).and_then(|token| token.claims::<Claims>());
            assert!(in_a_set.is_err(), "in a set: {why}");
            let embedded = verify_embedded(&token, &expect).and_then(|token| token.claims::<Claims>());
            // A stranger's key in the header is what that reader is for: it says whose key it was.
            let own = |token: &str| {
                verify_embedded(token, &expect).is_ok_and(|token| token.header().jwk == Some(public.clone()))
            };
            assert!(
                embedded.is_err() || !own(&token) || attack.id == "jwk-own",
                "embedded: {why}"
            );
            let _no_panic = peek_claims_unverified::<Value>(&token, &expect);
            tried += 1;
        }
    }
    assert!(tried >= 1200, "V-014: {tried} tokens");
}

/// Proves V-014: the list is as long as it says, and each attack has a name and a row.
#[test]
fn the_list_is_long_and_each_attack_is_there_once() {
    let all = attacks();
    assert!(all.len() >= 300, "V-014: {} attacks", all.len());
    let ids: BTreeSet<&str> = all.iter().map(|attack| attack.id.as_str()).collect();
    assert_eq!(ids.len(), all.len(), "names are unique");
    for attack in &all {
        assert!(!attack.rows.is_empty() && !attack.attack.is_empty(), "{}", attack.id);
    }
}

/// Whoever compares signatures to find replays would be deceived: the second form is as good as the first.
#[test]
fn an_ecdsa_signature_has_a_second_form() {
    let forger = Forger::default();
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let token = honest(&key, &forger).token();
    let other = second_form(&token, Algorithm::Es256);
    assert_ne!(token, other);
    let expect = Expect {
        typ: Typ::OneOfOrAbsent(&["JWT"]),
        algs: &[Algorithm::Es256],
        max_len: 4096,
    };
    assert!(
        verify(&other, &expect, &key.public_jwk()).is_ok(),
        "V-014: names tell replays, not signatures"
    );
}
