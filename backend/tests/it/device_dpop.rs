//! Every call proves possession of the device's key (RFC 9449).

use axum::{body::Body, http::Request};
use countersign_jose::{Algorithm, SigningKey};
use serde_json::{Value, json};

use crate::{
    device_actor::TestDevice,
    device_world::{Answer, START, World},
};

const PATH: &str = "/ad/v1/requests";

async fn get(device: &TestDevice, proof: &str) -> Answer {
    let request = Request::get(PATH)
        .header("authorization", format!("DPoP {}", device.token))
        .header("dpop", proof);
    device.world.send(request.body(Body::empty()).unwrap()).await
}

/// Proves S-027, V-016, V-032.
#[tokio::test]
async fn a_proof_with_one_wrong_claim_is_refused() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    assert_eq!(device.call("GET", PATH, None).await.status, 200);
    let now = START / 1000;
    let bent: Vec<(&str, Value)> = vec![
        ("htm", "POST".into()),
        ("htm", "get".into()),
        ("htu", "http://127.0.0.1:8480/ad/v1/devices".into()),
        ("htu", "http://evil.example/ad/v1/requests".into()),
        ("iat", json!(now + 121)),
        ("iat", json!(now - 121)),
        ("iat", json!(now.to_string())),
        ("iat", json!(1e300)),
        ("iat", json!(-1)),
        ("jti", "".into()),
        ("jti", "j".repeat(129).into()),
        ("ath", "wrong".into()),
        ("ath", Value::Null),
    ];
    for (name, value) in bent {
        let mut claims = device.proof_claims("GET", PATH, Some(&device.token));
        claims[name] = value.clone();
        let answer = get(&device, &device.prove(&claims)).await;
        assert_eq!(answer.code(), "invalid_dpop_proof", "S-027: {name} = {value}");
        assert_eq!(
            answer.headers["www-authenticate"],
            "DPoP error=\"invalid_dpop_proof\", algs=\"ES256\""
        );
    }
    for name in ["htm", "htu", "iat", "jti", "ath"] {
        let mut claims = device.proof_claims("GET", PATH, Some(&device.token));
        claims.as_object_mut().unwrap().remove(name);
        get(&device, &device.prove(&claims))
            .await
            .refused(401, "invalid_dpop_proof");
    }
}

/// Proves S-027: a proof is good once, and only with a nonce of this run.
#[tokio::test]
async fn a_proof_is_used_once_and_needs_the_nonce() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let mut claims = device.proof_claims("GET", PATH, Some(&device.token));
    let proof = device.prove(&claims);
    assert_eq!(get(&device, &proof).await.status, 200);
    get(&device, &proof).await.refused(401, "invalid_dpop_proof");
    for nonce in [json!("older"), json!(""), Value::Null] {
        claims["nonce"] = nonce;
        let answer = get(&device, &device.prove(&claims)).await;
        answer.refused(401, "use_dpop_nonce");
        assert!(
            answer.headers.contains_key("dpop-nonce"),
            "S-027: and is told the right one"
        );
    }
    world.clock.advance(599_000);
    let claims = device.proof_claims("GET", PATH, Some(&device.token));
    get(&device, &device.prove(&claims))
        .await
        .refused(401, "use_dpop_nonce");
}

/// Proves R-146, S-027, V-014, V-032: a stolen token is worth nothing without the key.
#[tokio::test]
async fn a_token_without_its_key_is_worth_nothing() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let claims = device.proof_claims("GET", PATH, Some(&device.token));
    let thief = SigningKey::generate(Algorithm::Es256).unwrap();
    let answer = get(&device, &thief.sign_with_jwk("dpop+jwt", &claims).unwrap()).await;
    answer.refused(401, "invalid_token");
    for (proof, why) in [
        (device.pop.sign("dpop+jwt", &claims).unwrap(), "no jwk"),
        (device.pop.sign_with_jwk("JWT", &claims).unwrap(), "another typ"),
        ("x".repeat(17_000), "too long"),
        (String::new(), "empty"),
    ] {
        let answer = get(&device, &proof).await;
        assert_eq!(answer.code(), "invalid_dpop_proof", "S-027: {why}");
    }
    let bearer = Request::get(PATH).header("authorization", format!("Bearer {}", device.token));
    let answer = world.send(bearer.body(Body::empty()).unwrap()).await;
    answer.refused(401, "invalid_token");
    let bare = Request::get(PATH).header("authorization", format!("DPoP {}", device.token));
    let answer = world.send(bare.body(Body::empty()).unwrap()).await;
    answer.refused(401, "invalid_dpop_proof");
    let twice = device
        .request("GET", PATH, Some(&device.token))
        .header("dpop", "second");
    let answer = world.send(twice.body(Body::empty()).unwrap()).await;
    answer.refused(401, "invalid_dpop_proof");
}
