//! `tests/vectors/jwt-attacks.json` against every endpoint of the device API that reads a token.

use axum::{
    body::Body,
    http::{HeaderValue, Request},
};
use countersign_clock::Clock as _;
use countersign_forged_tokens::{Forger, Honest, Reader, attacks_on};
use countersign_jose::Algorithm;
use countersign_protocol::DECISION_TYP;
use serde_json::json;

use crate::{
    device_actor::TestDevice,
    device_world::{ORIGIN, START, World},
};

const NOW: i64 = START / 1000;

fn names() -> std::collections::BTreeMap<&'static str, String> {
    [
        ("issuer", ORIGIN),
        ("client", "shop"),
        ("other_client", "bank"),
        ("person", "sub-anna"),
    ]
    .map(|(word, name)| (word, name.to_owned()))
    .into()
}

/// Proves V-014, V-015, V-016.
#[tokio::test]
async fn no_forged_decision_decides() {
    let world = World::new().await;
    let forger = Forger::default();
    let device = TestDevice::registered(&world, "anna").await;
    let handle = world.ask("anna", World::show("m")).await;
    let request = device.request_object(&handle).await;
    let honest = Honest {
        key: &device.uv,
        header: json!({"typ": DECISION_TYP, "kid": device.uv.kid()}),
        claims: device.decision(&handle, &request, "approve"),
        now: NOW,
        names: names(),
        forger: &forger,
    };
    let before = world.stored();
    let mut tried = 0;
    for attack in attacks_on(Reader::Decision, Algorithm::Es256) {
        let answer = device.send_decision(&handle, &request, &attack.forge(&honest)).await;
        let why = format!("{:?}: {}: {}", attack.rows, attack.id, attack.attack);
        assert!(
            [400, 413].contains(&answer.status.as_u16()),
            "{why}: {:?}",
            answer.json()
        );
        tried += 1;
    }
    assert!(tried >= 300, "V-014: {tried} forged decisions");
    assert_eq!(world.stored(), before, "V-014: nothing that is stored changed");
    let answer = device.send_decision(&handle, &request, &honest.token()).await;
    assert_eq!(answer.status, 200, "the honest decision decides");
}

/// Proves V-014, V-015, V-016.
#[tokio::test]
async fn no_forged_proof_proves_a_device() {
    let world = World::new().await;
    let forger = Forger::default();
    let device = TestDevice::registered(&world, "anna").await;
    let path = "/ad/v1/requests";
    assert_eq!(device.call("GET", path, None).await.status, 200);
    let mut honest = Honest {
        key: &device.pop,
        header: json!({"typ": "dpop+jwt", "jwk": device.pop.public_jwk()}),
        claims: device.proof_claims("GET", path, Some(&device.token)),
        now: NOW,
        names: names(),
        forger: &forger,
    };
    let get = async |proof: &str| {
        let proof = HeaderValue::from_bytes(proof.as_bytes()).ok()?;
        let request = Request::get(path)
            .header("authorization", format!("DPoP {}", device.token))
            .header("dpop", proof);
        Some(world.send(request.body(Body::empty()).unwrap()).await)
    };
    let before = world.stored();
    let mut tried = 0;
    for attack in attacks_on(Reader::Dpop, Algorithm::Es256) {
        // What is no header at all is refused before anybody reads it.
        let Some(answer) = get(&attack.forge(&honest)).await else {
            continue;
        };
        let why = format!("{:?}: {}: {}", attack.rows, attack.id, attack.attack);
        assert_eq!(answer.status, 401, "{why}");
        tried += 1;
    }
    assert!(tried >= 300, "V-014: {tried} forged proofs");
    assert_eq!(world.stored(), before, "V-014: nothing that is stored changed");
    honest.claims = device.proof_claims("GET", path, Some(&device.token));
    assert_eq!(
        get(&honest.token()).await.unwrap().status,
        200,
        "the honest proof proves"
    );
}

/// Proves V-014, V-015.
#[tokio::test]
async fn no_forged_id_token_registers_a_device() {
    let world = World::new().await;
    let forger = Forger::default();
    let device = TestDevice::stranger(&world);
    let mut body = device.registration("anna");
    let signer = world
        .keys
        .signer(countersign::domain::KeyPurpose::IdToken(Algorithm::Es256))
        .unwrap();
    let token = body["id_token_hint"].as_str().unwrap().to_owned();
    let honest = Honest {
        key: &signer,
        header: json!({"typ": "JWT", "kid": signer.kid()}),
        claims: crate::op_world::claims(&token),
        now: world.clock.now_seconds(),
        names: names(),
        forger: &forger,
    };
    let before = world.stored();
    let mut tried = 0;
    for attack in attacks_on(Reader::IdTokenHint, Algorithm::Es256) {
        body["id_token_hint"] = attack.forge(&honest).into();
        let answer = device.register(&body).await;
        let why = format!("{:?}: {}: {}", attack.rows, attack.id, attack.attack);
        assert!(
            [400, 401, 413].contains(&answer.status.as_u16()),
            "{why}: {:?}",
            answer.json()
        );
        tried += 1;
    }
    assert!(tried >= 300, "V-014: {tried} forged ID tokens");
    assert_eq!(world.stored(), before, "V-014: nothing that is stored changed");
    body["id_token_hint"] = honest.token().into();
    assert_eq!(
        device.register(&body).await.status,
        201,
        "the honest ID token registers"
    );
}
