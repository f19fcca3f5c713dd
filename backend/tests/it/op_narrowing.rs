//! Tokens for some of the resources of a grant (RFC 8707 section 2.2), grant by grant, opaque and signed.

use countersign::domain::Client;
use countersign_protocol::CIBA_GRANT;
use serde_json::{Value, json};

use crate::{
    op_browser::{VERIFIER, open},
    op_prover::text,
    op_world::{Answer, World, claims, shop},
};

const RESOURCES: &str = "[op]\nresources = [\"https://api.example/\", \"urn:example:ledger\", \"urn:example:other\"]";
const API: (&str, &str) = ("resource", "https://api.example/");
const LEDGER: (&str, &str) = ("resource", "urn:example:ledger");
/// May be asked for, and was not.
const OTHER: (&str, &str) = ("resource", "urn:example:other");
const REDIRECT: (&str, &str) = ("redirect_uri", "https://shop.example/cb");

/// A shop whose tokens are secrets, and one whose tokens are JWTs.
const SHOPS: [&str; 2] = ["shop", "signing"];

async fn world() -> World {
    let world = World::with(RESOURCES).await;
    let mut signing: Client = shop("signing");
    signing.tokens.access_token_alg = Some("ES256".to_owned());
    world.add_client(signing).await;
    world
}

/// Whom the access token of `tokens` is for, as introspection and, where it is one, the JWT say.
async fn audience(world: &World, client: &str, tokens: &Answer) -> Value {
    assert_eq!(tokens.status, 200, "R-069: {}", tokens.body);
    let access = text(&tokens.json(), "access_token");
    let facts = world.post_as(client, "/introspect", &[("token", &access)]).await.json();
    assert_eq!(facts["active"], true, "{facts}");
    if client == "signing" {
        assert_eq!(
            claims(&access)["aud"],
            facts["aud"],
            "R-069: the token says the same of itself"
        );
    }
    facts["aud"].clone()
}

/// The refresh token of `tokens`, which is for everything.
async fn whole(world: &World, client: &str, tokens: &Answer) -> String {
    let refresh = text(&tokens.json(), "refresh_token");
    let facts = world
        .post_as(client, "/introspect", &[("token", &refresh)])
        .await
        .json();
    assert_eq!(
        facts["aud"],
        json!([API.1, LEDGER.1]),
        "R-069: the refresh token keeps the whole"
    );
    refresh
}

/// Proves R-069.
#[tokio::test]
async fn a_request_is_redeemed_for_some_of_its_resources() {
    let world = world().await;
    for client in SHOPS {
        let asked = [("scope", "openid offline_access"), ("login_hint", "anna"), API, LEDGER];
        let id = text(
            &world.post_as(client, "/bc-authorize", &asked).await.json(),
            "auth_req_id",
        );
        let poll = [("grant_type", CIBA_GRANT), ("auth_req_id", id.as_str())];
        let undecided = world.post_as(client, "/token", &[&poll[..], &[OTHER]].concat()).await;
        undecided.refused(400, "invalid_target", "R-069: told before anybody has decided");
        world.approve().await;
        for (resources, why) in [
            (&[OTHER][..], "not granted"),
            (&[API, OTHER], "one of two was not granted"),
        ] {
            let refused = world.post_as(client, "/token", &[&poll[..], resources].concat()).await;
            refused.refused(400, "invalid_target", &format!("R-069: {why}"));
        }
        let tokens = world.post_as(client, "/token", &[&poll[..], &[LEDGER]].concat()).await;
        assert_eq!(
            audience(&world, client, &tokens).await,
            LEDGER.1,
            "R-069: what was refused changed nothing"
        );
        whole(&world, client, &tokens).await;
    }
}

/// Proves R-069.
#[tokio::test]
async fn a_code_and_its_refresh_tokens_are_redeemed_for_some_of_the_resources() {
    let world = world().await;
    for client in SHOPS {
        let asked = [
            ("client_id", client),
            REDIRECT,
            ("scope", "openid offline_access"),
            API,
            LEDGER,
        ];
        let code = open(&world, &asked).await.sign_in(&world).await;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            REDIRECT,
            ("code_verifier", VERIFIER),
        ];
        let refused = world.post_as(client, "/token", &[&form[..], &[OTHER]].concat()).await;
        refused.refused(400, "invalid_target", "R-069: not granted");
        let tokens = world.post_as(client, "/token", &[&form[..], &[API]].concat()).await;
        assert_eq!(
            audience(&world, client, &tokens).await,
            API.1,
            "R-069: the code was not used up"
        );

        let mut refresh = whole(&world, client, &tokens).await;
        for (resources, expected) in [
            (&[LEDGER][..], json!(LEDGER.1)),
            (&[LEDGER, API, LEDGER], json!([API.1, LEDGER.1])),
            (&[], json!([API.1, LEDGER.1])),
            (&[API], json!(API.1)),
        ] {
            let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
            let refused = world
                .post_as(client, "/token", &[&form[..], resources, &[OTHER]].concat())
                .await;
            refused.refused(400, "invalid_target", "R-069: and nothing is used up");
            let tokens = world.post_as(client, "/token", &[&form[..], resources].concat()).await;
            let found = audience(&world, client, &tokens).await;
            assert_eq!(found, expected, "R-069: {resources:?}, each time anew");
            refresh = whole(&world, client, &tokens).await;
        }
    }
}

/// Proves R-069: where nothing was asked for, nothing can be picked.
#[tokio::test]
async fn a_grant_without_resources_has_none_to_offer() {
    let world = world().await;
    let id = world.start(&[]).await;
    world.approve().await;
    let poll = [("grant_type", CIBA_GRANT), ("auth_req_id", id.as_str())];
    let refused = world.post("/token", &[&poll[..], &[API]].concat()).await;
    refused.refused(400, "invalid_target", "R-069");
    let tokens = world.post("/token", &poll).await;
    assert_eq!(
        audience(&world, "shop", &tokens).await,
        crate::op_world::ISSUER,
        "R-069"
    );
}
