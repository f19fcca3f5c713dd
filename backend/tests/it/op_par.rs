//! Authorization requests that a client pushes before the browser sees anything of them (RFC 9126).

use axum::http::header;
use countersign::domain::{AuthorizationRules, Client, ClientAuthMethod};
use countersign_clock::Clock as _;
use countersign_jose::{Algorithm, SigningKey, digest};
use serde_json::{Value, json};

use crate::{
    op_browser::{Page, VERIFIER, between, parameter},
    op_prover::{Prover, text},
    op_world::{Answer, ISSUER, SECRET, World, encode, shop, unique},
};

const REDIRECT: (&str, &str) = ("redirect_uri", "https://shop.example/cb");

/// A request of the shop, with changes; a change to nothing leaves a parameter out.
pub fn request(changes: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let mut request = vec![
        ("redirect_uri", REDIRECT.1.to_owned()),
        ("response_type", "code".to_owned()),
        ("scope", "openid profile".to_owned()),
        ("state", "pushed state".to_owned()),
        ("nonce", "pushed nonce".to_owned()),
        ("code_challenge", digest::sha256_b64(VERIFIER)),
        ("code_challenge_method", "S256".to_owned()),
    ];
    for (name, value) in changes {
        request.retain(|(known, _)| known != name);
        request.push((name, (*value).to_owned()));
    }
    request.retain(|(_, value)| !value.is_empty());
    request
}

