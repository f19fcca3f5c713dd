//! Tokens that are bound to a key of the client (RFC 9449).

use axum::http::header;
use countersign::domain::{Client, ClientAuthMethod, GrantType, TokenRules};
use countersign_clock::Clock as _;
use countersign_jose::{Algorithm, SigningKey, digest};
use countersign_protocol::CIBA_GRANT;
use serde_json::{Value, json};

use crate::{
    op_browser::{VERIFIER, open},
    op_prover::{Prover, approved, post_with, text, userinfo},
    op_world::{Answer, ISSUER, SECRET, World, basic, shop, unique},
};

/// A shop whose tokens are always bound.
fn bound(id: &str) -> Client {
    Client {
        tokens: TokenRules {
            dpop_bound: true,
            ..TokenRules::default()
        },
        ..shop(id)
    }
}

async fn redeem(world: &World, client: &str, id: &str, proof: &str) -> Answer {
    let form = [("grant_type", CIBA_GRANT), ("auth_req_id", id)];
    post_with(world, client, "/token", proof, &form).await
}

fn challenge(answer: &Answer) -> &str {
    answer.header(header::WWW_AUTHENTICATE)
}

/// Proves R-265.
#[tokio::test]
async fn tokens_belong_to_the_key_that_was_proven() {
    let world = World::new().await;
    for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::Ps256, Algorithm::EdDsa] {
        let prover = Prover::new(algorithm);
        let id = approved(&world, "shop", "openid profile").await;
        let answer = redeem(&world, "shop", &id, &prover.at_token(&world)).await;
        assert_eq!(answer.status, 200, "R-265: {algorithm}: {}", answer.body);
        let tokens = answer.json();
        assert_eq!(tokens["token_type"], "DPoP", "R-265: {algorithm}");
        let access = text(&tokens, "access_token");
        let seen = world.post("/introspect", &[("token", &access)]).await.json();
        assert_eq!(seen["token_type"], "DPoP", "R-265: {seen}");
        assert_eq!(seen["cnf"], json!({"jkt": prover.thumbprint()}), "R-265");
        let answer = prover.userinfo(&world, &access).await;
        assert_eq!(answer.json()["sub"], "sub-anna", "R-265: {}", answer.body);
    }
}

/// Proves R-265, V-032.
#[tokio::test]
async fn a_bound_token_is_no_bearer_token_and_the_other_way_round() {
    let world = World::new().await;
    let (own, other) = (Prover::new(Algorithm::Es256), Prover::new(Algorithm::Es256));
    let id = approved(&world, "shop", "openid").await;
    let tokens = redeem(&world, "shop", &id, &own.at_token(&world)).await.json();
    let access = text(&tokens, "access_token");
    let ath = json!({"ath": digest::sha256_b64(&access)});
    let proof = || own.proof(&world, "GET", "/userinfo", &ath);

    let bearer = userinfo(&world, &format!("Bearer {access}"), &[]).await;
    bearer.refused(401, "invalid_token", "R-265: without its key");
    assert!(challenge(&bearer).starts_with("Bearer "), "RFC 6750 section 3");
    let with_proof = userinfo(&world, &format!("Bearer {access}"), &[("dpop", &proof())]).await;
    with_proof.refused(401, "invalid_token", "R-265: a bound token under the wrong scheme");
    let stolen = other.userinfo(&world, &access).await;
    stolen.refused(401, "invalid_token", "V-032: another key");
    assert!(
        challenge(&stolen).starts_with("DPoP error=\"invalid_token\""),
        "RFC 9449 section 7.1"
    );
    assert!(
        challenge(&stolen).contains("algs=\"ES256 ES384 PS256 EdDSA\""),
        "RFC 9449 section 7.1"
    );
    let naked = userinfo(&world, &format!("DPoP {access}"), &[]).await;
    naked.refused(401, "invalid_dpop_proof", "R-265: no proof");
    for (changes, why) in [
        (json!({}), "no ath"),
        (
            json!({"ath": digest::sha256_b64("another token")}),
            "another token's ath",
        ),
        (json!({"ath": ath["ath"], "htm": "POST"}), "another method"),
        (
            json!({"ath": ath["ath"], "htu": format!("{ISSUER}/token")}),
            "another address",
        ),
    ] {
        let proof = own.proof(&world, "GET", "/userinfo", &changes);
        let answer = userinfo(&world, &format!("DPoP {access}"), &[("dpop", &proof)]).await;
        answer.refused(401, "invalid_dpop_proof", &format!("R-265: {why}"));
    }
    let once = proof();
    let first = userinfo(&world, &format!("DPoP {access}"), &[("dpop", &once)]).await;
    assert_eq!(first.status, 200, "R-265: {}", first.body);
    let again = userinfo(&world, &format!("DPoP {access}"), &[("dpop", &once)]).await;
    again.refused(401, "invalid_dpop_proof", "R-265: a proof is used once");

    let id = approved(&world, "shop", "openid").await;
    let plain = text(&world.poll(&id).await.json(), "access_token");
    let claimed = own.userinfo(&world, &plain).await;
    claimed.refused(401, "invalid_token", "R-265: a token that is not bound has no key");
}

