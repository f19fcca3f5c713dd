//! Clients that look after themselves (RFC 7592). Proves R-263.

use axum::http::Method;
use countersign::storage::{Clients as _, ReplaceClient, Replacement};
use countersign_clock::Clock as _;
use countersign_protocol::{CIBA_GRANT, ClientId};
use serde_json::{Value, json};

use crate::{
    op_registration::{OPEN, polling},
    op_world::{Answer, World, basic},
};

struct Registered<'a> {
    world: &'a World,
    told: Value,
}

impl<'a> Registered<'a> {
    async fn new(world: &'a World, name: &str) -> Self {
        let told = world.register(&polling(name)).await.json();
        Self { world, told }
    }

    fn text(&self, name: &str) -> &str {
        self.told[name].as_str().unwrap()
    }

    async fn call(&self, method: Method, body: &Value) -> Answer {
        self.call_with(method, Some(self.text("registration_access_token")), body)
            .await
    }

    async fn call_with(&self, method: Method, token: Option<&str>, body: &Value) -> Answer {
        let path = format!("/register/{}", self.text("client_id"));
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.world.json(method, &path, token, &body).await
    }

    /// All that is registered, as a client sends it back.
    fn sent_back(&self) -> Value {
        let mut metadata = self.told.clone();
        for ours in [
            "registration_access_token",
            "registration_client_uri",
            "client_id_issued_at",
            "client_secret_expires_at",
        ] {
            metadata.as_object_mut().unwrap().remove(ours);
        }
        metadata
    }

    /// Whether its secret is good.
    async fn authenticates(&self, secret: &str) -> bool {
        let authorization = basic(self.text("client_id"), secret);
        let answer = self
            .world
            .form("/introspect", &[("authorization", &authorization)], &[("token", "x")])
            .await;
        answer.status == 200
    }
}

#[tokio::test]
async fn a_client_reads_what_is_registered_of_it() {
    let world = World::with(OPEN).await;
    let client = Registered::new(&world, "Till").await;
    let read = client.call(Method::GET, &Value::Null).await;
    assert_eq!(read.status, 200, "R-263: {}", read.body);
    let mut expected = client.told.clone();
    expected.as_object_mut().unwrap().remove("client_secret");
    assert_eq!(read.json(), expected, "R-263: all but the secret, which is not known");
    assert_eq!(read.header(axum::http::header::CACHE_CONTROL), "no-store", "R-263");
}

