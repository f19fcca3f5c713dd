//! Signed requests at the authorization endpoint (RFC 9101).

use axum::http::header;
use countersign::domain::{AuthorizationRules, Client};
use countersign_clock::Clock as _;
use countersign_jose::{Algorithm, SigningKey, b64, digest};
use serde_json::{Value, json};

use crate::{
    op_browser::VERIFIER,
    op_prover::text,
    op_world::{Answer, ISSUER, World, encode, shop, unique},
};

const REDIRECT: &str = "https://shop.example/cb";

/// A world with `signer`, which may sign requests, and `forced`, which has to.
async fn world(algorithm: Algorithm) -> (World, SigningKey) {
    let world = World::new().await;
    let key = SigningKey::generate(algorithm).unwrap();
    for (id, object) in [("signer", false), ("forced", true)] {
        let client = Client {
            jwks: Some(json!({"keys": [key.public_jwk()]})),
            authorization: AuthorizationRules {
                object_alg: Some(algorithm.as_str().to_owned()),
                object,
                ..AuthorizationRules::default()
            },
            ..shop(id)
        };
        world.add_client(client).await;
    }
    (world, key)
}

/// The claims of a request, with `changes`; a change to null leaves one out.
fn claims(world: &World, client: &str, changes: &Value) -> Value {
    let now = world.clock.now_seconds();
    let mut claims = json!({
        "iss": client, "aud": ISSUER, "client_id": client, "exp": now + 300, "iat": now, "nbf": now, "jti": unique(),
        "response_type": "code", "redirect_uri": REDIRECT, "scope": "openid profile", "state": "signed state",
        "code_challenge": digest::sha256_b64(VERIFIER), "code_challenge_method": "S256", "max_age": 300, "nonce": null,
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
        .as_object_mut()
        .unwrap()
        .retain(|name, value| name == "nonce" || !value.is_null());
    claims
}

async fn bring(world: &World, client: &str, object: &str, beside: &[(&str, &str)]) -> Answer {
    let parameters = [&[("client_id", client), ("request", object)], beside].concat();
    world.get(&format!("/authorize?{}", encode(&parameters))).await
}

/// Proves R-267.
#[tokio::test]
async fn only_what_is_signed_counts() {
    for algorithm in [Algorithm::Es256, Algorithm::Ps256, Algorithm::Rs256, Algorithm::EdDsa] {
        let (world, key) = world(algorithm).await;
        for typ in ["oauth-authz-req+jwt", "JWT"] {
            let object = key.sign(typ, &claims(&world, "signer", &json!({}))).unwrap();
            let answer = bring(&world, "signer", &object, &[]).await;
            assert_eq!(answer.status, 200, "R-267: {algorithm} {typ}: {}", answer.body);
        }
        let unanswerable = key
            .sign("JWT", &claims(&world, "signer", &json!({"prompt": "none"})))
            .unwrap();
        let beside = [
            ("redirect_uri", "https://evil.example/"),
            ("state", "beside"),
            ("prompt", "login"),
        ];
        let answer = bring(&world, "signer", &unanswerable, &beside).await;
        let location = answer.header(header::LOCATION);
        assert!(location.starts_with(REDIRECT), "R-267, R-270: {location}");
        assert!(
            location.contains("error=login_required") && location.contains("state=signed+state"),
            "R-267: {location}"
        );
    }
}

/// Proves R-267, V-015: each refusal is one code, at the address beside it where that is the client's.
#[tokio::test]
async fn a_request_object_that_is_not_good_is_refused() {
    let (world, key) = world(Algorithm::Es256).await;
    let now = world.clock.now_seconds();
    let signed = |changes: &Value| key.sign("JWT", &claims(&world, "signer", changes)).unwrap();
    let good = claims(&world, "signer", &json!({}));
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    let other_alg = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let none = format!(
        "{}.{}.",
        b64::encode(r#"{"alg":"none"}"#),
        b64::encode(good.to_string())
    );
    let hmac = format!(
        "{}.{}.AAAA",
        b64::encode(r#"{"alg":"HS256"}"#),
        b64::encode(good.to_string())
    );
    for (object, why) in [
        (signed(&json!({"aud": "https://other.example"})), "for another server"),
        (signed(&json!({"aud": null})), "for nobody"),
        (signed(&json!({"client_id": "shop"})), "another client inside"),
        (signed(&json!({"client_id": null})), "no client inside"),
        (signed(&json!({"iss": "shop"})), "issued by another client"),
        (signed(&json!({"sub": "signer"})), "V-015: an assertion of the client"),
        (signed(&json!({"exp": now})), "over"),
        (signed(&json!({"exp": "soon"})), "V-016: an end that is a text"),
        (signed(&json!({"nbf": now + 31})), "not yet"),
        (signed(&json!({"iat": now + 31})), "from the future"),
        (signed(&json!({"request": "x.y.z"})), "one inside the other"),
        (signed(&json!({"request_uri": "urn:x"})), "one inside the other"),
        (stranger.sign("JWT", &good).unwrap(), "another key"),
        (other_alg.sign("JWT", &good).unwrap(), "another algorithm"),
        (key.sign_with_jwk("JWT", &good).unwrap(), "a key of its own"),
        (key.sign("dpop+jwt", &good).unwrap(), "V-015: another type"),
        (key.sign("at+jwt", &good).unwrap(), "V-015: another type"),
        (none, "unsigned"),
        (hmac, "symmetric"),
        ("x.y.z".to_owned(), "no JWT"),
    ] {
        let answer = bring(&world, "signer", &object, &[("redirect_uri", REDIRECT), ("state", "s")]).await;
        let location = answer.header(header::LOCATION);
        assert!(
            location.starts_with(REDIRECT) && location.contains("error=invalid_request_object"),
            "R-267: {why}: {location}"
        );
        assert!(
            location.contains("state=s&") && location.contains("iss="),
            "R-269: {why}"
        );
        let alone = bring(&world, "signer", &object, &[]).await;
        assert_eq!(alone.status, 400, "R-270: {why}: it is not known where back is");
    }
    let both = [
        ("request_uri", "urn:ietf:params:oauth:request_uri:x"),
        ("redirect_uri", REDIRECT),
    ];
    let answer = bring(&world, "signer", &signed(&json!({})), &both).await;
    let location = answer.header(header::LOCATION);
    assert!(
        location.contains("error=invalid_request&"),
        "R-267: both ways at once: {location}"
    );
    let answer = bring(&world, "shop", &signed(&json!({})), &[("redirect_uri", REDIRECT)]).await;
    let location = answer.header(header::LOCATION);
    assert!(
        location.contains("error=request_not_supported"),
        "R-267: not registered: {location}"
    );
}

/// Proves R-267.
#[tokio::test]
async fn a_client_that_signs_its_requests_brings_no_others() {
    let (world, key) = world(Algorithm::Es256).await;
    let challenge = digest::sha256_b64(VERIFIER);
    let plain = [
        ("client_id", "forced"),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "openid"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    let answer = world.get(&format!("/authorize?{}", encode(&plain))).await;
    assert!(
        answer.header(header::LOCATION).contains("error=invalid_request"),
        "R-267"
    );
    let pushed = world.post_as("forced", "/par", &plain).await;
    pushed.refused(400, "invalid_request", "R-267: pushed ones neither");
    let object = key.sign("JWT", &claims(&world, "forced", &json!({}))).unwrap();
    assert_eq!(bring(&world, "forced", &object, &[]).await.status, 200, "R-267");
}

/// Proves R-266, R-267.
#[tokio::test]
async fn a_signed_request_can_be_pushed() {
    let (world, key) = world(Algorithm::Es256).await;
    let object = key.sign("JWT", &claims(&world, "forced", &json!({}))).unwrap();
    let pushed = world.post_as("forced", "/par", &[("request", &object)]).await;
    assert_eq!(pushed.status, 201, "R-266: {}", pushed.body);
    let uri = text(&pushed.json(), "request_uri");
    let brought = [("client_id", "forced"), ("request_uri", uri.as_str())];
    let answer = world.get(&format!("/authorize?{}", encode(&brought))).await;
    assert_eq!(answer.status, 200, "R-266: {}", answer.body);
    let of_another = key.sign("JWT", &claims(&world, "signer", &json!({}))).unwrap();
    let pushed = world.post_as("forced", "/par", &[("request", &of_another)]).await;
    pushed.refused(400, "invalid_request_object", "R-267: another client's");
}
