//! Nothing of a signed token can be changed.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::forgery::{ALGORITHMS, TYP, expecting};
use crate::{Algorithm, Jwk, SigningKey, verify};

static SIGNER: LazyLock<(SigningKey, Jwk)> = LazyLock::new(|| {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let public = key.public_jwk();
    (key, public)
});

/// Proves V-014.
#[test]
fn any_flipped_bit_is_refused() {
    for &alg in ALGORITHMS {
        let key = SigningKey::generate(alg).unwrap();
        let public = key.public_jwk();
        let token = key.sign(TYP, &json!({"dec": "deny", "exp": 1_700_000_000})).unwrap();
        assert!(verify(&token, &expecting(&[alg]), &public).is_ok());
        for at in 0..token.len() * 8 {
            let mut bytes = token.clone().into_bytes();
            bytes[at / 8] ^= 1 << (at % 8);
            // The top bit makes it no text, and a token is text.
            if let Ok(flipped) = String::from_utf8(bytes) {
                assert!(
                    verify(&flipped, &expecting(&[alg]), &public).is_err(),
                    "V-014: {alg}, bit {at}: {flipped}"
                );
            }
        }
    }
}

fn decision() -> impl Strategy<Value = Value> {
    ("[a-c]", "[a-c]", "[a-c]", prop::bool::ANY).prop_map(|(device, audience, request, approves)| {
        json!({"iss": device, "aud": audience, "req": request, "dec": if approves { "approve" } else { "deny" }})
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Proves S-025: the signature of one decision is no signature of any other.
    #[test]
    fn a_signature_serves_its_own_claims_only(made in decision(), wanted in decision()) {
        let (key, public) = &*SIGNER;
        let made_token = key.sign(TYP, &made).unwrap();
        let wanted_token = key.sign(TYP, &wanted).unwrap();
        let (_, signature) = made_token.rsplit_once('.').unwrap();
        let (input, _) = wanted_token.rsplit_once('.').unwrap();
        let swapped = verify(&format!("{input}.{signature}"), &expecting(&[Algorithm::Es256]), public);
        prop_assert_eq!(swapped.is_ok(), made == wanted, "S-025: {} signed, {} claimed", made, wanted);
    }

    /// Proves V-014: no text at all makes the reader panic or accept.
    #[test]
    fn noise_is_refused(token in "\\PC{0,64}|[A-Za-z0-9_.=-]{0,200}|e30\\.e30\\.[A-Za-z0-9_-]{0,86}") {
        prop_assert!(verify(&token, &expecting(&[Algorithm::Es256]), &SIGNER.1).is_err());
    }

    /// Proves V-014: no text makes the reader of keys panic, and what it takes it writes back.
    #[test]
    fn a_key_that_reads_writes_itself(json in "\\PC{0,64}|\\{\"kty\":\"(EC|RSA|OKP|oct)\",\"(x|n|crv|d)\":\"[A-Za-z0-9_-]{0,43}\"\\}") {
        if let Ok(key) = Jwk::parse(&json) {
            prop_assert_eq!(Jwk::parse(&serde_json::to_string(&key).unwrap()), Ok(key));
        }
    }
}
