//! Access tokens that resource servers read themselves (RFC 9068), and what signs them.

use axum::http::header;
use countersign::domain::{Client, TokenRules};
use countersign_jose::{Algorithm, Expect, JwkSet, Typ, digest, peek_header, verify_with_set};
use countersign_protocol::CIBA_GRANT;
use serde_json::{Value, json};

use crate::{
    op_browser::{VERIFIER, open},
    op_prover::{Prover, approved, text, userinfo},
    op_world::{ISSUER, START, World, shop},
};

fn signed(id: &str, alg: &str) -> Client {
    Client {
        tokens: TokenRules {
            access_token_alg: Some(alg.to_owned()),
            ..TokenRules::default()
        },
        ..shop(id)
    }
}

async fn verified(world: &World, token: &str, typ: &str) -> Value {
    let keys: JwkSet = serde_json::from_value(world.get("/jwks").await.json()).unwrap();
    let expect = Expect {
        typ: Typ::Exactly(typ),
        algs: &Algorithm::ALL,
        max_len: 16_384,
    };
    verify_with_set(token, &expect, &keys).unwrap().claims().unwrap()
}

async fn is_active(world: &World, client: &str, token: &str) -> bool {
    let answer = world.post_as(client, "/introspect", &[("token", token)]).await;
    answer.json()["active"] == true
}

/// Proves: a resource server sees for whom the token is, and it is recorded like any other.
#[tokio::test]
async fn a_signed_access_token_says_what_it_is_for_and_can_be_revoked() {
    let world = World::new().await;
    world.add_client(signed("signed", "ES256")).await;
    let id = approved(&world, "signed", "openid profile").await;
    let form = [("grant_type", CIBA_GRANT), ("auth_req_id", id.as_str())];
    let tokens = world.post_as("signed", "/token", &form).await.json();
    let access = text(&tokens, "access_token");
    let mut claims = verified(&world, &access, "at+jwt").await;
    let jti = claims.as_object_mut().unwrap().remove("jti").unwrap();
    assert_eq!(jti.as_str().map(str::len), Some(43), "R-234: 256 bits");
    let now = START / 1000;
    let expected = json!({
        "iss": ISSUER, "aud": ISSUER, "sub": "sub-anna", "client_id": "signed", "scope": "openid profile",
        "iat": now, "exp": now + 600, "auth_time": now, "acr": "urn:countersign:acr:device-verified", "amr": ["swk", "pin"],
    });
    assert_eq!(
        claims.as_object().unwrap().keys().len(),
        expected.as_object().unwrap().keys().len()
    );
    for (name, value) in expected.as_object().unwrap() {
        if name != "acr" && name != "amr" {
            assert_eq!(&claims[name], value, "RFC 9068 section 2.2: {name}");
        }
    }
    let id_token = verified(&world, &text(&tokens, "id_token"), "JWT").await;
    assert_eq!(
        id_token["at_hash"],
        digest::token_hash(Algorithm::Es256, &access),
        "R-169, R-190"
    );
    assert_eq!((&claims["acr"], &claims["amr"]), (&id_token["acr"], &id_token["amr"]));
    let answer = userinfo(&world, &format!("Bearer {access}"), &[]).await;
    assert_eq!(answer.json()["sub"], "sub-anna", "{}", answer.body);
    assert!(is_active(&world, "signed", &access).await, "RFC 7662: it is recorded");
    world.post_as("signed", "/revoke", &[("token", &access)]).await;
    assert!(!is_active(&world, "signed", &access).await, "RFC 7009: and revoked");
    let (head, signature) = access.rsplit_once('.').unwrap();
    let bent = format!("{head}.{}", signature.replace(['A', 'B'], "C"));
    let answer = userinfo(&world, &format!("Bearer {bent}x"), &[]).await;
    answer.refused(401, "invalid_token", "V-015: only what we issued, to the letter");
}

