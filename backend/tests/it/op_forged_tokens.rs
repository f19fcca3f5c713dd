//! `tests/vectors/jwt-attacks.json` against every endpoint of the provider that reads a token.

use countersign::domain::{Client, ClientAuthMethod};
use countersign_clock::Clock as _;
use countersign_forged_tokens::{Forger, Honest, Reader, attacks_on, second_form};
use countersign_jose::{Algorithm, SigningKey};
use countersign_protocol::CIBA_GRANT;
use serde_json::json;

use crate::op_world::{Answer, ISSUER, World, shop, unique};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn keyed(id: &str, key: &SigningKey) -> Client {
    Client {
        auth_method: ClientAuthMethod::PrivateKeyJwt,
        secret_sha256: None,
        jwks: Some(json!({"keys": [key.public_jwk()]})),
        ..shop(id)
    }
}

/// What recipes call by name, when `client` is the honest one.
pub fn names(client: &str) -> std::collections::BTreeMap<&'static str, String> {
    [
        ("issuer", ISSUER),
        ("client", client),
        ("other_client", "club"),
        ("person", "sub-anna"),
    ]
    .map(|(word, name)| (word, name.to_owned()))
    .into()
}

/// An honest assertion of `client`.
fn assertion<'a>(world: &World, client: &str, key: &'a SigningKey, forger: &'a Forger) -> Honest<'a> {
    let now = world.clock.now_seconds();
    Honest {
        key,
        header: json!({"typ": "JWT", "kid": key.kid()}),
        claims: json!({"iss": client, "sub": client, "aud": ISSUER, "exp": now + 60, "iat": now, "jti": unique()}),
        now,
        names: names(client),
        forger,
    }
}

/// Presents an assertion where it would do most.
async fn present(world: &World, path: &str, auth_req_id: &str, assertion: &str) -> Answer {
    let with = [
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", assertion),
    ];
    let form = match path {
        "/token" => vec![("grant_type", CIBA_GRANT), ("auth_req_id", auth_req_id)],
        "/bc-authorize" => vec![("scope", "openid"), ("login_hint", "anna")],
        _ => vec![("token", "unknown")],
    };
    world.form(path, &[], &[&form[..], &with].concat()).await
}

/// Proves V-014, V-015, V-016.
#[tokio::test]
async fn no_forged_assertion_speaks_for_a_client() {
    let world = World::new().await;
    let forger = Forger::default();
    world.add_client(keyed("club", forger.stranger(Algorithm::Es384))).await;
    let mut tried = 0;
    for algorithm in [Algorithm::Es256, Algorithm::Rs256, Algorithm::Ps256, Algorithm::EdDsa] {
        let id = format!("client-{algorithm}");
        let key = SigningKey::generate(algorithm).unwrap();
        world.add_client(keyed(&id, &key)).await;
        let honest = assertion(&world, &id, &key, &forger);
        let started = present(&world, "/bc-authorize", "", &honest.token()).await;
        assert_eq!(
            started.status, 200,
            "the honest assertion is accepted: {}",
            started.body
        );
        let started = started.json()["auth_req_id"].as_str().unwrap().to_owned();
        world.approve().await;

        let before = world.stored();
        let honest = assertion(&world, &id, &key, &forger);
        let paths = ["/token", "/bc-authorize", "/introspect", "/revoke"];
        for (at, attack) in attacks_on(Reader::Assertion, algorithm).enumerate() {
            let token = attack.forge(&honest);
            // Every attack where it would be worth most, and in turn at each of the others.
            for path in [paths[0], paths[1 + at % 3]] {
                let answer = present(&world, path, &started, &token).await;
                let why = format!(
                    "{:?}: {algorithm} at {path}: {}: {}",
                    attack.rows, attack.id, attack.attack
                );
                assert!(
                    [400, 401, 413].contains(&answer.status.as_u16()),
                    "{why}: {}",
                    answer.body
                );
                assert!(
                    ["invalid_client", "invalid_request"].contains(&answer.error().as_str()),
                    "{why}"
                );
                tried += 1;
            }
        }
        assert_eq!(world.stored(), before, "V-014: nothing that is stored changed");
        let honest = assertion(&world, &id, &key, &forger).token();
        let redeemed = present(&world, "/token", &started, &honest).await;
        assert_eq!(redeemed.status, 200, "and the client itself goes on: {}", redeemed.body);
    }
    assert!(tried >= 2400, "V-014: {tried} forged assertions");
}

/// Proves V-014, V-017: the signature's second form is the same assertion.
#[tokio::test]
async fn an_assertion_signed_the_other_way_is_a_replay() {
    let world = World::new().await;
    let forger = Forger::default();
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    world.add_client(keyed("keyed", &key)).await;
    let token = assertion(&world, "keyed", &key, &forger).token();
    assert_eq!(present(&world, "/introspect", "", &token).await.status, 200);
    let other = second_form(&token, Algorithm::Es256);
    present(&world, "/introspect", "", &other).await.refused(
        401,
        "invalid_client",
        "V-017: a replay with another signature",
    );
}
