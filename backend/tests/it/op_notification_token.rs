//! What a client that is called sends along, and what the provider says about it.

use countersign::domain::Client;
use countersign_protocol::DeliveryMode;

use crate::op_world::{World, shop};

const GOOD: [(&str, &str); 2] = [("scope", "openid payment"), ("login_hint", "anna")];
const TOKEN: &str = "8d67dc78-7faa-4d41-aabd-67707b374255";

/// A client that is called.
pub fn pinged(id: &str, endpoint: &str) -> Client {
    Client {
        delivery_mode: Some(DeliveryMode::Ping),
        notification_endpoint: Some(endpoint.parse().unwrap()),
        ..shop(id)
    }
}

async fn world(config: &str) -> World {
    let world = World::with(config).await;
    world.add_client(pinged("pinged", "https://shop.example/cb")).await;
    world
}

#[tokio::test]
async fn a_client_that_is_called_sends_a_notification_token() {
    let world = world("").await;
    let longest = "a".repeat(1024);
    let too_long = "a".repeat(1025);
    for (token, good, row) in [
        (None, false, "R-052"),
        (Some(""), false, "R-052, R-067"),
        (Some(TOKEN), true, "R-052"),
        (Some(longest.as_str()), true, "R-053"),
        (Some(too_long.as_str()), false, "R-053"),
        (Some("0123456789abcdefghi-._~+/=="), true, "R-054"),
        (Some("0123456789abcdef 0123456789"), false, "R-054"),
        (Some("0123456789abcdef=0123456789"), false, "R-054"),
        (Some("0123456789\r\nx-evil: 12345"), false, "R-054, V-007"),
        (Some("0123456789abcdef\u{e4}12345678"), false, "R-054, V-007"),
        (Some("hunter2"), false, "R-055: nobody draws 128 bits in 7 characters"),
        (Some("0123456789abcdefghijk"), true, "R-055"),
    ] {
        let token = token.map(|token| ("client_notification_token", token));
        let form: Vec<_> = GOOD.into_iter().chain(token).collect();
        let answer = world.post_as("pinged", "/bc-authorize", &form).await;
        if good {
            assert_eq!(answer.status, 200, "{row}: {}", answer.body);
            assert_eq!(answer.json()["interval"], 5, "R-124: it may poll too");
        } else {
            answer.refused(400, "invalid_request", row);
        }
    }
}

#[tokio::test]
async fn what_a_call_needs_is_kept_sealed() {
    let world = world("").await;
    let form = [&GOOD[..], &[("client_notification_token", TOKEN)]].concat();
    let answer = world.post_as("pinged", "/bc-authorize", &form).await.json();
    let auth_req_id = answer["auth_req_id"].as_str().unwrap();
    let owed: Vec<String> = world
        .stored()
        .into_iter()
        .filter(|row| row.starts_with("outbox:"))
        .collect();
    assert_eq!(owed.len(), 1);
    assert!(owed[0].contains("pinged") && owed[0].contains("waiting"), "{owed:?}");
    let database = world.file();
    for secret in [TOKEN, auth_req_id, "shop.example/cb\",\"auth"] {
        let found = database.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{secret} is nowhere in the file");
    }
}

#[tokio::test]
async fn a_way_of_delivery_that_is_not_offered_is_refused() {
    let world = world("[op]\ndelivery_modes = [\"poll\"]").await;
    let metadata = world.get("/.well-known/openid-configuration").await.json();
    let offered = &metadata["backchannel_token_delivery_modes_supported"];
    assert_eq!(*offered, serde_json::json!(["poll"]), "R-002");
    let form = [&GOOD[..], &[("client_notification_token", TOKEN)]].concat();
    let answer = world.post_as("pinged", "/bc-authorize", &form).await;
    answer.refused(400, "unauthorized_client", "R-131, G-03");
    assert_eq!(world.post("/bc-authorize", &GOOD).await.status, 200, "others go on");
}
