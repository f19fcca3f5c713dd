//! `login_hint_token`: people are named by who is trusted to.

use countersign::storage::Accounts as _;
use countersign_clock::Clock as _;
use countersign_jose::{Algorithm, SigningKey, b64};
use serde_json::{Value, json};

use crate::op_world::{Answer, ISSUER, World, shop, unique};

const HINTS: &str = "https://hints.example";
const BANK: &str = "https://bank.example";

/// A world that trusts two issuers, and their keys.
async fn trusting() -> (World, SigningKey, SigningKey) {
    let hints = SigningKey::generate(Algorithm::Es256).unwrap();
    let bank = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let jwks = |key: &SigningKey| {
        let jwk = json!(key.public_jwk());
        let members = jwk
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| format!("{name} = {value}"));
        format!("{{ keys = [{{ {} }}] }}", members.collect::<Vec<_>>().join(", "))
    };
    let config = format!(
        r#"
        [[op.login_hint_token_issuers]]
        issuer = "{HINTS}"
        jwks = {}
        [[op.login_hint_token_issuers]]
        issuer = "{BANK}"
        jwks = {}
        algs = ["EdDSA"]
        audience = "urn:bank"
        max_age = 60
        single_use = false
        subjects = {{ account = "email", opaque = "username" }}
        claims = {{ customer = "username", mail = "email" }}
        "#,
        jwks(&hints),
        jwks(&bank)
    );
    (World::with(&config).await, hints, bank)
}

fn of_hints(world: &World) -> Value {
    let now = world.clock.now_seconds();
    let sub_id = json!({"format": "email", "email": "anna@mail.example"});
    json!({"iss": HINTS, "aud": ISSUER, "iat": now, "exp": now + 60, "jti": unique(), "sub_id": sub_id})
}

fn of_bank(world: &World, name: &str, value: Value) -> Value {
    let now = world.clock.now_seconds();
    let mut claims = json!({"iss": BANK, "aud": "urn:bank", "iat": now, "exp": now + 60});
    claims[name] = value;
    claims
}

fn with(mut claims: Value, claim: &str, value: Value) -> Value {
    let members = claims.as_object_mut().unwrap();
    match value {
        Value::Null => members.remove(claim),
        value => members.insert(claim.to_owned(), value),
    };
    claims
}

async fn ask(world: &World, token: &str) -> Answer {
    let form = [("scope", "openid"), ("login_hint_token", token)];
    world.post("/bc-authorize", &form).await
}

/// Proves R-082 and G-04.
#[tokio::test]
async fn people_are_named_by_who_is_trusted_to() {
    let (world, hints, bank) = trusting().await;
    let iss_sub = json!({"format": "iss_sub", "iss": ISSUER, "sub": "sub-anna"});
    for (sub_id, why) in [
        (json!({"format": "email", "email": "anna@mail.example"}), "by address"),
        (
            json!({"format": "phone_number", "phone_number": "+49anna"}),
            "by number",
        ),
        (iss_sub, "by subject"),
    ] {
        let claims = with(of_hints(&world), "sub_id", sub_id);
        for typ in ["JWT", "login-hint+jwt"] {
            let token = hints.sign(typ, &with(claims.clone(), "jti", json!(unique()))).unwrap();
            let answer = ask(&world, &token).await;
            assert_eq!(answer.status, 200, "R-082: {why}: {}", answer.body);
        }
    }
    for (name, value) in [
        ("customer", json!("anna")),
        ("mail", json!("anna@mail.example")),
        ("sub_id", json!({"format": "opaque", "id": "anna"})),
        ("sub_id", json!({"format": "account", "uri": "acct:anna@mail.example"})),
    ] {
        let token = bank.sign("JWT", &of_bank(&world, name, value)).unwrap();
        for _ in 0..2 {
            let answer = ask(&world, &token).await;
            assert_eq!(answer.status, 200, "R-082: {name}, again and again: {}", answer.body);
        }
    }
    let seen = world.trigger.seen.lock().unwrap();
    assert!(seen.iter().all(|seen| seen.sub == "sub-anna"), "R-082: it is Anna");
}

/// Proves R-083, R-084 and G-06.
#[tokio::test]
async fn a_hint_is_for_now_and_for_once() {
    let (world, hints, bank) = trusting().await;
    let token = hints.sign("JWT", &of_hints(&world)).unwrap();
    assert_eq!(ask(&world, &token).await.status, 200);
    ask(&world, &token)
        .await
        .refused(400, "expired_login_hint_token", "R-084: used before");
    let at_once = hints.sign("JWT", &of_hints(&world)).unwrap();
    let answers = futures_util::future::join_all((0..20).map(|_| ask(&world, &at_once))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "R-084");
    // Another refusal does not cost the hint.
    let kept = hints.sign("JWT", &of_hints(&world)).unwrap();
    let form = [("scope", "nonsense"), ("login_hint_token", kept.as_str())];
    world
        .post("/bc-authorize", &form)
        .await
        .refused(400, "invalid_scope", "R-120");
    assert_eq!(ask(&world, &kept).await.status, 200, "R-084: it is good still");

    let now = world.clock.now_seconds();
    for (iat, exp, why) in [
        (now - 90, now - 30, "over"),
        (now - 330, now + 60, "older than five minutes"),
        (now - 100_000, now - 90_000, "long over"),
    ] {
        let claims = with(with(of_hints(&world), "iat", json!(iat)), "exp", json!(exp));
        let token = hints.sign("JWT", &claims).unwrap();
        ask(&world, &token)
            .await
            .refused(400, "expired_login_hint_token", &format!("R-083: {why}"));
    }
    let token = bank
        .sign(
            "JWT",
            &with(of_bank(&world, "customer", json!("anna")), "exp", json!(now + 9000)),
        )
        .unwrap();
    assert_eq!(ask(&world, &token).await.status, 200);
    world.clock.advance(90_000);
    ask(&world, &token).await.refused(
        400,
        "expired_login_hint_token",
        "R-083: older than a minute, as the operator says",
    );
}

