//! Public keys, sets of them, and private keys in their store.

use serde_json::{Value, json};

use super::forgery::{ALGORITHMS, TYP, expecting, signed};
use crate::{Algorithm, JoseError, Jwk, JwkSet, SigningKey, b64, verify, verify_with_set};

const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
const ED: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

fn ec() -> Value {
    json!({"kty": "EC", "crv": "P-256", "x": X, "y": Y})
}

fn rsa(bits: usize, e: &str) -> Value {
    let mut n = vec![0xff; bits.div_ceil(8)];
    n[0] = 0xff >> (n.len() * 8 - bits);
    json!({"kty": "RSA", "n": b64::encode(n), "e": e})
}

fn with(mut key: Value, name: &str, value: Value) -> Value {
    key[name] = value;
    key
}

/// Proves V-014 (weak and confused keys) and S-034 (size).
#[test]
fn only_sound_public_keys_are_read() {
    use JoseError::{DuplicateMember, Key, Malformed, SecretKey, TooLong};

    for good in [
        ec(),
        rsa(2048, "AQAB"),
        rsa(3072, "AQAB"),
        rsa(4096, "AQAB"),
        json!({"kty": "OKP", "crv": "Ed25519", "x": ED}),
    ] {
        assert!(Jwk::parse(&good.to_string()).is_ok(), "the control: {good:.80}");
    }
    let small_order = |y: [u8; 32]| json!({"kty": "OKP", "crv": "Ed25519", "x": b64::encode(y)});
    let mut identity = [0; 32];
    identity[0] = 1;
    let mut minus_identity = identity;
    minus_identity[31] = 0x80;
    for (key, due) in [
        (with(ec(), "d", X.into()), SecretKey),
        (with(ec(), "d", Value::Null), SecretKey),
        (with(rsa(2048, "AQAB"), "p", "AQAB".into()), SecretKey),
        (with(rsa(2048, "AQAB"), "oth", json!([])), SecretKey),
        (with(ec(), "k", X.into()), SecretKey),
        (json!({"kty": "oct", "k": X}), SecretKey),
        (json!({"kty": "oct"}), SecretKey),
        (json!({}), Key),
        (with(ec(), "kty", "ec".into()), Key),
        (with(ec(), "kty", "RSA".into()), Key),
        (with(ec(), "kty", Value::Null), Key),
        (with(ec(), "crv", "P-384".into()), Key),
        (with(ec(), "crv", "secp256k1".into()), Key),
        (with(ec(), "x", b64::encode([1; 31]).into()), Key),
        (with(ec(), "y", b64::encode([0; 33]).into()), Key),
        (with(ec(), "y", "".into()), Key),
        (with(ec(), "x", format!("{X}=").into()), Key),
        (with(ec(), "x", 1.into()), Key),
        (with(ec(), "alg", "ES384".into()), Key),
        (with(ec(), "alg", "RS256".into()), Key),
        (with(ec(), "alg", "HS256".into()), Key),
        (with(ec(), "alg", "none".into()), Key),
        (with(ec(), "kid", 1.into()), Key),
        (with(ec(), "kid", "k".repeat(257).into()), Key),
        (with(ec(), "use", json!(["sig"])), Key),
        (with(ec(), "key_ops", "verify".into()), Key),
        (rsa(1024, "AQAB"), Key),
        (rsa(2047, "AQAB"), Key),
        (rsa(4097, "AQAB"), Key),
        (rsa(2048, "AQ"), Key),
        (rsa(2048, "Aw"), Key),
        (rsa(2048, "AQAA"), Key),
        (rsa(2048, "AAEAAQ"), Key),
        (rsa(2048, "AQAAAAE"), Key),
        (rsa(2048, ""), Key),
        (
            with(
                rsa(2048, "AQAB"),
                "n",
                b64::encode([&[0], [0xff; 256].as_slice()].concat()).into(),
            ),
            Key,
        ),
        (with(rsa(2048, "AQAB"), "n", b64::encode([0xfe; 256]).into()), Key),
        (with(rsa(2048, "AQAB"), "n", "".into()), Key),
        (json!({"kty": "OKP", "crv": "X25519", "x": ED}), Key),
        (json!({"kty": "OKP", "crv": "Ed448", "x": ED}), Key),
        (json!({"kty": "OKP", "crv": "Ed25519", "x": b64::encode([9; 31])}), Key),
        (small_order([0; 32]), Key),
        (small_order(identity), Key),
        (small_order(minus_identity), Key),
        (json!([]), Malformed),
    ] {
        let text = key.to_string();
        assert_eq!(Jwk::parse(&text), Err(due), "V-014: {text:.120}");
        assert!(
            serde_json::from_value::<Jwk>(key).is_err(),
            "V-014: the same through serde: {text:.120}"
        );
    }
    assert_eq!(
        Jwk::parse(&with(ec(), "x5c", "A".repeat(8192).into()).to_string()),
        Err(TooLong),
        "S-034"
    );
    let twice = format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}","x":"{Y}"}}"#);
    assert_eq!(Jwk::parse(&twice), Err(DuplicateMember));
    assert!(
        serde_json::from_str::<Jwk>(&twice).is_err(),
        "serde refuses repetition too"
    );
}

