//! Signed authentication requests beside other rules: when they are forced, that they are no assertions, and what they prove.

use countersign::domain::{Client, ClientAuthMethod, TokenRules};
use countersign_clock::Clock as _;
use countersign_jose::{Algorithm, SigningKey};
use serde_json::{Value, json};

use crate::{
    op_signed::{SignedRequest, signing_shop},
    op_world::{ISSUER, World, unique},
    publisher::{ALLOW, Publisher},
};

/// Proves C-02, R-203: for all clients, for one, and under the profile that asks for it.
#[tokio::test]
async fn signing_can_be_forced() {
    let good = [("scope", "openid"), ("login_hint", "anna")];
    let (world, key) = World::with_signer("[op]\nrequire_signed_request = true").await;
    for id in ["shop", "signer"] {
        let answer = world.post_as(id, "/bc-authorize", &good).await;
        answer.refused(400, "invalid_request", "C-02: for all");
        let empty = [&good[..], &[("request", "")]].concat();
        let answer = world.post_as(id, "/bc-authorize", &empty).await;
        answer.refused(400, "invalid_request", "C-02: an empty one is none");
    }
    let request = SignedRequest::of(&world, "signer").sign(&key);
    assert_eq!(world.ask_signed("signer", &request).await.status, 200, "C-02");

    let (world, _) = World::with_signer("").await;
    assert_eq!(
        world.post_as("signer", "/bc-authorize", &good).await.status,
        200,
        "R-221: it may, and need not"
    );
    let (mut one, _) = signing_shop("one", Algorithm::Es256);
    one.requests.signed = true;
    world.add_client(one).await;
    let answer = world.post_as("one", "/bc-authorize", &good).await;
    answer.refused(400, "invalid_request", "C-02, R-203: for one");
}

/// Proves R-104: neither a request nor a client assertion is good as the other.
#[tokio::test]
async fn a_request_is_no_assertion_and_an_assertion_no_request() {
    let world = World::new().await;
    let (client, key) = signing_shop("keyed", Algorithm::Es256);
    let client = Client {
        auth_method: ClientAuthMethod::PrivateKeyJwt,
        secret_sha256: None,
        ..client
    };
    world.add_client(client).await;
    let assertion = |jti: &str| {
        let now = world.clock.now_seconds();
        json!({"iss": "keyed", "sub": "keyed", "aud": ISSUER, "exp": now + 60, "iat": now, "nbf": now, "jti": jti})
    };
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let send = async |assertion: &str, request: &str| {
        let form = [
            ("client_assertion_type", kind),
            ("client_assertion", assertion),
            ("request", request),
        ];
        world.form("/bc-authorize", &[], &form).await
    };
    let as_assertion = key.sign("oauth-authz-req+jwt", &assertion(&unique())).unwrap();
    let request = SignedRequest::of(&world, "keyed").sign(&key);
    send(&as_assertion, &request)
        .await
        .refused(401, "invalid_client", "R-104: the type of a request");
    send(&request, &request)
        .await
        .refused(401, "invalid_client", "R-104: a request");
    let good = || key.sign("JWT", &assertion(&unique())).unwrap();
    let doubled = SignedRequest::of(&world, "keyed")
        .typ("JWT")
        .with("sub", json!("keyed"))
        .sign(&key);
    send(&good(), &doubled)
        .await
        .refused(400, "invalid_request", "R-104: the subject of an assertion");
    let plain = good();
    send(&plain, &good())
        .await
        .refused(400, "invalid_request", "R-104: an assertion");
    // One name for both: they are remembered apart.
    let jti = unique();
    let one = key.sign("JWT", &assertion(&jti)).unwrap();
    let request = SignedRequest::of(&world, "keyed").with("jti", json!(jti)).sign(&key);
    let answer = send(&one, &request).await;
    assert_eq!(answer.status, 200, "R-104: {}", answer.body);
}

/// Proves R-034: a signed request shows that a pairwise client has a key, as private_key_jwt does.
#[tokio::test]
async fn a_signature_is_proof_enough_for_pairwise_names() {
    let world = World::with(ALLOW).await;
    let publisher = Publisher::start().await;
    let (client, key) = signing_shop("pairwise", Algorithm::Es256);
    publisher.publish("/jwks", &[&key]);
    let client = Client {
        jwks: None,
        jwks_uri: Some(publisher.at("/jwks")),
        tokens: TokenRules {
            pairwise: true,
            ..TokenRules::default()
        },
        ..client
    };
    world.add_client(client).await;
    let plain = [("scope", "openid"), ("login_hint", "anna")];
    let answer = world.post_as("pairwise", "/bc-authorize", &plain).await;
    answer.refused(400, "invalid_request", "R-034: a secret proves no key");
    let request = SignedRequest::of(&world, "pairwise").sign(&key);
    let answer = world.ask_signed("pairwise", &request).await;
    assert_eq!(answer.status, 200, "R-034: {}", answer.body);
}

/// Proves: keys that are published are found, a client's and those of an issuer of hints, and a new one too.
#[tokio::test]
async fn published_keys_verify_requests_and_hints() {
    let publisher = Publisher::start().await;
    let issuers = format!(
        "{ALLOW}[[op.login_hint_token_issuers]]\nissuer = \"https://hints.example\"\njwks_uri = \"{}\"",
        publisher.at("/hints")
    );
    let world = World::with(&issuers).await;
    let (client, key) = signing_shop("published", Algorithm::Es256);
    let hints = SigningKey::generate(Algorithm::Es256).unwrap();
    publisher.publish("/jwks", &[&key]);
    publisher.publish("/hints", &[&hints]);
    let client = Client {
        jwks: None,
        jwks_uri: Some(publisher.at("/jwks")),
        ..client
    };
    world.add_client(client).await;
    let ask = async |key: &SigningKey, hints: &SigningKey| {
        let now = world.clock.now_seconds();
        let sub_id = json!({"format": "email", "email": "anna@mail.example"});
        let (iss, jti) = ("https://hints.example", unique());
        let hint = json!({"iss": iss, "aud": ISSUER, "iat": now, "exp": now + 60, "jti": jti, "sub_id": sub_id});
        let request = SignedRequest::of(&world, "published")
            .with("login_hint", Value::Null)
            .with("login_hint_token", json!(hints.sign("JWT", &hint).unwrap()));
        world.ask_signed("published", &request.sign(key)).await
    };
    let answer = ask(&key, &hints).await;
    assert_eq!(answer.status, 200, "R-101, R-082: {}", answer.body);
    let (new_key, new_hints) = (
        SigningKey::generate(Algorithm::Es256).unwrap(),
        SigningKey::generate(Algorithm::Es256).unwrap(),
    );
    ask(&new_key, &hints)
        .await
        .refused(400, "invalid_request", "R-101: not published");
    ask(&key, &new_hints)
        .await
        .refused(400, "invalid_request", "R-082: not published");
    publisher.publish("/jwks", &[&key, &new_key]);
    publisher.publish("/hints", &[&hints, &new_hints]);
    world.clock.advance(31_000);
    let answer = ask(&new_key, &new_hints).await;
    assert_eq!(
        answer.status, 200,
        "R-101, R-082: fetched again for a new name: {}",
        answer.body
    );
}