/// Proves R-082, R-085 and V-033.
#[tokio::test]
async fn whoever_is_not_trusted_names_nobody() {
    let (world, hints, bank) = trusting().await;
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    let good = of_hints(&world);
    let now = world.clock.now_seconds();
    let ours = |claim: &str, value: Value| hints.sign("JWT", &with(good.clone(), claim, value)).unwrap();
    let banks = |name: &str, value: Value| bank.sign("JWT", &of_bank(&world, name, value)).unwrap();
    let body = b64::encode(good.to_string());
    let none = b64::encode(r#"{"alg":"none"}"#);
    let before = world.stored();
    for (token, why) in [
        (stranger.sign("JWT", &good).unwrap(), "R-082: a stranger's key"),
        (bank.sign("JWT", &good).unwrap(), "R-082: another issuer's key"),
        (ours("iss", json!(BANK)), "R-082: in another's name"),
        (
            ours("iss", json!("https://evil.example")),
            "R-082: an issuer that is not trusted",
        ),
        (ours("iss", json!(ISSUER)), "R-082: in our name"),
        (ours("iss", Value::Null), "R-082: nobody"),
        (ours("aud", json!("https://other.example")), "R-082: for somebody else"),
        (ours("aud", json!("urn:bank")), "R-082: for another issuer's audience"),
        (ours("aud", Value::Null), "R-082: for nobody"),
        (ours("iat", json!(now + 31)), "from the future"),
        (ours("iat", Value::Null), "of no time"),
        (ours("exp", Value::Null), "without an end"),
        (ours("exp", json!((now + 60).to_string())), "V-016: a string"),
        (ours("nbf", json!(now + 31)), "not yet good"),
        (ours("jti", Value::Null), "R-084: without a name"),
        (ours("jti", json!("")), "R-084: without a name"),
        (ours("sub_id", Value::Null), "it names nobody"),
        (ours("sub_id", json!("anna")), "RFC 9493: no identifier"),
        (
            ours("sub_id", json!({"format": "opaque", "id": "anna"})),
            "a format that is not accepted",
        ),
        (
            ours("sub_id", json!({"format": "account", "uri": "acct:anna@mail.example"})),
            "a format that is not accepted",
        ),
        (
            ours("sub_id", json!({"format": "aliases", "identifiers": []})),
            "RFC 9493: several",
        ),
        (
            ours(
                "sub_id",
                json!({"format": "email", "email": "anna@mail.example", "x": 1}),
            ),
            "RFC 9493: a further member",
        ),
        (banks("mail", json!(7)), "a claim that is no string"),
        (banks("name", json!("anna")), "a claim that names nobody"),
        (
            banks("sub_id", json!({"format": "email", "email": "anna@mail.example"})),
            "a format that is not accepted",
        ),
        (
            bank.sign(
                "JWT",
                &with(of_bank(&world, "customer", json!("anna")), "mail", json!("b")),
            )
            .unwrap(),
            "two names",
        ),
        (hints.sign("at+jwt", &good).unwrap(), "V-015: an access token"),
        (hints.sign("oauth-authz-req+jwt", &good).unwrap(), "V-015: a request"),
        (hints.sign("secevent+jwt", &good).unwrap(), "V-015: an event"),
        (format!("{none}.{body}."), "R-082: unsigned"),
        (format!("{none}.{body}.AAAA"), "R-082: unsigned"),
        ("e30.e30.e30.e30.e30".to_owned(), "encrypted"),
        ("x".to_owned(), "no token"),
        ("x".repeat(17_000), "too long"),
    ] {
        ask(&world, &token).await.refused(400, "invalid_request", why);
    }
    world.storage.set_account_disabled("anna", true).await.unwrap();
    let disabled = ask(&world, &hints.sign("JWT", &good).unwrap()).await;
    let mut bodies = vec![disabled.body];
    for sub_id in [
        json!({"format": "email", "email": "nobody@mail.example"}),
        json!({"format": "iss_sub", "iss": "https://other.example", "sub": "sub-anna"}),
        json!({"format": "phone_number", "phone_number": "+49anna"}),
    ] {
        let answer = ask(&world, &ours("sub_id", sub_id)).await;
        answer.refused(400, "unknown_user_id", "R-076, V-001, V-033");
        bodies.push(answer.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "V-033: they are not told apart");
    world.storage.set_account_disabled("anna", false).await.unwrap();
    assert_eq!(world.stored(), before, "a refusal changes nothing");
}

#[tokio::test]
async fn tokens_are_refused_where_nobody_is_trusted() {
    let world = World::new().await;
    world.add_client(shop("other")).await;
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let token = key.sign("JWT", &of_hints(&world)).unwrap();
    ask(&world, &token)
        .await
        .refused(400, "invalid_request", "R-082: no issuer is trusted");
}
