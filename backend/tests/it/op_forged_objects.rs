//! `tests/vectors/jwt-attacks.json` against the places that read a request object: the authorization endpoint and the one that requests are pushed to.

use countersign::domain::{AuthorizationRules, Client};
use countersign_clock::Clock as _;
use countersign_forged_tokens::{Forger, Honest, Reader, attacks_on};
use countersign_jose::{Algorithm, SigningKey, digest};
use serde_json::json;

use crate::{
    op_browser::VERIFIER,
    op_forged_tokens::names,
    op_world::{Answer, ISSUER, World, shop, unique},
};

const REDIRECT: &str = "https://shop.example/cb";

fn signer(id: &str, key: &SigningKey) -> Client {
    Client {
        jwks: Some(json!({"keys": [key.public_jwk()]})),
        authorization: AuthorizationRules {
            object_alg: Some(key.algorithm().to_string()),
            ..AuthorizationRules::default()
        },
        ..shop(id)
    }
}

async fn bring(world: &World, client: &str, object: &str) -> Answer {
    let form = [("client_id", client), ("request", object)];
    world.form("/authorize", &[], &form).await
}

async fn push(world: &World, client: &str, object: &str) -> Answer {
    world.post_as(client, "/par", &[("request", object)]).await
}

/// Proves V-014, V-015, V-016, V-035.
#[tokio::test]
async fn no_forged_request_object_opens_a_page_or_is_kept() {
    let world = World::new().await;
    let forger = Forger::default();
    world.add_client(shop("club")).await;
    for algorithm in [Algorithm::Es256, Algorithm::Ps256, Algorithm::EdDsa] {
        let id = format!("signer-{algorithm}");
        let key = SigningKey::generate(algorithm).unwrap();
        world.add_client(signer(&id, &key)).await;
        let now = world.clock.now_seconds();
        let honest = Honest {
            key: &key,
            header: json!({"typ": "oauth-authz-req+jwt", "kid": key.kid()}),
            claims: json!({
                "iss": id, "aud": ISSUER, "client_id": id, "exp": now + 60, "iat": now, "nbf": now, "jti": unique(),
                "response_type": "code", "redirect_uri": REDIRECT, "scope": "openid", "state": "s",
                "code_challenge": digest::sha256_b64(VERIFIER), "code_challenge_method": "S256",
            }),
            now,
            names: names(&id),
            forger: &forger,
        };
        let before = world.stored();
        let (mut tried, mut wrong) = (0, Vec::new());
        for attack in attacks_on(Reader::Jar, algorithm) {
            let object = attack.forge(&honest);
            for (place, answer) in [
                ("/authorize", bring(&world, &id, &object).await),
                ("/par", push(&world, &id, &object).await),
            ] {
                if ![400, 413].contains(&answer.status.as_u16()) {
                    wrong.push(format!(
                        "{:?}: {algorithm} at {place}: {}: {}: {}",
                        attack.rows, attack.id, attack.attack, answer.status
                    ));
                }
            }
            tried += 1;
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(tried >= 300, "V-014: {tried} forged request objects");
        assert_eq!(world.stored(), before, "V-014: nothing that is stored changed");
        let honest = honest.token();
        let page = bring(&world, &id, &honest).await;
        assert_eq!(page.status, 200, "the honest object opens the page: {}", page.body);
        let pushed = push(&world, &id, &honest).await;
        assert_eq!(pushed.status, 201, "and can be pushed: {}", pushed.body);
    }
}