/// Proves V-014: such a key can be written down, but nothing is ever signed by it.
#[test]
fn a_point_off_the_curve_verifies_nothing() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let mut members = serde_json::to_value(key.public_jwk().with_kid(key.kid())).unwrap();
    for y in [
        b64::encode([0; 32]),
        b64::encode([0xff; 32]),
        members["x"].as_str().unwrap().to_owned(),
    ] {
        members["y"] = y.into();
        let off: Jwk = serde_json::from_value(members.clone()).unwrap();
        let verdict = verify(
            &key.sign(TYP, &json!({})).unwrap(),
            &expecting(&[Algorithm::Es256]),
            &off,
        );
        assert_eq!(verdict.unwrap_err(), JoseError::Signature, "V-014: {members}");
    }
}

#[test]
fn what_a_key_says_of_itself_is_kept_and_the_rest_is_dropped() {
    let described = json!({
        "kty": "EC", "crv": "P-256", "x": X, "y": Y,
        "kid": "a", "alg": "ES256", "use": "sig", "key_ops": ["verify"], "x5c": ["MIIB"],
    });
    let more = with(
        with(described.clone(), "x5c", json!(["MIIB", "MIIC"])),
        "ext",
        true.into(),
    );
    let key = Jwk::parse(&more.to_string()).unwrap();
    assert_eq!(serde_json::to_value(&key).unwrap(), described);
    assert_eq!(key.certificate(), Some(&[0x30, 0x82, 0x01][..]));
    for bad in [
        json!([]),
        json!("MIIB"),
        json!([1]),
        json!(["MII-"]),
        json!(["M"]),
        json!(null),
    ] {
        let key = with(ec(), "x5c", bad.clone());
        assert_eq!(
            Jwk::parse(&key.to_string()),
            Err(JoseError::Key),
            "no certificate: {bad}"
        );
    }
    assert_eq!(
        key.thumbprint(),
        Jwk::parse(&ec().to_string()).unwrap().thumbprint(),
        "a name does not change the thumbprint"
    );
    let named = Jwk::parse(&ec().to_string())
        .unwrap()
        .with_kid("a")
        .with_alg(Algorithm::Es256)
        .with_use("sig");
    assert_eq!((named.kid(), named.fits(Algorithm::Es256)), (Some("a"), true));
}

/// Proves V-014: (alg, kty, crv, use, `key_ops`) must all agree.
#[test]
fn a_key_fits_what_all_its_members_allow() {
    let key = || Jwk::parse(&ec().to_string()).unwrap();
    assert!(key().fits(Algorithm::Es256));
    for other in [
        Algorithm::Es384,
        Algorithm::Es512,
        Algorithm::EdDsa,
        Algorithm::Rs256,
        Algorithm::Ps256,
    ] {
        assert!(!key().fits(other), "V-014: P-256 is not for {other}");
    }
    assert!(
        !key().with_use("enc").fits(Algorithm::Es256),
        "V-014: a key for encryption"
    );
    assert!(
        !key().with_alg(Algorithm::Rs256).fits(Algorithm::Es256),
        "V-014: a key that says it is for RS256"
    );
    assert!(
        !key().with_alg(Algorithm::Rs256).fits(Algorithm::Rs256),
        "V-014: saying so does not make it RSA"
    );
    let encrypts = Jwk::parse(&with(ec(), "key_ops", json!(["deriveKey"])).to_string()).unwrap();
    assert!(!encrypts.fits(Algorithm::Es256), "V-014: key_ops without verify");
    let rsa = Jwk::parse(&with(rsa(2048, "AQAB"), "alg", "PS256".into()).to_string()).unwrap();
    assert!(
        rsa.fits(Algorithm::Ps256) && !rsa.fits(Algorithm::Rs256),
        "V-014: PS256 is not RS256"
    );
}

