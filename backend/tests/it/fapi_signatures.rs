//! What clients of the profiles sign: assertions and requests.

use countersign::domain::{Client, ClientAuthMethod, Profile};
use countersign_clock::Clock as _;
use countersign_jose::{Algorithm, SigningKey};
use serde_json::{Value, json};

use crate::{
    fapi_clients::{fapi_ciba, fapi2},
    mtls_actor::{Authority, Shown, self_signed, settings},
    op_signed::SignedRequest,
    op_world::{Answer, ISSUER, World, unique},
};

const MTLS: &str = "https://mtls.id.example";

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    World::with(&settings(folder.path(), &Authority::new("authority"), "")).await
}

/// The client with the key that it signs with.
pub fn signing(client: Client, own: &Shown, key: &SigningKey) -> Client {
    let mut rules = client.requests.clone();
    rules.signing_alg = Some(key.algorithm().to_string());
    Client {
        jwks: Some(json!({"keys": [key.public_jwk(), own.jwk_with_certificate()]})),
        requests: rules,
        ..client
    }
}

async fn assert_as(world: &World, id: &str, key: &SigningKey, audience: &Value) -> Answer {
    let now = world.clock.now_seconds();
    let claims = json!({"iss": id, "sub": id, "aud": audience, "exp": now + 60, "iat": now, "jti": unique()});
    let assertion = key.sign("JWT", &claims).unwrap();
    let form = [
        ("token", "unknown"),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", &assertion),
    ];
    world.form("/introspect", &[], &form).await
}

/// Proves for FAPI 2.0.
#[tokio::test]
async fn the_profile_says_whom_an_assertion_may_name() {
    let world = world().await;
    let own = self_signed(|_| {});
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let by_key = |client: Client| Client {
        auth_method: ClientAuthMethod::PrivateKeyJwt,
        ..signing(client, &own, &key)
    };
    world.add_client(by_key(fapi_ciba("fapi", &own))).await;
    let named = Client {
        endpoint_audience: true,
        ..by_key(fapi2("fapi2", &own))
    };
    world.add_client(named).await;
    let plain = Client {
        profile: Profile::Plain,
        ..by_key(fapi_ciba("plain", &own))
    };
    world.add_client(plain).await;
    let at = |origin: &str, path: &str| json!(format!("{origin}{path}"));
    for (audience, of_fapi_ciba, of_others) in [
        (json!(ISSUER), true, true),
        (at(ISSUER, "/token"), true, false),
        (at(ISSUER, "/bc-authorize"), true, false),
        (at(MTLS, "/token"), true, false),
        (at(MTLS, "/bc-authorize"), true, false),
        (json!([ISSUER]), true, false),
        (json!([ISSUER, format!("{MTLS}/token")]), true, false),
        (json!(MTLS), false, false),
        (at(MTLS, "/introspect"), false, false),
        (json!([ISSUER, "https://other.example"]), false, false),
        (json!("https://other.example"), false, false),
    ] {
        for (id, good) in [("fapi", of_fapi_ciba), ("fapi2", of_others), ("plain", of_others)] {
            let answer = assert_as(&world, id, &key, &audience).await;
            assert_eq!(answer.status == 200, good, "R-043, R-235, R-223: {id}: {audience}");
        }
    }
}

/// Proves: what is signed otherwise counts for nothing, though the key is registered.
#[tokio::test]
async fn a_weaker_signature_is_none() {
    for (algorithm, of_fapi_ciba, of_fapi2) in [
        (Algorithm::Es256, true, true),
        (Algorithm::Ps256, true, true),
        (Algorithm::EdDsa, false, true),
        (Algorithm::Rs256, false, false),
    ] {
        let world = world().await;
        let own = self_signed(|_| {});
        let key = SigningKey::generate(algorithm).unwrap();
        for (client, good) in [
            (fapi_ciba("fapi", &own), of_fapi_ciba),
            (fapi2("fapi2", &own), of_fapi2),
        ] {
            let id = client.id.to_string();
            let client = Client {
                auth_method: ClientAuthMethod::PrivateKeyJwt,
                jwks: Some(json!({"keys": [key.public_jwk()]})),
                ..client
            };
            world.add_client(client).await;
            let answer = assert_as(&world, &id, &key, &json!(ISSUER)).await;
            assert_eq!(answer.status == 200, good, "R-210, R-223: {id}: {algorithm}");
        }
        let older = signing(fapi_ciba("older", &own), &own, &key);
        world.add_client(older).await;
        let request = SignedRequest::of(&world, "older").with("binding_message", json!("W4SCT"));
        let answer = ask_with_certificate(&world, "older", &own, &request.sign(&key)).await;
        assert_eq!(
            answer.status == 200,
            of_fapi_ciba,
            "R-210: a request with {algorithm}: {}",
            answer.body
        );
    }
}

