//! The aliases for the SDKs of Auth0: there when the operator wants them, and with nothing that the standard endpoint would not do.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use serde_json::json;

use crate::op_world::{Answer, SECRET, World, shop};

async fn token(world: &World, content_type: &str, body: &str) -> Answer {
    let request = Request::post("/oauth/token").header(header::CONTENT_TYPE, content_type);
    world.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

async fn with_aliases() -> World {
    let world = World::with("[op]\nauth0_aliases = true").await;
    let by_post = countersign::domain::Client {
        auth_method: countersign::domain::ClientAuthMethod::ClientSecretPost,
        ..shop("by-post")
    };
    world.add_client(by_post).await;
    world
}

#[tokio::test]
async fn the_token_endpoint_reads_json_at_its_alias() {
    let world = with_aliases().await;
    let body = json!({ "client_id": "by-post", "client_secret": SECRET, "grant_type": "urn:openid:params:grant-type:ciba", "auth_req_id": "x" });
    let answer = token(&world, "application/json", &body.to_string()).await;
    answer.refused(400, "invalid_grant", "an unknown auth_req_id");
    let form = format!(
        "client_id=by-post&client_secret={SECRET}&grant_type=urn%3Aopenid%3Aparams%3Agrant-type%3Aciba&auth_req_id=x"
    );
    let answer = token(&world, "application/x-www-form-urlencoded", &form).await;
    answer.refused(400, "invalid_grant", "an unknown auth_req_id");
    for (content_type, body) in [
        ("application/json", r#"{"client_id":"by-post","client_id":"by-post"}"#),
        ("application/json", "[]"),
        ("application/json", form.as_str()),
        ("text/plain", form.as_str()),
    ] {
        let answer = token(&world, content_type, body).await;
        answer.refused(400, "invalid_request", "V-037");
    }
    let wrong = json!({ "client_id": "by-post", "client_secret": "wrong", "grant_type": "x" });
    let answer = token(&world, "application/json", &wrong.to_string()).await;
    answer.refused(401, "invalid_client", "a wrong secret");
}

#[tokio::test]
async fn the_issuer_may_have_a_slash_at_its_end() {
    let (with, without) = (with_aliases().await, World::with("").await);
    let hint = |issuer: &str| json!({ "format": "iss_sub", "iss": issuer, "sub": "sub-anna" }).to_string();
    for (world, issuer, good) in [
        (&with, "http://127.0.0.1:8480/", true),
        (&with, "http://127.0.0.1:8480", true),
        (&with, "http://127.0.0.1:8480//", false),
        (&without, "http://127.0.0.1:8480/", false),
    ] {
        let answer = world
            .post("/bc-authorize", &[("scope", "openid"), ("login_hint", &hint(issuer))])
            .await;
        assert_eq!(answer.status == StatusCode::OK, good, "{issuer}: {}", answer.body);
    }
}

#[tokio::test]
async fn there_are_no_aliases_by_default() {
    let world = World::with("").await;
    let answer = token(&world, "application/json", "{}").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}