#[tokio::test]
async fn a_wrong_token_and_an_unknown_client_are_not_told_apart() {
    let world = World::with(OPEN).await;
    let client = Registered::new(&world, "Till").await;
    let other = Registered::new(&world, "Bank").await;
    let theirs = other.text("registration_access_token");
    let mut bodies = Vec::new();
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        for token in [None, Some("x"), Some(theirs), Some(client.text("client_secret"))] {
            let answer = client.call_with(method.clone(), token, &client.sent_back()).await;
            answer.refused(401, "invalid_token", "R-263: a wrong token");
            bodies.push(answer.body);
        }
        // The shop is the operator's and has no token at all.
        for id in ["nobody", "shop", "countersign-app"] {
            let body = client.sent_back().to_string();
            let answer = world
                .json(method.clone(), &format!("/register/{id}"), Some(theirs), &body)
                .await;
            answer.refused(401, "invalid_token", "R-263: no such client");
            bodies.push(answer.body);
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "R-263: nobody learns which clients there are");
    assert_eq!(world.storage.list_clients().await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_change_replaces_all_that_is_registered() {
    let world = World::with(OPEN).await;
    let client = Registered::new(&world, "Till").await;
    let mut metadata = client.sent_back();
    metadata["client_name"] = json!("Till in Bern");
    metadata["contacts"] = json!(["ops@till.example"]);
    metadata["scope"] = json!("openid");
    let changed = client.call(Method::PUT, &metadata).await;
    assert_eq!(changed.status, 200, "R-263: {}", changed.body);
    let told = changed.json();
    assert_eq!(told["client_name"], "Till in Bern");
    assert_eq!(told["contacts"], json!(["ops@till.example"]));
    assert_eq!(told["scope"], "openid");
    assert!(told.get("client_secret").is_none(), "R-263: it stays");
    assert!(
        client.authenticates(client.text("client_secret")).await,
        "R-263: and is good"
    );
    metadata["contacts"] = Value::Null;
    let again = client.call(Method::PUT, &metadata).await;
    assert!(
        again.json().get("contacts").is_none(),
        "R-263: what is not said is gone"
    );
    let read = client.call(Method::GET, &Value::Null).await;
    assert_eq!(read.json(), again.json(), "R-263");
}

#[tokio::test]
async fn what_is_not_the_clients_to_send_is_refused() {
    let world = World::with(OPEN).await;
    let client = Registered::new(&world, "Till").await;
    let before = world.stored();
    let with = |name: &str, value: Value| {
        let mut metadata = client.sent_back();
        metadata[name] = value;
        metadata
    };
    for (metadata, row) in [
        (
            with(
                "registration_access_token",
                json!(client.text("registration_access_token")),
            ),
            "R-263",
        ),
        (with("registration_client_uri", json!("x")), "R-263"),
        (with("client_id_issued_at", json!(1)), "R-263"),
        (with("client_secret_expires_at", json!(0)), "R-263"),
        (with("client_id", json!("other")), "R-263: another client"),
        (with("client_id", Value::Null), "R-263: no client"),
        (
            with("client_secret", json!("of my own choice, long enough")),
            "R-263: secrets are made here",
        ),
        (with("rotate_client_secret", json!("yes")), "R-263"),
        (with("backchannel_token_delivery_mode", json!("push")), "R-011"),
        (with("client_name", json!("Demo Shop")), "S-020"),
    ] {
        let refused = client.call(Method::PUT, &metadata).await;
        refused.refused(400, "invalid_client_metadata", row);
    }
    assert_eq!(world.stored(), before, "nothing changed");
}

#[tokio::test]
async fn a_secret_is_replaced_when_the_client_asks_for_it() {
    let world = World::with(OPEN).await;
    let client = Registered::new(&world, "Till").await;
    let old = client.text("client_secret");
    let mut metadata = client.sent_back();
    metadata["rotate_client_secret"] = json!(true);
    let changed = client.call(Method::PUT, &metadata).await.json();
    let new = changed["client_secret"].as_str().unwrap();
    assert_eq!(changed["client_secret_expires_at"], 0);
    assert!(changed.get("rotate_client_secret").is_none());
    assert!(client.authenticates(new).await, "R-263: the new one");
    assert!(!client.authenticates(old).await, "R-263: the old one is worth nothing");
    metadata["client_secret"] = json!(new);
    metadata["rotate_client_secret"] = json!(false);
    metadata["token_endpoint_auth_method"] = json!("client_secret_post");
    let moved = client.call(Method::PUT, &metadata).await;
    assert_eq!(moved.status, 200, "{}", moved.body);
    assert!(
        moved.json().get("client_secret").is_none(),
        "the same secret, sent in another way"
    );
}

#[tokio::test]
async fn a_client_that_removes_itself_is_gone() {
    let world = World::with(OPEN).await;
    let client = Registered::new(&world, "Till").await;
    let authorization = basic(client.text("client_id"), client.text("client_secret"));
    let headers = [("authorization", authorization.as_str())];
    let ask = [("scope", "openid"), ("login_hint", "anna")];
    let asked = world.form("/bc-authorize", &headers, &ask).await;
    world.approve().await;
    let gone = client.call(Method::DELETE, &Value::Null).await;
    assert_eq!((gone.status.as_u16(), gone.body.as_str()), (204, ""), "R-263");
    client
        .call(Method::GET, &Value::Null)
        .await
        .refused(401, "invalid_token", "R-263: gone");
    let auth_req_id = asked.json()["auth_req_id"].as_str().unwrap().to_owned();
    let redeem = [("grant_type", CIBA_GRANT), ("auth_req_id", &auth_req_id)];
    let late = world.form("/token", &headers, &redeem).await;
    late.refused(401, "invalid_client", "V-002: removed after approval");
}

#[tokio::test]
async fn what_the_operator_said_of_a_client_stays() {
    let world = World::with(OPEN).await;
    let client = Registered::new(&world, "Till").await;
    let id = ClientId::new(client.text("client_id"));
    let before = world.storage.find_client(&id).await.unwrap().unwrap();
    let mut after = before.clone();
    after.requests.max_expiry = Some(60);
    after.endpoint_audience = true;
    let now = world.clock.now();
    let replaced = world
        .storage
        .replace_client(Replacement { before, after, now })
        .await
        .unwrap();
    assert_eq!(replaced, ReplaceClient::Replaced);
    let mut metadata = client.sent_back();
    metadata["request_max_expiry"] = json!(600);
    let changed = client.call(Method::PUT, &metadata).await;
    assert_eq!(
        changed.status, 200,
        "R-262: it is not known to clients: {}",
        changed.body
    );
    let kept = world.storage.find_client(&id).await.unwrap().unwrap();
    assert_eq!(kept.requests.max_expiry, Some(60), "G-17: the operator's word");
    assert!(kept.endpoint_audience);
}
