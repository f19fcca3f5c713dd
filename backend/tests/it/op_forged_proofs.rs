//! `tests/vectors/jwt-attacks.json` against the endpoints of the provider that read a proof of a key (RFC 9449).

use axum::http::HeaderValue;
use countersign_clock::Clock as _;
use countersign_forged_tokens::{Forger, Honest, Reader, attacks_on, second_form};
use countersign_jose::{Algorithm, digest};
use countersign_protocol::CIBA_GRANT;
use serde_json::{Value, json};

use crate::{
    op_forged_tokens::names,
    op_prover::{Prover, approved, post_with, text, userinfo},
    op_world::{Answer, ISSUER, World, unique},
};

/// An honest proof of `prover`, with these claims of its own.
fn proof<'a>(world: &World, prover: &'a Prover, forger: &'a Forger, claims: &Value) -> Honest<'a> {
    let now = world.clock.now_seconds();
    let mut all = json!({"jti": unique(), "iat": now});
    for (name, value) in claims.as_object().unwrap() {
        all[name] = value.clone();
    }
    Honest {
        key: &prover.0,
        header: json!({"typ": "dpop+jwt", "jwk": prover.0.public_jwk()}),
        claims: all,
        now,
        names: names("shop"),
        forger,
    }
}

/// Sends every attack with `send`, and says which were not answered `status`.
async fn only_the_honest_one(world: &World, honest: &Honest<'_>, status: u16, send: impl AsyncFn(&str) -> Answer) {
    let before = world.stored();
    let (mut tried, mut wrong) = (0, Vec::new());
    for attack in attacks_on(Reader::Dpop, honest.key.algorithm()) {
        let forged = attack.forge(honest);
        // What is no header at all is refused before anybody reads it.
        if HeaderValue::from_str(&forged).is_err() {
            continue;
        }
        let answer = send(&forged).await;
        if (answer.status.as_u16(), answer.error().as_str()) != (status, "invalid_dpop_proof") {
            wrong.push(format!(
                "{:?}: {}: {}: {}",
                attack.rows, attack.id, attack.attack, answer.body
            ));
        }
        tried += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried >= 250, "V-014: {tried} forged proofs");
    assert_eq!(world.stored(), before, "V-014: nothing that is stored changed");
    let answer = send(&honest.token()).await;
    assert_eq!(answer.status, 200, "the honest proof proves: {}", answer.body);
}

/// Proves V-014, V-015, V-016.
#[tokio::test]
async fn no_forged_proof_binds_a_token() {
    let world = World::new().await;
    let forger = Forger::default();
    for algorithm in [Algorithm::Es256, Algorithm::Ps256, Algorithm::EdDsa] {
        let prover = Prover::new(algorithm);
        let id = approved(&world, "shop", "openid").await;
        let form = [("grant_type", CIBA_GRANT), ("auth_req_id", id.as_str())];
        let made_for = json!({"htm": "POST", "htu": format!("{ISSUER}/token")});
        let honest = proof(&world, &prover, &forger, &made_for);
        let send = async |proof: &str| post_with(&world, "shop", "/token", proof, &form).await;
        only_the_honest_one(&world, &honest, 400, send).await;
    }
}

/// Proves V-014, V-015, V-016.
#[tokio::test]
async fn no_forged_proof_opens_what_belongs_to_a_key() {
    let world = World::new().await;
    let forger = Forger::default();
    for algorithm in [Algorithm::Es256, Algorithm::Ps256, Algorithm::EdDsa] {
        let prover = Prover::new(algorithm);
        let id = approved(&world, "shop", "openid").await;
        let form = [("grant_type", CIBA_GRANT), ("auth_req_id", id.as_str())];
        let tokens = prover.post_as(&world, "shop", "/token", &form).await.json();
        let access = text(&tokens, "access_token");
        let made_for = json!({"htm": "GET", "htu": format!("{ISSUER}/userinfo"), "ath": digest::sha256_b64(&access)});
        let honest = proof(&world, &prover, &forger, &made_for);
        let authorization = format!("DPoP {access}");
        let send = async |proof: &str| userinfo(&world, &authorization, &[("dpop", proof)]).await;
        only_the_honest_one(&world, &honest, 401, send).await;
    }
}

/// Proves V-014, V-017: the signature's second form is the same proof.
#[tokio::test]
async fn a_proof_signed_the_other_way_is_a_replay() {
    let world = World::new().await;
    let prover = Prover::new(Algorithm::Es256);
    let proof = prover.at_token(&world);
    let redeem = async |proof: &str| {
        let id = approved(&world, "shop", "openid").await;
        let form = [("grant_type", CIBA_GRANT), ("auth_req_id", id.as_str())];
        post_with(&world, "shop", "/token", proof, &form).await
    };
    assert_eq!(redeem(&proof).await.status, 200);
    let other = second_form(&proof, Algorithm::Es256);
    redeem(&other)
        .await
        .refused(400, "invalid_dpop_proof", "V-017: a replay with another signature");
}
