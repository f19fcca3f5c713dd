//! `id_token_hint`, and how many people a client may try out.

use countersign::{
    domain::{Client, KeyPurpose, TokenRules},
    keys::KeyRing,
    storage::Accounts as _,
};
use countersign_clock::Clock as _;
use countersign_jose::{Algorithm, SigningKey, b64, seal::SealingKey};
use countersign_protocol::CIBA_GRANT;
use serde_json::{Value, json};

use crate::{
    op_world::{Answer, ISSUER, World, claims, shop},
    publisher::{ALLOW, Publisher},
};

const DAY: i64 = 24 * 60 * 60;

/// A client with pairwise names in the sector of `host`, whose keys `publisher` publishes. Its signed requests prove that it has one.
fn pairwise(id: &str, host: &str, publisher: &Publisher, key: &SigningKey) -> Client {
    Client {
        jwks: None,
        jwks_uri: Some(publisher.at("/jwks")),
        tokens: TokenRules {
            pairwise: true,
            sector_identifier_uri: Some(format!("https://{host}/sector").parse().unwrap()),
            ..TokenRules::default()
        },
        ..crate::op_signed::signing_with(id, key)
    }
}

/// An ID token of Anna for `client`.
async fn id_token(world: &World, client: &str, started: Answer) -> String {
    assert_eq!(started.status, 200, "{}", started.body);
    let id = started.json()["auth_req_id"].as_str().unwrap().to_owned();
    world.approve().await;
    let form = [("grant_type", CIBA_GRANT), ("auth_req_id", id.as_str())];
    let answer = world.post_as(client, "/token", &form).await;
    answer.json()["id_token"].as_str().expect("an ID token").to_owned()
}

async fn plain_id_token(world: &World) -> String {
    let form = [("scope", "openid"), ("login_hint", "anna")];
    let started = world.post("/bc-authorize", &form).await;
    id_token(world, "shop", started).await
}

async fn hint(world: &World, client: &str, token: &str) -> Answer {
    let form = [("scope", "openid"), ("id_token_hint", token)];
    world.post_as(client, "/bc-authorize", &form).await
}

/// Proves R-075, R-078, R-079, R-080 and G-04.
#[tokio::test]
async fn an_id_token_names_its_person_for_a_while() {
    let world = World::new().await;
    let token = plain_id_token(&world).await;
    let answer = hint(&world, "shop", &token).await;
    assert_eq!(answer.status, 200, "R-079: {}", answer.body);
    assert_eq!(
        world.trigger.seen.lock().unwrap().last().unwrap().sub,
        "sub-anna",
        "R-079"
    );
    let end = claims(&token)["exp"].as_i64().unwrap();
    for (seconds, good) in [
        (end, true),
        (end + DAY - 1, true),
        (end + DAY, false),
        (end + 2 * DAY, false),
    ] {
        world.clock.advance((seconds - world.clock.now_seconds()) * 1000);
        world.keys.refresh().await.unwrap();
        let answer = hint(&world, "shop", &token).await;
        if good {
            assert_eq!(answer.status, 200, "R-080: over, but not for long: {}", answer.body);
        } else {
            answer.refused(400, "invalid_request", "R-080: too old");
        }
    }
    let world = World::with("[op]\nid_token_hint_seconds = 0").await;
    let token = plain_id_token(&world).await;
    assert_eq!(hint(&world, "shop", &token).await.status, 200, "R-080");
    world.clock.advance(600_000);
    hint(&world, "shop", &token)
        .await
        .refused(400, "invalid_request", "R-080: as the operator wants");
}

/// Proves R-079, G-16: a key that was replaced verifies hints as long as they are taken, whatever it signs with.
#[tokio::test]
async fn keys_that_are_retired_still_verify_hints() {
    let world = World::with("[op]\nid_token_alg = \"RS256\"").await;
    let mut rs = shop("rs");
    rs.id_token_alg = "RS256".to_owned();
    world.add_client(rs).await;
    let form = [("scope", "openid"), ("login_hint", "anna")];
    let started = world.post_as("rs", "/bc-authorize", &form).await;
    let by_rsa = id_token(&world, "rs", started).await;
    let by_ec = plain_id_token(&world).await;
    for purpose in [
        KeyPurpose::IdToken(Algorithm::Es256),
        KeyPurpose::IdToken(Algorithm::Rs256),
    ] {
        for _ in 0..2 {
            world.keys.rotate(purpose, 0).await.unwrap();
        }
    }
    assert_eq!(hint(&world, "shop", &by_ec).await.status, 200, "R-079: retired");
    assert_eq!(hint(&world, "rs", &by_rsa).await.status, 200, "R-079: retired");
    // Two days later another rotation drops what is older than a day.
    world.clock.advance(2 * DAY * 1000);
    for _ in 0..2 {
        world
            .keys
            .rotate(KeyPurpose::IdToken(Algorithm::Es256), 0)
            .await
            .unwrap();
    }
    hint(&world, "shop", &by_ec)
        .await
        .refused(400, "invalid_request", "R-079: its key is gone");
}