#[test]
fn a_set_skips_what_we_do_not_use_and_refuses_secrets() {
    let parse = |keys: Value| serde_json::from_value::<JwkSet>(json!({"keys": keys, "more": 1}));
    let x25519 = json!({"kty": "OKP", "crv": "X25519", "x": ED});
    let (twin, other) = (
        with(ec(), "kid", "a".into()),
        json!({"kty": "OKP", "crv": "Ed25519", "x": ED, "kid": "a"}),
    );
    let set = parse(json!([x25519, twin, {"kty": "AKP"}, {}, rsa(1024, "AQAB"), twin, other, ec()])).unwrap();
    assert_eq!(set.keys.len(), 4);
    assert_eq!(
        set.find(Some("a"), Algorithm::Es256).count(),
        2,
        "a repeated kid is kept"
    );
    assert_eq!(set.find(Some("a"), Algorithm::EdDsa).count(), 1);
    assert_eq!(set.find(Some("b"), Algorithm::Es256).count(), 0);
    assert_eq!(
        set.find(None, Algorithm::Es256).count(),
        3,
        "without a kid, all that fit"
    );
    assert_eq!(
        serde_json::from_value::<JwkSet>(serde_json::to_value(&set).unwrap()).unwrap(),
        set
    );
    for bad in [
        json!([with(ec(), "d", X.into())]),
        json!([{"kty": "oct", "k": X}]),
        json!(["key"]),
        json!({}),
        Value::Null,
    ] {
        assert!(parse(bad.clone()).is_err(), "{bad}");
    }
    assert!(
        serde_json::from_str::<JwkSet>(r#"{"keys":[],"keys":[]}"#).is_err(),
        "repetition is refused"
    );
    assert!(serde_json::from_str::<JwkSet>("[]").is_err());
}

#[test]
fn a_set_is_searched_by_kid_or_key_by_key() {
    let keys: Vec<SigningKey> = (0..3)
        .map(|_| SigningKey::generate(Algorithm::Es256).unwrap())
        .collect();
    let set = JwkSet {
        keys: keys.iter().map(SigningKey::public_jwk).collect(),
    };
    let (algs, header) = ([Algorithm::Es256], format!(r#"{{"alg":"ES256","typ":"{TYP}"}}"#));
    for key in &keys {
        assert!(
            verify_with_set(&key.sign(TYP, &json!({})).unwrap(), &expecting(&algs), &set).is_ok(),
            "by kid"
        );
        assert!(
            verify_with_set(&signed(key, &header, "{}"), &expecting(&algs), &set).is_ok(),
            "without kid"
        );
    }
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    let error = |token: &str, set: &JwkSet| verify_with_set(token, &expecting(&algs), set).unwrap_err();
    assert_eq!(
        error(&stranger.sign(TYP, &json!({})).unwrap(), &set),
        JoseError::KeyMismatch
    );
    assert_eq!(error(&signed(&stranger, &header, "{}"), &set), JoseError::Signature);
    assert_eq!(
        error(&signed(&stranger, &header, "{}"), &JwkSet::default()),
        JoseError::KeyMismatch
    );
}

#[test]
fn a_private_key_survives_its_store_and_never_shows_itself() {
    for &alg in ALGORITHMS {
        let key = SigningKey::generate(alg).unwrap();
        let again = SigningKey::from_pkcs8(alg, key.to_pkcs8()).unwrap();
        let public = key.public_jwk();
        assert_eq!(again.public_jwk(), public);
        assert_eq!(
            (public.kid(), key.kid()),
            (Some(public.thumbprint().as_str()), key.kid()),
            "the kid is the thumbprint"
        );
        assert!(public.fits(alg));
        assert!(verify(&again.sign(TYP, &json!({})).unwrap(), &expecting(&[alg]), &public).is_ok());
        assert_eq!(
            serde_json::from_value::<Jwk>(serde_json::to_value(&public).unwrap()).unwrap(),
            public
        );
        let shown = format!("{key:?}");
        assert_eq!(
            shown,
            format!("SigningKey {{ alg: {alg:?}, kid: {:?}, .. }}", key.kid()),
            "nothing secret is printed"
        );
        for &other in ALGORITHMS {
            let same_kind = public.clone().with_alg(other).fits(other);
            assert_eq!(
                SigningKey::from_pkcs8(other, key.to_pkcs8()).is_ok(),
                same_kind,
                "{alg} read as {other}"
            );
        }
        assert_eq!(SigningKey::from_pkcs8(alg, b"").unwrap_err(), JoseError::SigningKey);
        assert!(SigningKey::from_pkcs8(alg, &key.to_pkcs8()[1..]).is_err());
    }
    if cfg!(not(feature = "aws-lc")) {
        assert_eq!(
            SigningKey::generate(Algorithm::Rs256).unwrap_err(),
            JoseError::Algorithm,
            "ring makes no RSA keys"
        );
        assert_eq!(
            SigningKey::generate(Algorithm::Es512).unwrap_err(),
            JoseError::Algorithm,
            "ring has no P-521"
        );
    }
}