/// Proves R-265, V-015: each rule of a proof, at the token endpoint; a refusal uses nothing up.
#[tokio::test]
async fn a_proof_is_made_for_one_request() {
    let world = World::new().await;
    let prover = Prover::new(Algorithm::Es256);
    let id = approved(&world, "shop", "openid").await;
    let now = world.clock.now_seconds();
    let claims = |changes: &Value| prover.proof(&world, "POST", "/token", changes);
    let good = json!({"jti": unique(), "htm": "POST", "htu": format!("{ISSUER}/token"), "iat": now});
    let wrong = [
        (claims(&json!({"htm": "GET"})), "another method"),
        (
            claims(&json!({"htu": format!("{ISSUER}/userinfo")})),
            "another endpoint",
        ),
        (claims(&json!({"htu": "https://other.example/token"})), "another server"),
        (claims(&json!({"iat": now - 61})), "old"),
        (claims(&json!({"iat": now + 61})), "from the future"),
        (claims(&json!({"iat": null})), "without a time"),
        (claims(&json!({"iat": now.to_string()})), "V-016: a time that is a text"),
        (claims(&json!({"jti": null})), "without an id"),
        (claims(&json!({"jti": ""})), "with an empty id"),
        (claims(&json!({"jti": "j".repeat(129)})), "with an endless id"),
        (claims(&json!({"ath": digest::sha256_b64("x")})), "for a resource"),
        (prover.0.sign("dpop+jwt", &good).unwrap(), "without its key"),
        (prover.0.sign_with_jwk("JWT", &good).unwrap(), "V-015: of another type"),
        (
            prover.0.sign_with_jwk("at+jwt", &good).unwrap(),
            "V-015: of another type",
        ),
        (
            SigningKey::generate(Algorithm::Rs256)
                .unwrap()
                .sign_with_jwk("dpop+jwt", &good)
                .unwrap(),
            "an algorithm that is not offered",
        ),
        ("x".to_owned(), "no JWT"),
    ];
    for (proof, why) in wrong {
        let answer = redeem(&world, "shop", &id, &proof).await;
        answer.refused(400, "invalid_dpop_proof", &format!("R-265: {why}"));
    }
    let header = basic("shop", SECRET);
    let (one, two) = (prover.at_token(&world), prover.at_token(&world));
    let twice = [("authorization", header.as_str()), ("dpop", &one), ("dpop", &two)];
    let form = [("grant_type", CIBA_GRANT), ("auth_req_id", id.as_str())];
    let answer = world.form("/token", &twice, &form).await;
    answer.refused(400, "invalid_dpop_proof", "R-265: two proofs");

    let proof = prover.at_token(&world);
    assert_eq!(
        redeem(&world, "shop", &id, &proof).await.status,
        200,
        "R-265: nothing was used up"
    );
    let next = approved(&world, "shop", "openid").await;
    let again = redeem(&world, "shop", &next, &proof).await;
    again.refused(400, "invalid_dpop_proof", "R-265: a proof is used once");
    assert_eq!(
        redeem(&world, "shop", &next, &prover.at_token(&world)).await.status,
        200
    );
}

/// Proves.
#[tokio::test]
async fn a_client_whose_tokens_are_bound_gets_no_others() {
    let world = World::new().await;
    world.add_client(bound("bound")).await;
    let id = approved(&world, "bound", "openid offline_access").await;
    let form = [("grant_type", CIBA_GRANT), ("auth_req_id", id.as_str())];
    let without = world.post_as("bound", "/token", &form).await;
    without.refused(400, "invalid_dpop_proof", "RFC 9449 section 5.2");
    let (first, second) = (Prover::new(Algorithm::Es256), Prover::new(Algorithm::Es256));
    let tokens = redeem(&world, "bound", &id, &first.at_token(&world)).await.json();
    let refresh = text(&tokens, "refresh_token");
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let without = world.post_as("bound", "/token", &form).await;
    without.refused(400, "invalid_dpop_proof", "R-265: at refresh too");
    let tokens = second.post_as(&world, "bound", "/token", &form).await.json();
    assert_eq!(
        second.userinfo(&world, &text(&tokens, "access_token")).await.status,
        200,
        "R-265: a client that authenticates may change its key: {tokens}"
    );
}

