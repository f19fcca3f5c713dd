//! How clients authenticate.

use axum::http::header;
use countersign::domain::{Client, ClientAuthMethod, Profile};
use countersign_clock::Clock as _;
use countersign_jose::{Algorithm, SigningKey};
use serde_json::{Value, json};

use crate::op_world::{Answer, ISSUER, SECRET, World, basic, shop, unique};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Reaches the end of authentication and no further.
const PROBE: (&str, &str) = ("token", "unknown");

fn signer(id: &str, algorithm: Algorithm) -> (Client, SigningKey) {
    let key = SigningKey::generate(algorithm).unwrap();
    let mut client = shop(id);
    client.auth_method = ClientAuthMethod::PrivateKeyJwt;
    client.secret_sha256 = None;
    client.jwks = Some(json!({"keys": [key.public_jwk()]}));
    (client, key)
}

fn good(world: &World, id: &str) -> Value {
    let now = world.clock.now_seconds();
    json!({"iss": id, "sub": id, "aud": ISSUER, "exp": now + 60, "iat": now, "jti": unique()})
}

async fn present(world: &World, assertion: &str) -> Answer {
    let form = [
        PROBE,
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", assertion),
    ];
    world.form("/introspect", &[], &form).await
}

#[tokio::test]
async fn secrets_are_accepted_in_the_registered_way_alone() {
    let world = World::new().await;
    let mut post = shop("poster");
    post.auth_method = ClientAuthMethod::ClientSecretPost;
    world.add_client(post).await;
    let in_form = |id| [PROBE, ("client_id", id), ("client_secret", SECRET)];
    assert_eq!(
        world.post_as("shop", "/introspect", &[PROBE]).await.status,
        200,
        "R-042"
    );
    assert_eq!(
        world.form("/introspect", &[], &in_form("poster")).await.status,
        200,
        "R-042"
    );
    world.form("/introspect", &[], &in_form("shop")).await.refused(
        401,
        "invalid_client",
        "R-042: registered for Basic",
    );
    let answer = world.post_as("poster", "/introspect", &[PROBE]).await;
    answer.refused(401, "invalid_client", "R-042: registered for the form");
    assert!(answer.header(header::WWW_AUTHENTICATE).starts_with("Basic "), "R-133");
}