/// Proves R-079, R-080: keys stay for as long as hints that they signed are taken.
#[tokio::test]
async fn keys_stay_as_long_as_the_operator_takes_hints() {
    let world = World::with("[op]\nid_token_hint_seconds = 604800").await;
    let token = plain_id_token(&world).await;
    let ring = KeyRing::open(
        world.storage.clone(),
        world.clock.clone(),
        SealingKey::new([7; 32]),
        ISSUER.to_owned(),
    );
    let ring = ring.await.unwrap().retiring_for(8 * DAY * 1000);
    for _ in 0..2 {
        ring.rotate(KeyPurpose::IdToken(Algorithm::Es256), 0).await.unwrap();
    }
    for (days, taken) in [(6, true), (3, false)] {
        world.clock.advance(days * DAY * 1000);
        ring.rotate(KeyPurpose::IdToken(Algorithm::Es256), 0).await.unwrap();
        ring.rotate(KeyPurpose::IdToken(Algorithm::Es256), 0).await.unwrap();
        world.keys.refresh().await.unwrap();
        let answer = hint(&world, "shop", &token).await;
        let kept = world
            .keys
            .snapshot()
            .public(&[KeyPurpose::IdToken(Algorithm::Es256)])
            .len();
        if taken {
            assert_eq!(answer.status, 200, "R-080: {kept} keys: {}", answer.body);
        } else {
            answer.refused(400, "invalid_request", "R-080: too old");
            assert_eq!(kept, 3, "R-079: and its key is gone");
        }
    }
}

/// Proves V-036, R-079 and R-127.
#[tokio::test]
async fn what_is_no_id_token_for_this_client_is_refused() {
    let world = World::new().await;
    world.add_client(shop("other")).await;
    let token = plain_id_token(&world).await;
    let own = world.keys.signer(KeyPurpose::IdToken(Algorithm::Es256)).unwrap();
    let good = claims(&token);
    let with = |claim: &str, value: Value| {
        let mut claims = good.clone();
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(claim),
            value => claims.as_object_mut().unwrap().insert(claim.to_owned(), value),
        };
        claims
    };
    let ours = |claims: &Value| own.sign("JWT", claims).unwrap();
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    let device_key = world.keys.signer(KeyPurpose::RequestObject).unwrap();
    let mut parts = token.split('.');
    let (head, body) = (parts.next().unwrap(), parts.next().unwrap());
    let none = b64::encode(r#"{"alg":"none"}"#);
    let before = world.stored();
    for (forged, why) in [
        (ours(&with("aud", json!("other"))), "V-036: another client's"),
        (ours(&with("aud", json!(["other", "third"]))), "V-036: other clients'"),
        (
            ours(&with("aud", json!(["shop", 7]))),
            "V-036: a member that is no string",
        ),
        (ours(&with("aud", json!([]))), "V-036: nobody's"),
        (ours(&with("aud", Value::Null)), "V-036: nobody's"),
        (ours(&with("aud", json!("countersign-app"))), "V-036: the app's"),
        (
            ours(&with("iss", json!("https://other.example"))),
            "R-079: another issuer",
        ),
        (ours(&with("iss", Value::Null)), "R-079: no issuer"),
        (ours(&with("sub", Value::Null)), "R-079: no subject"),
        (ours(&with("sub", json!(7))), "R-079: no subject"),
        (ours(&with("exp", Value::Null)), "R-080: no end"),
        (ours(&with("exp", json!(1_000_000))), "R-080: over for decades"),
        (ours(&with("iat", json!(9_999_999_999_i64))), "made after its end"),
        (ours(&with("auth_time", Value::Null)), "V-015: not an ID token"),
        (own.sign("at+jwt", &good).unwrap(), "V-015: an access token"),
        (own.sign("logout+jwt", &good).unwrap(), "V-015: a logout token"),
        (stranger.sign("JWT", &good).unwrap(), "R-079: a stranger's key"),
        (
            device_key.sign("JWT", &good).unwrap(),
            "R-079: a key for something else",
        ),
        (format!("{none}.{body}."), "V-036: unsigned"),
        (format!("{none}.{body}.AAAA"), "V-036: unsigned"),
        (format!("{head}.{body}.AAAA"), "V-036: forged"),
        (format!("{head}.AAAA.AAAA.AAAA.AAAA"), "R-078, V-036: encrypted"),
        ("x".to_owned(), "not a token"),
        ("x".repeat(17_000), "too long"),
    ] {
        let answer = hint(&world, "shop", &forged).await;
        answer.refused(400, "invalid_request", why);
    }
    hint(&world, "other", &token)
        .await
        .refused(400, "invalid_request", "V-036, R-079: presented by another client");
    assert_eq!(world.stored(), before, "a refusal changes nothing");
    let good_one = hint(&world, "shop", &ours(&with("aud", json!(["other", "shop"])))).await;
    assert_eq!(good_one.status, 200, "R-079: in the audience: {}", good_one.body);
}