/// Proves, V-032.
#[tokio::test]
async fn a_refresh_token_of_a_public_client_stays_with_its_key() {
    let world = World::new().await;
    let public = Client {
        auth_method: ClientAuthMethod::None,
        secret_sha256: None,
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        ..bound("public")
    };
    world.add_client(public).await;
    let (own, thief) = (Prover::new(Algorithm::Es256), Prover::new(Algorithm::Es256));
    let redirect = ("redirect_uri", "https://shop.example/cb");
    let asked = [("client_id", "public"), redirect, ("scope", "openid offline_access")];
    let code = open(&world, &asked).await.sign_in(&world).await;
    let send = async |prover: &Prover, form: &[(&str, &str)]| {
        let proof = prover.at_token(&world);
        let form = [form, &[("client_id", "public")]].concat();
        world.form("/token", &[("dpop", &proof)], &form).await
    };
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        redirect,
        ("code_verifier", VERIFIER),
    ];
    let tokens = send(&own, &form).await.json();
    let refresh = text(&tokens, "refresh_token");
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    send(&thief, &form)
        .await
        .refused(400, "invalid_grant", "V-032: another key");
    let next = send(&own, &form).await;
    assert_eq!(next.status, 200, "R-271: the theft used nothing up: {}", next.body);
    let proof = own.at_token(&world);
    for expected in [400, 400] {
        let form = [form[0], ("refresh_token", "x"), ("client_id", "public")];
        let answer = world.form("/token", &[("dpop", &proof)], &form).await;
        assert_eq!(answer.status, expected, "{}", answer.body);
    }
    let next = text(&next.json(), "refresh_token");
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", next.as_str()),
        ("client_id", "public"),
    ];
    let used = world.form("/token", &[("dpop", &proof)], &form).await;
    used.refused(400, "invalid_dpop_proof", "R-265: a proof is used once");
}

/// Proves R-265, V-019.
#[tokio::test]
async fn a_code_can_be_bound_to_a_key_from_the_start() {
    let world = World::new().await;
    let (own, thief) = (Prover::new(Algorithm::Es256), Prover::new(Algorithm::Es256));
    let redirect = ("redirect_uri", "https://shop.example/cb");
    let key = own.thumbprint();
    let asked = [
        ("client_id", "shop"),
        redirect,
        ("scope", "openid"),
        ("dpop_jkt", key.as_str()),
    ];
    let code = open(&world, &asked).await.sign_in(&world).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        redirect,
        ("code_verifier", VERIFIER),
    ];
    let stolen = thief.post_as(&world, "shop", "/token", &form).await;
    stolen.refused(400, "invalid_grant", "V-019: another key");
    let bearer = world.post("/token", &form).await;
    bearer.refused(400, "invalid_grant", "V-019: no key");
    let tokens = own.post_as(&world, "shop", "/token", &form).await;
    assert_eq!(tokens.json()["token_type"], "DPoP", "R-265: {}", tokens.body);
    let short = crate::op_browser::authorize(&world, &[("dpop_jkt", "short")]).await;
    assert_eq!(short.status, 303);
    assert!(
        short.header(header::LOCATION).contains("error=invalid_request"),
        "R-265: dpop_jkt is a digest"
    );
}

/// Proves R-265: `use_dpop_nonce` is 400 at the token endpoint and 401 at a resource, and each answer has the nonce.
#[tokio::test]
async fn proofs_carry_our_nonce_where_the_operator_wants_it() {
    let world = World::with("[op]\ndpop_nonce = true").await;
    let prover = Prover::new(Algorithm::Es256);
    let id = approved(&world, "shop", "openid").await;
    let first = redeem(&world, "shop", &id, &prover.at_token(&world)).await;
    first.refused(400, "use_dpop_nonce", "R-265");
    let nonce = |answer: &Answer| answer.header(header::HeaderName::from_static("dpop-nonce")).to_owned();
    let with = |answer: &Answer| json!({"nonce": nonce(answer)});
    let made_up = prover.proof(&world, "POST", "/token", &json!({"nonce": "made up"}));
    redeem(&world, "shop", &id, &made_up)
        .await
        .refused(400, "use_dpop_nonce", "R-265");
    let proof = prover.proof(&world, "POST", "/token", &with(&first));
    let answer = redeem(&world, "shop", &id, &proof).await;
    assert_eq!(answer.status, 200, "R-265: {}", answer.body);
    let access = text(&answer.json(), "access_token");
    let lacking = prover.userinfo(&world, &access).await;
    lacking.refused(401, "use_dpop_nonce", "R-265");
    assert!(
        challenge(&lacking).starts_with("DPoP error=\"use_dpop_nonce\""),
        "RFC 9449 section 9"
    );
    let ath = digest::sha256_b64(&access);
    let claims = json!({"ath": ath, "nonce": nonce(&lacking)});
    let proof = prover.proof(&world, "GET", "/userinfo", &claims);
    let answer = userinfo(&world, &format!("DPoP {access}"), &[("dpop", &proof)]).await;
    assert_eq!(answer.status, 200, "R-265: {}", answer.body);
    world.clock.advance(10 * 60_000);
    let id = approved(&world, "shop", "openid").await;
    let late = prover.proof(&world, "POST", "/token", &with(&first));
    redeem(&world, "shop", &id, &late)
        .await
        .refused(400, "use_dpop_nonce", "R-265: a nonce that is over");
}