async fn push(world: &World, client: &str, changes: &[(&'static str, &str)]) -> Answer {
    let request = request(changes);
    let form: Vec<(&str, &str)> = request.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world.post_as(client, "/par", &form).await
}

/// A pushed request of the shop.
async fn pushed(world: &World, changes: &[(&'static str, &str)]) -> String {
    let answer = push(world, "shop", changes).await;
    assert_eq!(answer.status, 201, "R-266: {}", answer.body);
    text(&answer.json(), "request_uri")
}

async fn bring(world: &World, parameters: &[(&str, &str)]) -> Answer {
    world.get(&format!("/authorize?{}", encode(parameters))).await
}

/// Signs Anna in on the page of `answer`; returns where the browser goes.
async fn sign_in(world: &World, answer: Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let hidden = between(&answer.body, "name=\"request\" value=\"", "\"").to_owned();
    let cookie = answer.header(header::SET_COOKIE).split(';').next().unwrap().to_owned();
    let page = Page { answer, hidden, cookie };
    let answer = page.submit(world, "anna", crate::op_world::PASSWORD).await;
    answer.header(header::LOCATION).to_owned()
}

async fn redeem(world: &World, location: &str) -> Value {
    let code = parameter(location, "code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        REDIRECT,
        ("code_verifier", VERIFIER),
    ];
    world.post("/token", &form).await.json()
}

/// Proves R-266.
#[tokio::test]
async fn a_pushed_request_is_brought_once_and_nothing_beside_it_counts() {
    let world = World::new().await;
    let answer = push(&world, "shop", &[]).await;
    assert_eq!(answer.status, 201, "R-266: {}", answer.body);
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store", "R-266");
    let body = answer.json();
    assert_eq!(body["expires_in"], 60, "R-266: short-lived");
    let uri = text(&body, "request_uri");
    let reference = uri.strip_prefix("urn:ietf:params:oauth:request_uri:").unwrap();
    assert_eq!(reference.len(), 43, "R-266: nobody guesses it");
    assert!(!world.stored().join("\n").contains(reference), "it is stored as a hash");
    let beside = [
        ("client_id", "shop"),
        ("request_uri", uri.as_str()),
        ("scope", "openid payment"),
        ("state", "another state"),
        ("redirect_uri", "https://evil.example/"),
        ("response_type", "token"),
    ];
    let location = sign_in(&world, bring(&world, &beside).await).await;
    assert!(location.starts_with(REDIRECT.1), "R-266, R-270: {location}");
    assert_eq!(parameter(&location, "state").as_deref(), Some("pushed state"), "R-266");
    let tokens = redeem(&world, &location).await;
    let claims = crate::op_world::claims(&text(&tokens, "id_token"));
    assert_eq!(claims["nonce"], "pushed nonce", "R-266");
    let seen = world
        .post("/introspect", &[("token", &text(&tokens, "access_token"))])
        .await;
    assert_eq!(seen.json()["scope"], "openid profile", "R-266: what was pushed");
    let again = bring(&world, &beside[..2]).await;
    assert_eq!(again.status, 400, "R-266: one-time");
    assert!(
        again.headers.get(header::LOCATION).is_none(),
        "R-270: nobody is sent anywhere"
    );
}

/// Proves R-266.
#[tokio::test]
async fn a_request_uri_is_its_clients_and_its_times() {
    let world = World::new().await;
    world.add_client(shop("other")).await;
    let uri = pushed(&world, &[]).await;
    for (client, why) in [("other", "another client's"), ("nobody", "an unknown client's")] {
        let answer = bring(&world, &[("client_id", client), ("request_uri", &uri)]).await;
        assert_eq!(answer.status, 400, "R-266: {why}");
    }
    let own = [("client_id", "shop"), ("request_uri", uri.as_str())];
    assert_eq!(
        bring(&world, &own[1..]).await.status,
        400,
        "R-266: client_id is always there"
    );
    assert_eq!(bring(&world, &own).await.status, 200, "R-266: none of this used it up");
    let uri = pushed(&world, &[]).await;
    world.clock.advance(60_000);
    let late = bring(&world, &[("client_id", "shop"), ("request_uri", &uri)]).await;
    assert_eq!(late.status, 400, "R-266: over");
    for elsewhere in ["https://shop.example/request", "urn:example:1"] {
        let answer = bring(&world, &[("client_id", "shop"), REDIRECT, ("request_uri", elsewhere)]).await;
        let location = answer.header(header::LOCATION);
        assert!(
            location.contains("error=request_uri_not_supported"),
            "R-266: nothing is fetched: {elsewhere} {location}"
        );
    }
}

/// Proves: what the authorization endpoint would refuse is refused at once.
#[tokio::test]
async fn a_request_that_would_be_refused_cannot_be_pushed() {
    let world = World::new().await;
    let uri = pushed(&world, &[]).await;
    for (changes, error, why) in [
        (
            vec![("request_uri", uri.as_str())],
            "invalid_request",
            "R-266: request_uri inside",
        ),
        (vec![("client_id", "other")], "invalid_request", "R-266: another client"),
        (
            vec![("redirect_uri", "https://evil.example/cb")],
            "invalid_request",
            "R-270",
        ),
        (vec![("redirect_uri", "")], "invalid_request", "R-270: none"),
        (vec![("response_type", "token")], "unsupported_response_type", "R-270"),
        (vec![("scope", "openid admin")], "invalid_scope", "unknown scope"),
        (vec![("code_challenge", "")], "invalid_request", "V-020: without PKCE"),
        (
            vec![("code_challenge_method", "plain")],
            "invalid_request",
            "V-020: plain",
        ),
        (
            vec![("request", "x.y.z")],
            "request_not_supported",
            "R-267: not registered for it",
        ),
        (vec![("dpop_jkt", "short")], "invalid_request", "R-265"),
    ] {
        push(&world, "shop", &changes).await.refused(400, error, why);
    }
    assert_eq!(world.get("/par").await.status, 405, "R-266: POST alone");
    let form = request(&[("client_id", "shop")]);
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world
        .form("/par", &[], &form)
        .await
        .refused(401, "invalid_client", "R-266: without credentials");
    let app = request(&[
        ("client_id", "countersign-app"),
        ("redirect_uri", "http://127.0.0.1/callback"),
    ]);
    let app: Vec<(&str, &str)> = app.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world.form("/par", &[], &app).await.refused(
        400,
        "unauthorized_client",
        "anybody can be the app, and nothing is written for anybody",
    );
}

/// Proves.
#[tokio::test]
async fn an_assertion_may_name_the_endpoint_where_the_client_is_allowed_to() {
    let world = World::new().await;
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    for (id, endpoint_audience) in [("old", true), ("new", false)] {
        let client = Client {
            auth_method: ClientAuthMethod::PrivateKeyJwt,
            secret_sha256: None,
            jwks: Some(json!({"keys": [key.public_jwk()]})),
            endpoint_audience,
            ..shop(id)
        };
        world.add_client(client).await;
        for (audience, allowed) in [
            (ISSUER.to_owned(), true),
            (format!("{ISSUER}/par"), endpoint_audience),
            (format!("{ISSUER}/token"), endpoint_audience),
            (format!("{ISSUER}/userinfo"), false),
        ] {
            let now = world.clock.now_seconds();
            let claims = json!({"iss": id, "sub": id, "aud": audience, "exp": now + 60, "iat": now, "jti": unique()});
            let assertion = key.sign("JWT", &claims).unwrap();
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            let request = request(&[("client_assertion_type", kind), ("client_assertion", &assertion)]);
            let form: Vec<(&str, &str)> = request.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = world.form("/par", &[], &form).await;
            let expected = if allowed { 201 } else { 401 };
            assert_eq!(
                answer.status, expected,
                "R-235, R-266: {id} {audience}: {}",
                answer.body
            );
            assert!(
                !world.stored().join("\n").contains(&assertion),
                "credentials are no part of the request"
            );
        }
    }
}

/// Proves R-266.
#[tokio::test]
async fn a_client_that_pushes_its_requests_brings_no_others() {
    let world = World::new().await;
    let pushing = Client {
        authorization: AuthorizationRules {
            pushed: true,
            ..AuthorizationRules::default()
        },
        ..shop("pushing")
    };
    world.add_client(pushing).await;
    let plain = request(&[("client_id", "pushing")]);
    let plain: Vec<(&str, &str)> = plain.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = bring(&world, &plain).await;
    let location = answer.header(header::LOCATION);
    assert!(location.contains("error=invalid_request"), "R-266: {location}");
    assert!(location.contains("iss="), "R-269: {location}");
    let uri = text(&push(&world, "pushing", &[]).await.json(), "request_uri");
    let answer = bring(&world, &[("client_id", "pushing"), ("request_uri", &uri)]).await;
    assert_eq!(answer.status, 200, "R-266");
}

/// Proves, V-019.
#[tokio::test]
async fn a_proof_beside_a_pushed_request_binds_its_code() {
    let world = World::new().await;
    let (own, thief) = (Prover::new(Algorithm::Es256), Prover::new(Algorithm::Es256));
    let key = thief.thumbprint();
    let form = request(&[("dpop_jkt", &key)]);
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = own.post_as(&world, "shop", "/par", &form).await;
    answer.refused(400, "invalid_dpop_proof", "R-265: dpop_jkt names another key");
    let form = request(&[]);
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let wrong = own.at_token(&world);
    let answer = crate::op_prover::post_with(&world, "shop", "/par", &wrong, &form).await;
    answer.refused(400, "invalid_dpop_proof", "R-265: a proof for another endpoint");
    let pushed = own.post_as(&world, "shop", "/par", &form).await.json();
    let uri = text(&pushed, "request_uri");
    let location = sign_in(
        &world,
        bring(&world, &[("client_id", "shop"), ("request_uri", &uri)]).await,
    )
    .await;
    let code = parameter(&location, "code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        REDIRECT,
        ("code_verifier", VERIFIER),
    ];
    let stolen = thief.post_as(&world, "shop", "/token", &form).await;
    stolen.refused(400, "invalid_grant", "V-019: another key");
    assert_eq!(own.post_as(&world, "shop", "/token", &form).await.status, 200, "R-265");
    assert!(!world.stored().join("\n").contains(SECRET));
}