/// Proves R-255: by the code flow and at refresh it says the same, and it names the key that it is bound to.
#[tokio::test]
async fn every_grant_gives_signed_access_tokens() {
    let world = World::new().await;
    world.add_client(signed("signed", "EdDSA")).await;
    let redirect = ("redirect_uri", "https://shop.example/cb");
    let asked = [("client_id", "signed"), redirect, ("scope", "openid offline_access")];
    let code = open(&world, &asked).await.sign_in(&world).await;
    let prover = Prover::new(Algorithm::Es256);
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        redirect,
        ("code_verifier", VERIFIER),
    ];
    let wrong = [
        form[0],
        form[1],
        ("redirect_uri", "https://shop.example/other"),
        form[3],
    ];
    let answer = prover.post_as(&world, "signed", "/token", &wrong).await;
    answer.refused(400, "invalid_grant", "V-019: another redirect");
    let tokens = prover.post_as(&world, "signed", "/token", &form).await.json();
    let first = verified(&world, &text(&tokens, "access_token"), "at+jwt").await;
    assert_eq!(first["cnf"], json!({"jkt": prover.thumbprint()}), "R-265: {first}");
    world.clock.advance(60_000);
    let refresh = text(&tokens, "refresh_token");
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let tokens = world.post_as("signed", "/token", &form).await.json();
    let second = verified(&world, &text(&tokens, "access_token"), "at+jwt").await;
    for same in ["iss", "sub", "aud", "client_id", "scope", "auth_time", "acr", "amr"] {
        assert_eq!(first[same], second[same], "R-237: {same}");
    }
    assert_eq!(
        second.get("cnf"),
        None,
        "what comes without a proof is bound to nothing"
    );
    assert_ne!(first["jti"], second["jti"]);
    let again = world.post_as("signed", "/token", &form).await;
    again.refused(400, "invalid_grant", "R-271: used before");
    assert!(
        !is_active(&world, "signed", &text(&tokens, "access_token")).await,
        "R-271: reuse ends signed tokens too"
    );
}

/// Proves: each algorithm, with its hash, by a key that is made when it is needed.
#[tokio::test]
async fn id_tokens_are_signed_as_the_client_registered() {
    let world = World::new().await;
    for algorithm in Algorithm::ALL {
        let name = algorithm.as_str();
        let client = Client {
            id_token_alg: name.to_owned(),
            ..signed(name, name)
        };
        world.add_client(client).await;
        let id = approved(&world, name, "openid").await;
        let form = [("grant_type", CIBA_GRANT), ("auth_req_id", id.as_str())];
        let answer = world.post_as(name, "/token", &form).await;
        assert_eq!(answer.status, 200, "R-168: {name}: {}", answer.body);
        let tokens = answer.json();
        let (access, id_token) = (text(&tokens, "access_token"), text(&tokens, "id_token"));
        for (token, typ) in [(&access, "at+jwt"), (&id_token, "JWT")] {
            let expect = Expect {
                typ: Typ::Exactly(typ),
                algs: &[algorithm],
                max_len: 16_384,
            };
            let header = peek_header(token, &expect).unwrap();
            assert!(header.kid.is_some(), "R-168: {name} names its key");
        }
        verified(&world, &access, "at+jwt").await;
        let claims = verified(&world, &id_token, "JWT").await;
        assert_eq!(
            claims["at_hash"],
            digest::token_hash(algorithm, &access),
            "R-190: {name}"
        );
    }
    let keys = world.get("/jwks").await.json();
    let kids: std::collections::BTreeSet<&str> = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["kid"].as_str().unwrap())
        .collect();
    assert_eq!(
        kids.len(),
        Algorithm::ALL.len(),
        "R-233: one key for each, with a name of its own"
    );
}

#[tokio::test]
async fn userinfo_is_signed_for_who_registered_for_it() {
    let world = World::new().await;
    let mut client = shop("signed");
    client.tokens.userinfo_alg = Some("PS256".to_owned());
    world.add_client(client).await;
    let id = approved(&world, "signed", "openid email").await;
    let form = [("grant_type", CIBA_GRANT), ("auth_req_id", id.as_str())];
    let tokens = world.post_as("signed", "/token", &form).await.json();
    let answer = userinfo(&world, &format!("Bearer {}", text(&tokens, "access_token")), &[]).await;
    assert_eq!(
        answer.header(header::CONTENT_TYPE),
        "application/jwt",
        "OpenID Connect Core section 5.3.2"
    );
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
    let claims = verified(&world, &answer.body, "JWT").await;
    assert_eq!(
        claims,
        json!({"iss": ISSUER, "aud": "signed", "sub": "sub-anna", "email": "anna@mail.example"})
    );
    let as_token = userinfo(&world, &format!("Bearer {}", answer.body), &[]).await;
    as_token.refused(401, "invalid_token", "V-015: an answer is no token");
}