/// Sends a signed request of a client that shows its certificate.
pub async fn ask_with_certificate(world: &World, id: &str, own: &Shown, request: &str) -> Answer {
    let form = [("client_id", id), ("request", request)];
    world.form_with(Some(own), "/bc-authorize", &form).await
}

#[tokio::test]
async fn a_signed_request_is_bounded_and_says_what_it_is_about() {
    let world = world().await;
    let own = self_signed(|_| {});
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    world.add_client(signing(fapi_ciba("fapi", &own), &own, &key)).await;
    world.add_client(signing(fapi2("fapi2", &own), &own, &key)).await;
    let now = world.clock.now_seconds();
    for (claim, value, error, why) in [
        ("jti", json!(unique()), None, "R-203: signed, and good for a minute"),
        ("exp", json!(now + 3600), None, "R-206: for an hour"),
        (
            "exp",
            json!(now + 3601),
            Some("invalid_request"),
            "R-206: for more than an hour",
        ),
        (
            "nbf",
            json!(now - 3601),
            Some("invalid_request"),
            "R-206: begun long ago",
        ),
        ("nbf", Value::Null, Some("invalid_request"), "R-206"),
        ("exp", Value::Null, Some("invalid_request"), "R-206"),
        ("binding_message", Value::Null, Some("invalid_binding_message"), "R-201"),
    ] {
        for id in ["fapi", "fapi2"] {
            let request = SignedRequest::of(&world, id).with("binding_message", json!("W4SCT"));
            let request = request.with(claim, value.clone()).with("jti", json!(unique()));
            let answer = ask_with_certificate(&world, id, &own, &request.sign(&key)).await;
            match error {
                None => assert_eq!(answer.status, 200, "{why}: {id}: {}", answer.body),
                Some(error) => answer.refused(400, error, &format!("{why}: {id}")),
            }
        }
    }
    // What is outside is not signed, so it says nothing.
    let request = SignedRequest::of(&world, "fapi").sign(&key);
    let form = [
        ("client_id", "fapi"),
        ("request", &request),
        ("binding_message", "W4SCT"),
    ];
    let answer = world.form_with(Some(&own), "/bc-authorize", &form).await;
    answer.refused(400, "invalid_request", "R-091, R-201");
}

/// Proves R-236: the certificate says whose request it is, whoever signed it.
#[tokio::test]
async fn a_request_of_one_client_is_not_taken_from_another() {
    let world = world().await;
    let (one, other) = (self_signed(|_| {}), self_signed(|_| {}));
    let keys = [0; 2].map(|_| SigningKey::generate(Algorithm::Es256).unwrap());
    world.add_client(signing(fapi_ciba("one", &one), &one, &keys[0])).await;
    world
        .add_client(signing(fapi_ciba("other", &other), &other, &keys[1]))
        .await;
    let of_one = || {
        let request = SignedRequest::of(&world, "one").with("binding_message", json!("W4SCT"));
        request.sign(&keys[0])
    };
    let answer = ask_with_certificate(&world, "other", &one, &of_one()).await;
    answer.refused(401, "invalid_client", "R-236: the certificate is another client's");
    let answer = ask_with_certificate(&world, "one", &other, &of_one()).await;
    answer.refused(401, "invalid_client", "R-236");
    let answer = ask_with_certificate(&world, "other", &other, &of_one()).await;
    answer.refused(400, "invalid_request", "R-094: a request of another client");
    let answer = ask_with_certificate(&world, "one", &one, &of_one()).await;
    assert_eq!(answer.status, 200, "R-236: {}", answer.body);
}
