//! `tests/vectors/jwt-attacks.json` against the backchannel authentication endpoint: signed requests, and tokens that name people.

use countersign::domain::{Client, KeyPurpose};
use countersign_clock::Clock as _;
use countersign_forged_tokens::{Forger, Honest, Reader, attacks_on};
use countersign_jose::{Algorithm, SigningKey};
use serde_json::{Value, json};

use crate::op_world::{ISSUER, World, claims, shop, unique};

const HINTS: &str = "https://hints.example";

/// Sends every attack of `reader` as `parameter`, then the honest token, which alone is taken.
async fn only_the_honest_one(
    world: &World,
    reader: Reader,
    parameter: &str,
    client: &str,
    honest: &mut Honest<'_>,
    fresh: Value,
) {
    let form = |token: &str| {
        let mut form = vec![(parameter.to_owned(), token.to_owned())];
        if parameter != "request" {
            form.push(("scope".to_owned(), "openid".to_owned()));
        }
        form
    };
    let ask = async |token: &str| {
        let form = form(token);
        let form: Vec<(&str, &str)> = form
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        world.post_as(client, "/bc-authorize", &form).await
    };
    let asked = world.trigger.seen.lock().unwrap().len();
    // A request that is rightly signed is used up, whatever it asks for: its name is noted, and nothing else.
    let stored = || -> Vec<String> {
        let rows = world.stored().into_iter();
        rows.filter(|row| !row.starts_with("seen: request_object")).collect()
    };
    let before = stored();
    let (mut tried, mut wrong) = (0, Vec::new());
    for attack in attacks_on(reader, honest.key.algorithm()) {
        // Each attack has a name of its own: none is refused because of another.
        if honest.claims.get("jti").is_some() {
            honest.claims["jti"] = unique().into();
        }
        let answer = ask(&attack.forge(honest)).await;
        if ![400, 413].contains(&answer.status.as_u16()) {
            wrong.push(format!(
                "{:?}: {}: {}: {}",
                attack.rows, attack.id, attack.attack, answer.body
            ));
        }
        tried += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried >= 300, "V-014: {tried} forged tokens");
    assert_eq!(stored(), before, "V-014: nothing that is stored changed");
    assert_eq!(
        world.trigger.seen.lock().unwrap().len(),
        asked,
        "V-014: nobody was asked"
    );
    honest.claims = fresh;
    let answer = ask(&honest.token()).await;
    assert_eq!(answer.status, 200, "the honest token is taken: {}", answer.body);
}

fn names(client: &str) -> std::collections::BTreeMap<&'static str, String> {
    [
        ("issuer", ISSUER),
        ("client", client),
        ("other_client", "club"),
        ("person", "sub-anna"),
        ("hints", HINTS),
    ]
    .map(|(word, name)| (word, name.to_owned()))
    .into()
}

/// Proves V-014, V-015, V-016, V-035.
#[tokio::test]
async fn no_forged_request_asks_anybody() {
    let world = World::with("[op]\nunknown_hints = 0").await;
    let forger = Forger::default();
    world.add_client(shop("club")).await;
    for algorithm in [Algorithm::Es256, Algorithm::Ps256] {
        let key = SigningKey::generate(algorithm).unwrap();
        let id = format!("signer-{algorithm}");
        let mut client = Client {
            jwks: Some(json!({"keys": [key.public_jwk()]})),
            ..shop(&id)
        };
        client.requests.signing_alg = Some(algorithm.to_string());
        world.add_client(client).await;
        let now = world.clock.now_seconds();
        let fresh = json!({
            "iss": id, "aud": ISSUER, "exp": now + 60, "iat": now, "nbf": now, "jti": unique(), "scope": "openid", "login_hint": "anna",
        });
        let mut honest = Honest {
            key: &key,
            header: json!({"typ": "JWT", "kid": key.kid()}),
            claims: fresh.clone(),
            now,
            names: names(&id),
            forger: &forger,
        };
        only_the_honest_one(&world, Reader::Request, "request", &id, &mut honest, fresh).await;
    }
}

/// Proves V-014, V-015, V-036.
#[tokio::test]
async fn no_forged_id_token_names_anybody() {
    let world = World::with("[op]\nunknown_hints = 0").await;
    let forger = Forger::default();
    world.add_client(shop("club")).await;
    let id = world.start(&[]).await;
    world.approve().await;
    let issued = world.poll(&id).await.json();
    let signer = world.keys.signer(KeyPurpose::IdToken(Algorithm::Es256)).unwrap();
    let issued = claims(issued["id_token"].as_str().unwrap());
    let mut honest = Honest {
        key: &signer,
        header: json!({"typ": "JWT", "kid": signer.kid()}),
        claims: issued.clone(),
        now: world.clock.now_seconds(),
        names: names("shop"),
        forger: &forger,
    };
    only_the_honest_one(
        &world,
        Reader::IdTokenHint,
        "id_token_hint",
        "shop",
        &mut honest,
        issued,
    )
    .await;
}

/// Proves V-014, V-015, V-036.
#[tokio::test]
async fn no_forged_login_hint_token_names_anybody() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let jwk = json!(key.public_jwk());
    let members = jwk.as_object().unwrap().iter();
    let members: Vec<String> = members.map(|(name, value)| format!("{name} = {value}")).collect();
    let config = format!(
        "[op]\nunknown_hints = 0\n[[op.login_hint_token_issuers]]\nissuer = \"{HINTS}\"\njwks = {{ keys = [{{ {} }}] }}",
        members.join(", ")
    );
    let world = World::with(&config).await;
    let forger = Forger::default();
    let now = world.clock.now_seconds();
    let fresh = json!({
        "iss": HINTS, "aud": ISSUER, "iat": now, "exp": now + 60, "jti": unique(),
        "sub_id": {"format": "email", "email": "anna@mail.example"},
    });
    let mut honest = Honest {
        key: &key,
        header: json!({"typ": "JWT", "kid": key.kid()}),
        claims: fresh.clone(),
        now,
        names: names("shop"),
        forger: &forger,
    };
    only_the_honest_one(
        &world,
        Reader::LoginHintToken,
        "login_hint_token",
        "shop",
        &mut honest,
        fresh,
    )
    .await;
}