/// Proves V-001, V-033: somebody who is gone or disabled is as unknown by an ID token as by a name.
#[tokio::test]
async fn an_id_token_of_somebody_who_is_gone_is_a_hint_at_nobody() {
    let world = World::new().await;
    let own = world.keys.signer(KeyPurpose::IdToken(Algorithm::Es256)).unwrap();
    let token = plain_id_token(&world).await;
    let mut gone = claims(&token);
    gone["sub"] = json!("sub-nobody");
    let gone = own.sign("JWT", &gone).unwrap();
    world.storage.set_account_disabled("anna", true).await.unwrap();
    let named = [("scope", "openid"), ("login_hint", "nobody")];
    let answers = [
        hint(&world, "shop", &gone).await,
        hint(&world, "shop", &token).await,
        world.post("/bc-authorize", &named).await,
    ];
    for answer in &answers {
        answer.refused(400, "unknown_user_id", "V-001, V-033");
        assert_eq!(answer.body, answers[0].body, "V-033: not told apart");
    }
}

/// Proves R-081 and R-079 for sectors.
#[tokio::test]
async fn a_pairwise_name_is_a_hint_within_its_sector() {
    let world = World::with(ALLOW).await;
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let publisher = Publisher::start().await;
    publisher.publish("/jwks", &[&key]);
    for (id, host) in [("one", "a.example"), ("two", "a.example"), ("far", "b.example")] {
        world.add_client(pairwise(id, host, &publisher, &key)).await;
    }
    let signed = |id: &str| crate::op_signed::SignedRequest::of(&world, id);
    let started = world.ask_signed("one", &signed("one").sign(&key)).await;
    let token = id_token(&world, "one", started).await;
    assert_ne!(claims(&token)["sub"], "sub-anna", "R-035: a name of its own");
    for (id, accepted) in [("one", true), ("two", true), ("far", false)] {
        let request = signed(id)
            .with("login_hint", Value::Null)
            .with("id_token_hint", json!(token));
        let answer = world.ask_signed(id, &request.sign(&key)).await;
        if accepted {
            assert_eq!(answer.status, 200, "R-079, R-081: {id}: {}", answer.body);
            let sub = world.trigger.seen.lock().unwrap().last().unwrap().sub.clone();
            assert_eq!(sub, "sub-anna", "R-081, R-084: it is Anna");
        } else {
            answer.refused(400, "invalid_request", "R-081: another sector");
        }
    }
    hint(&world, "shop", &token)
        .await
        .refused(400, "invalid_request", "R-081: a client without a sector");
    for (sub, known) in [(claims(&token)["sub"].as_str().unwrap(), true), ("sub-anna", false)] {
        let named = json!({"iss": ISSUER, "sub": sub}).to_string();
        let answer = world
            .ask_signed("two", &signed("two").with("login_hint", json!(named)).sign(&key))
            .await;
        let why = format!(
            "R-081: a client names people by the names that it knows: {}",
            answer.body
        );
        assert_eq!(answer.status == 200, known, "{why}");
    }
    // A token of ours that says to `far` what only the sector of `one` understands.
    let mut moved = claims(&token);
    moved["aud"] = json!("far");
    let moved = world
        .keys
        .signer(KeyPurpose::IdToken(Algorithm::Es256))
        .unwrap()
        .sign("JWT", &moved)
        .unwrap();
    let request = signed("far")
        .with("login_hint", Value::Null)
        .with("id_token_hint", json!(moved));
    let answer = world.ask_signed("far", &request.sign(&key)).await;
    answer.refused(400, "unknown_user_id", "R-081: nobody's name in this sector");
}

/// Proves R-085 and R-215.
#[tokio::test]
async fn a_client_that_tries_out_names_has_to_wait() {
    let world = World::with("[op]\nunknown_hints = 3\nunknown_hints_seconds = 60").await;
    world.add_client(shop("other")).await;
    let ask = async |client: &str, name: &str| {
        let form = [("scope", "openid"), ("login_hint", name)];
        world.post_as(client, "/bc-authorize", &form).await
    };
    for name in ["a", "b", "c"] {
        ask("shop", name).await.refused(400, "unknown_user_id", "R-085");
        assert_eq!(ask("other", "anna").await.status, 200);
    }
    let (unknown, known) = (ask("shop", "d").await, ask("shop", "anna").await);
    for answer in [&unknown, &known] {
        answer.refused(403, "access_denied", "R-085, R-132, G-06: whomever it names");
    }
    assert_eq!(unknown.body, known.body, "R-085: they are not told apart");
    assert_eq!(
        ask("other", "anna").await.status,
        200,
        "R-085: clients are counted one by one"
    );
    world.clock.advance(60_000);
    assert_eq!(ask("shop", "anna").await.status, 200, "R-085: until the time is over");
}
