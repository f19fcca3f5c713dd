//! Signed authentication requests beside other rules: when they are forced, that they are no assertions, and what they prove.

use countersign::domain::{Client, ClientAuthMethod, Profile, TokenRules};
use countersign_clock::Clock as _;
use countersign_jose::Algorithm;
use serde_json::json;

use crate::{
    op_signed::{SignedRequest, signing_shop},
    op_world::{ISSUER, World, unique},
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
    let (fapi, _) = signing_shop("fapi", Algorithm::Es256);
    let fapi = Client {
        profile: Profile::FapiCiba,
        ..fapi
    };
    for client in [one, fapi] {
        let id = client.id.to_string();
        world.add_client(client).await;
        let answer = world.post_as(&id, "/bc-authorize", &good).await;
        answer.refused(400, "invalid_request", &format!("C-02, R-203: {id}"));
    }
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
    let world = World::new().await;
    let (client, key) = signing_shop("pairwise", Algorithm::Es256);
    let client = Client {
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