#[tokio::test]
async fn unknown_clients_and_wrong_secrets_are_one_answer() {
    let world = World::new().await;
    let (keyed, _) = signer("keyed", Algorithm::Es256);
    world.add_client(keyed).await;
    let mut bodies = Vec::new();
    for (id, secret) in [
        ("shop", "wrong"),
        ("nobody", SECRET),
        ("keyed", SECRET),
        ("keyed", "-"),
        ("countersign-app", "x"),
    ] {
        let answer = world
            .form("/token", &[("authorization", &basic(id, secret))], &[])
            .await;
        answer.refused(401, "invalid_client", id);
        assert!(
            answer.header(header::WWW_AUTHENTICATE).starts_with("Basic "),
            "R-133: {id}"
        );
        bodies.push(answer.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "unknown and wrong are not told apart");
}

#[tokio::test]
async fn one_mechanism_at_a_time() {
    let world = World::new().await;
    let header = basic("shop", SECRET);
    let header = [("authorization", header.as_str())];
    for form in [
        &[PROBE, ("client_secret", SECRET)][..],
        &[PROBE, ("client_id", "shop"), ("client_secret", SECRET)],
        &[
            PROBE,
            ("client_assertion", "x"),
            ("client_assertion_type", ASSERTION_TYPE),
        ],
        &[PROBE, ("client_assertion_type", ASSERTION_TYPE)],
        &[PROBE, ("client_id", "other")],
    ] {
        let answer = world.form("/introspect", &header, form).await;
        answer.refused(400, "invalid_request", &format!("R-045: {form:?}"));
    }
    let named = world
        .form("/introspect", &header, &[PROBE, ("client_id", "shop")])
        .await;
    assert_eq!(named.status, 200, "the same client_id is no second mechanism");
    for bad in ["Bearer x", "Basic", "Basic !!!", "Digest x"] {
        let answer = world.form("/introspect", &[("authorization", bad)], &[PROBE]).await;
        answer.refused(401, "invalid_client", bad);
    }
    let twice = [header[0], header[0]];
    world
        .form("/introspect", &twice, &[PROBE])
        .await
        .refused(401, "invalid_client", "V-037: two headers");
    world
        .form("/introspect", &[], &[PROBE])
        .await
        .refused(401, "invalid_client", "R-042: none at all");
}

#[tokio::test]
async fn ids_and_secrets_are_form_encoded_in_basic() {
    let world = World::new().await;
    let mut odd = shop("odd");
    odd.id = "odd:id +/%".into();
    world.add_client(odd).await;
    assert_eq!(world.post_as("odd:id +/%", "/introspect", &[PROBE]).await.status, 200);
}

#[tokio::test]
async fn assertions_of_every_offered_algorithm_are_accepted_once() {
    let world = World::new().await;
    for algorithm in [Algorithm::Es256, Algorithm::Ps256, Algorithm::Rs256, Algorithm::EdDsa] {
        let id = format!("client-{algorithm}");
        let (client, key) = signer(&id, algorithm);
        world.add_client(client).await;
        let assertion = key.sign("JWT", &good(&world, &id)).unwrap();
        assert_eq!(present(&world, &assertion).await.status, 200, "R-047: {algorithm}");
        present(&world, &assertion)
            .await
            .refused(401, "invalid_client", "V-017: a second time");
    }
}

#[tokio::test]
async fn an_assertion_with_anything_wrong_is_refused() {
    let world = World::new().await;
    let (client, key) = signer("keyed", Algorithm::Es256);
    world.add_client(client).await;
    let now = world.clock.now_seconds();
    let wrong: [(&str, Value, &str); 24] = [
        ("iss", json!("shop"), "R-047: another issuer"),
        ("iss", Value::Null, "R-047: no issuer"),
        ("sub", json!("shop"), "R-047: another subject"),
        ("sub", json!("nobody"), "R-047: an unknown subject"),
        ("sub", Value::Null, "R-047: no subject"),
        ("aud", json!([ISSUER]), "V-018: an array"),
        ("aud", json!([ISSUER, "https://evil.example"]), "V-018: two audiences"),
        ("aud", json!("https://evil.example"), "V-018: somebody else"),
        ("aud", json!(format!("{ISSUER}/")), "V-018: nearly us"),
        ("aud", json!(format!("{ISSUER}/token")), "V-018: an endpoint"),
        ("aud", Value::Null, "V-018: nobody"),
        ("exp", json!(now), "R-047: over"),
        ("exp", json!(now - 1), "R-047: over"),
        ("exp", json!(now + 3600), "good for too long"),
        ("exp", json!((now + 60).to_string()), "V-016: a string"),
        (
            "exp",
            json!(f64::from(u32::try_from(now).unwrap()) + 60.5),
            "V-016: a fraction",
        ),
        ("exp", json!(-1), "V-016: negative"),
        ("exp", json!(9_223_372_036_854_775_808_u64), "V-016: 2^63"),
        ("exp", Value::Null, "R-047: no end"),
        ("iat", json!(now + 600), "made in the future"),
        ("nbf", json!(now + 600), "not yet good"),
        ("nbf", json!("0"), "V-016: a string"),
        ("jti", json!(""), "R-047: no name"),
        ("jti", Value::Null, "R-047: no name"),
    ];
    for (claim, value, why) in wrong {
        let mut claims = good(&world, "keyed");
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(claim);
        } else {
            claims[claim] = value;
        }
        let assertion = key.sign("JWT", &claims).unwrap();
        present(&world, &assertion).await.refused(401, "invalid_client", why);
    }
    for typ in ["at+jwt", "countersign-decision+jwt", "dpop+jwt", "logout+jwt"] {
        let assertion = key.sign(typ, &good(&world, "keyed")).unwrap();
        present(&world, &assertion)
            .await
            .refused(401, "invalid_client", &format!("V-015: typ {typ}"));
    }
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    let forged = stranger.sign("JWT", &good(&world, "keyed")).unwrap();
    present(&world, &forged)
        .await
        .refused(401, "invalid_client", "R-047: another key");
    present(&world, "x.y.z")
        .await
        .refused(401, "invalid_client", "not a token");
    let good_one = key.sign("JWT", &good(&world, "keyed")).unwrap();
    assert_eq!(present(&world, &good_one).await.status, 200, "the key itself is fine");
}

