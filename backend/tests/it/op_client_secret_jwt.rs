//! `client_secret_jwt`: assertions under a secret that both sides know.

use countersign::{
    domain::{Client, ClientAuthMethod},
    op::seal_client_secret,
};
use countersign_clock::Clock as _;
use countersign_jose::{Algorithm, MacAlgorithm, MacKey, SigningKey};
use serde_json::{Value, json};

use crate::op_world::{Answer, ISSUER, World, shop, unique};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// 64 characters: long enough for HS512.
const LONG: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const ALL: [MacAlgorithm; 3] = [MacAlgorithm::Hs256, MacAlgorithm::Hs384, MacAlgorithm::Hs512];

fn sealed(world: &World, id: &str, secret: &str) -> String {
    seal_client_secret(world.keys.sealing(), &id.into(), secret).unwrap()
}

async fn add(world: &World, id: &str, secret: &str, alg: Option<&str>) {
    let client = Client {
        auth_method: ClientAuthMethod::ClientSecretJwt,
        secret_sha256: None,
        secret_sealed: Some(sealed(world, id, secret)),
        assertion_alg: alg.map(str::to_owned),
        ..shop(id)
    };
    world.add_client(client).await;
}

fn claims(world: &World, id: &str) -> Value {
    let now = world.clock.now_seconds();
    json!({"iss": id, "sub": id, "aud": ISSUER, "exp": now + 60, "iat": now, "jti": unique()})
}

