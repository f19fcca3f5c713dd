//! Tokens that are bound to the certificate of the client (RFC 8705 section 3).

use axum::{
    body::Body,
    http::{Request, header},
};
use countersign::{
    domain::{Client, TokenRules},
    op::ClientCertificate,
};
use countersign_jose::{Algorithm, b64, digest};
use countersign_protocol::CIBA_GRANT;
use serde_json::json;

use crate::{
    op_prover::{Prover, approved, text},
    op_world::{Answer, SECRET, World, basic, encode, shop},
};

/// What the TLS listener saw of a client. Only its digest is looked at here.
fn certificate(of: &str) -> ClientCertificate {
    ClientCertificate(of.as_bytes().into())
}

fn thumbprint(of: &str) -> String {
    b64::encode(digest::sha256(of))
}

async fn world() -> World {
    let world = World::new().await;
    let client = Client {
        tokens: TokenRules {
            certificate_bound: true,
            ..TokenRules::default()
        },
        ..shop("bound")
    };
    world.add_client(client).await;
    world
}

async fn send(world: &World, mut request: Request<Body>, shown: Option<&str>) -> Answer {
    if let Some(shown) = shown {
        request.extensions_mut().insert(certificate(shown));
    }
    world.send(request).await
}

async fn post(world: &World, shown: Option<&str>, headers: &[(&str, &str)], form: &[(&str, &str)]) -> Answer {
    let mut request = Request::post("/token")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::AUTHORIZATION, basic("bound", SECRET));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(encode(form))).unwrap();
    send(world, request, shown).await
}

async fn userinfo(world: &World, token: &str, shown: Option<&str>) -> Answer {
    let request = Request::get("/userinfo").header(header::AUTHORIZATION, format!("Bearer {token}"));
    send(world, request.body(Body::empty()).unwrap(), shown).await
}

/// Proves.
#[tokio::test]
async fn tokens_belong_to_the_certificate_that_was_shown() {
    let world = world().await;
    let id = approved(&world, "bound", "openid offline_access").await;
    let form = [("grant_type", CIBA_GRANT), ("auth_req_id", id.as_str())];
    let without = post(&world, None, &[], &form).await;
    without.refused(
        400,
        "invalid_request",
        "R-209: a token call without the certificate fails",
    );
    let proof = Prover::new(Algorithm::Es256).at_token(&world);
    let both = post(&world, Some("own"), &[("dpop", &proof)], &form).await;
    both.refused(400, "invalid_request", "R-264: one way of binding");
    let answer = post(&world, Some("own"), &[], &form).await;
    assert_eq!(answer.status, 200, "R-209: none of this used it up: {}", answer.body);
    let tokens = answer.json();
    assert_eq!(tokens["token_type"], "Bearer", "RFC 8705 section 3");
    let access = text(&tokens, "access_token");
    let seen = world
        .post_as("bound", "/introspect", &[("token", &access)])
        .await
        .json();
    assert_eq!(seen["cnf"], json!({"x5t#S256": thumbprint("own")}), "R-264: {seen}");
    assert_eq!(userinfo(&world, &access, Some("own")).await.status, 200, "R-264");
    for (shown, why) in [(Some("stolen"), "another certificate"), (None, "no certificate")] {
        let answer = userinfo(&world, &access, shown).await;
        answer.refused(401, "invalid_token", &format!("R-209, R-264: {why}"));
    }
    let refresh = text(&tokens, "refresh_token");
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let without = post(&world, None, &[], &form).await;
    without.refused(400, "invalid_request", "R-209: nor can it be refreshed without one");
    let renewed = post(&world, Some("renewed"), &[], &form).await.json();
    let access = text(&renewed, "access_token");
    assert_eq!(
        userinfo(&world, &access, Some("renewed")).await.status,
        200,
        "R-264: a client that authenticates may renew its certificate"
    );
    userinfo(&world, &access, Some("own"))
        .await
        .refused(401, "invalid_token", "R-264: the new one counts");
}

/// Proves R-264: showing a certificate binds nothing where the client did not ask for it.
#[tokio::test]
async fn a_certificate_binds_only_where_it_was_agreed() {
    let world = World::new().await;
    let id = approved(&world, "shop", "openid").await;
    let form = [("grant_type", CIBA_GRANT), ("auth_req_id", id.as_str())];
    let mut request = Request::post("/token")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::AUTHORIZATION, basic("shop", SECRET))
        .body(Body::from(encode(&form)))
        .unwrap();
    request.extensions_mut().insert(certificate("own"));
    let access = text(&world.send(request).await.json(), "access_token");
    assert_eq!(userinfo(&world, &access, None).await.status, 200, "R-264");
}