#[tokio::test]
async fn a_replay_is_known_as_long_as_the_assertion_is_good() {
    let world = World::new().await;
    let (client, key) = signer("keyed", Algorithm::Es256);
    world.add_client(client).await;
    let assertion = key.sign("JWT", &good(&world, "keyed")).unwrap();
    let presented = (0..50).map(|_| present(&world, &assertion));
    let answers = futures_util::future::join_all(presented).await;
    assert_eq!(
        answers.iter().filter(|answer| answer.status == 200).count(),
        1,
        "V-017: many at once"
    );
    world.clock.advance(59_000);
    present(&world, &assertion)
        .await
        .refused(401, "invalid_client", "V-017: in its last second");
    world.clock.advance(1_000);
    present(&world, &assertion)
        .await
        .refused(401, "invalid_client", "R-047: over");
}

#[tokio::test]
async fn older_profiles_may_name_an_endpoint_but_nobody_else() {
    let world = World::new().await;
    let (mut client, key) = signer("older", Algorithm::Es256);
    client.endpoint_audience = true;
    world.add_client(client).await;
    let token = format!("{ISSUER}/token");
    for (audience, accepted) in [
        (json!(ISSUER), true),
        (json!(token), true),
        (json!(format!("{ISSUER}/bc-authorize")), true),
        (json!([ISSUER, token]), true),
        (json!([]), false),
        (json!([ISSUER, "https://evil.example"]), false),
        (json!(format!("{ISSUER}.evil.example")), false),
        (json!("https://evil.example"), false),
    ] {
        let mut claims = good(&world, "older");
        claims["aud"] = audience.clone();
        let answer = present(&world, &key.sign("JWT", &claims).unwrap()).await;
        assert_eq!(answer.status == 200, accepted, "R-043, R-235, V-018: {audience}");
    }
}

#[tokio::test]
async fn a_secret_is_no_substitute_for_a_key() {
    let world = World::new().await;
    let (mut client, _) = signer("keyed", Algorithm::Es256);
    client.secret_sha256 = shop("x").secret_sha256;
    world.add_client(client).await;
    world
        .post_as("keyed", "/introspect", &[PROBE])
        .await
        .refused(401, "invalid_client", "R-042");
    let form = [PROBE, ("client_id", "keyed"), ("client_secret", SECRET)];
    world
        .form("/introspect", &[], &form)
        .await
        .refused(401, "invalid_client", "R-042");
    world
        .form("/introspect", &[], &[PROBE, ("client_id", "keyed")])
        .await
        .refused(401, "invalid_client", "R-042");
}

/// V-018: a profile of today takes the issuer alone, whatever else is registered.
#[tokio::test]
async fn a_client_of_fapi_2_names_the_issuer_alone() {
    let world = World::new().await;
    let (mut client, key) = signer("today", Algorithm::Es256);
    client.profile = Profile::Fapi2;
    client.endpoint_audience = true;
    client.tokens.dpop_bound = true;
    client.authorization.pushed = true;
    world.add_client(client).await;
    for (audience, accepted) in [
        (json!(ISSUER), true),
        (json!([ISSUER]), false),
        (json!(format!("{ISSUER}/token")), false),
        (json!(format!("{ISSUER}/bc-authorize")), false),
    ] {
        let mut claims = good(&world, "today");
        claims["aud"] = audience.clone();
        let answer = present(&world, &key.sign("JWT", &claims).unwrap()).await;
        assert_eq!(answer.status == 200, accepted, "V-018: {audience}");
    }
}