async fn present(world: &World, assertion: &str) -> Answer {
    let form = [
        ("token", "unknown"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", assertion),
    ];
    world.form("/introspect", &[], &form).await
}

#[tokio::test]
async fn a_secret_signs_assertions_and_each_is_good_once() {
    let world = World::new().await;
    add(&world, "maker", LONG, None).await;
    for alg in ALL {
        let assertion = MacKey::new(LONG).sign(alg, "JWT", &claims(&world, "maker")).unwrap();
        assert_eq!(present(&world, &assertion).await.status, 200, "B-01, R-042: {alg}");
        let again = present(&world, &assertion).await;
        again.refused(401, "invalid_client", "V-017: a second time");
    }
    let kept = world.stored().concat();
    assert!(!kept.contains(LONG), "B-01: the secret is kept sealed");
}

#[tokio::test]
async fn what_an_assertion_says_is_checked_as_for_keys() {
    let world = World::new().await;
    add(&world, "maker", LONG, None).await;
    let now = world.clock.now_seconds();
    for (claim, value) in [
        ("iss", json!("shop")),
        ("sub", json!("shop")),
        ("sub", json!("nobody")),
        ("aud", json!("https://evil.example")),
        ("aud", json!([ISSUER])),
        ("exp", json!(now)),
        ("exp", json!(now + 3600)),
        ("exp", json!((now + 60).to_string())),
        ("nbf", json!(now + 600)),
        ("jti", json!("")),
    ] {
        let mut wrong = claims(&world, "maker");
        wrong[claim] = value;
        let assertion = MacKey::new(LONG).sign(MacAlgorithm::Hs256, "JWT", &wrong).unwrap();
        let answer = present(&world, &assertion).await;
        answer.refused(401, "invalid_client", &format!("R-047: {claim}"));
    }
    let other = "f".repeat(64);
    for (secret, typ, why) in [
        (other.as_str(), "JWT", "another secret"),
        (LONG, "at+jwt", "another type"),
        (LONG, "dpop+jwt", "another type"),
    ] {
        let key = MacKey::new(secret);
        let assertion = key.sign(MacAlgorithm::Hs256, typ, &claims(&world, "maker")).unwrap();
        let answer = present(&world, &assertion).await;
        answer.refused(401, "invalid_client", &format!("R-047: {why}"));
    }
}

#[tokio::test]
async fn the_registered_algorithm_is_the_only_one() {
    let world = World::new().await;
    add(&world, "maker", LONG, Some("HS384")).await;
    for alg in ALL {
        let assertion = MacKey::new(LONG).sign(alg, "JWT", &claims(&world, "maker")).unwrap();
        let accepted = present(&world, &assertion).await.status == 200;
        assert_eq!(accepted, alg == MacAlgorithm::Hs384, "R-047: {alg}");
    }
    let keys = [Algorithm::Es256, Algorithm::Ps256, Algorithm::Rs256].map(|alg| SigningKey::generate(alg).unwrap());
    let public: Vec<_> = keys.iter().map(SigningKey::public_jwk).collect();
    let client = Client {
        auth_method: ClientAuthMethod::PrivateKeyJwt,
        secret_sha256: None,
        jwks: Some(json!({"keys": public})),
        assertion_alg: Some("PS256".to_owned()),
        ..shop("signer")
    };
    world.add_client(client).await;
    for key in &keys {
        let assertion = key.sign("JWT", &claims(&world, "signer")).unwrap();
        let accepted = present(&world, &assertion).await.status == 200;
        let alg = key.algorithm();
        assert_eq!(accepted, alg == Algorithm::Ps256, "R-047: {alg}");
    }
}

#[tokio::test]
async fn a_secret_that_is_too_short_for_the_algorithm_signs_nothing() {
    let world = World::new().await;
    // As clients are given them: 32 random bytes in base64url.
    let usual = &LONG[..43];
    add(&world, "maker", usual, None).await;
    let assertion = MacKey::new(usual).sign(MacAlgorithm::Hs256, "JWT", &claims(&world, "maker"));
    assert_eq!(present(&world, &assertion.unwrap()).await.status, 200);
    for (alg, function) in [(MacAlgorithm::Hs384, "HS384"), (MacAlgorithm::Hs512, "HS512")] {
        assert!(
            MacKey::new(usual).sign(alg, "JWT", &json!({})).is_err(),
            "B-01: {function} asks for more"
        );
    }
    let short = &LONG[..31];
    add(&world, "short", short, None).await;
    let padded = format!("{short}\0");
    // HMAC pads a key with zeros, so this one computes the same tags.
    let assertion = MacKey::new(padded).sign(MacAlgorithm::Hs256, "JWT", &claims(&world, "short"));
    let answer = present(&world, &assertion.unwrap()).await;
    answer.refused(401, "invalid_client", "B-01: shorter than the digest");
}

/// V-014: what is public is no secret, and a secret is no key.
#[tokio::test]
async fn keys_and_secrets_are_not_confused() {
    let world = World::new().await;
    let rsa = SigningKey::generate(Algorithm::Rs256).unwrap();
    let public = json!({"keys": [rsa.public_jwk()]});
    // It has both, and is registered for keys.
    let client = Client {
        auth_method: ClientAuthMethod::PrivateKeyJwt,
        secret_sealed: Some(sealed(&world, "keyed", LONG)),
        jwks: Some(public.clone()),
        ..shop("keyed")
    };
    world.add_client(client).await;
    // It has both, and is registered for its secret.
    let client = Client {
        auth_method: ClientAuthMethod::ClientSecretJwt,
        secret_sealed: Some(sealed(&world, "maker", LONG)),
        jwks: Some(public.clone()),
        ..shop("maker")
    };
    world.add_client(client).await;
    let jwk = serde_json::to_string(&rsa.public_jwk()).unwrap();
    let set = public.to_string();
    let modulus = public["keys"][0]["n"].as_str().unwrap().to_owned();
    for (what, secret) in [("its JWK", &jwk), ("its JWK Set", &set), ("its modulus", &modulus)] {
        for id in ["keyed", "maker"] {
            for alg in ALL {
                let forged = MacKey::new(secret).sign(alg, "JWT", &claims(&world, id)).unwrap();
                let answer = present(&world, &forged).await;
                answer.refused(401, "invalid_client", &format!("V-014: {alg} under {what} for {id}"));
            }
        }
    }
    let with_secret = MacKey::new(LONG).sign(MacAlgorithm::Hs256, "JWT", &claims(&world, "keyed"));
    let answer = present(&world, &with_secret.unwrap()).await;
    answer.refused(401, "invalid_client", "V-014: registered for keys");
    let with_key = rsa.sign("JWT", &claims(&world, "maker")).unwrap();
    let answer = present(&world, &with_key).await;
    answer.refused(401, "invalid_client", "V-014: registered for its secret");
    let plain = [("token", "x"), ("client_id", "maker"), ("client_secret", LONG)];
    let answer = world.form("/introspect", &[], &plain).await;
    answer.refused(401, "invalid_client", "R-042: the secret itself is never sent");
    let good = MacKey::new(LONG).sign(MacAlgorithm::Hs256, "JWT", &claims(&world, "maker"));
    assert_eq!(
        present(&world, &good.unwrap()).await.status,
        200,
        "the secret itself is fine"
    );
}

#[tokio::test]
async fn a_sealed_secret_is_its_clients_alone() {
    let world = World::new().await;
    let client = Client {
        auth_method: ClientAuthMethod::ClientSecretJwt,
        secret_sealed: Some(sealed(&world, "maker", LONG)),
        ..shop("copied")
    };
    world.add_client(client).await;
    let assertion = MacKey::new(LONG).sign(MacAlgorithm::Hs256, "JWT", &claims(&world, "copied"));
    let answer = present(&world, &assertion.unwrap()).await;
    answer.refused(401, "invalid_client", "B-01: sealed for another client");
}
