//! A backend without the embedded provider: everybody is a person of a realm.

use std::sync::Arc;

use axum::{Router, body::Body, http::Request};
use countersign::{
    app,
    config::Config,
    domain::Payment,
    keys::KeyRing,
    storage::{Role, SqliteStorage},
};
use countersign_clock::{ManualClock, OsRandom};
use countersign_jose::{Algorithm, seal::SealingKey};
use countersign_protocol::{Delivery, PromptState};
use serde_json::json;
use tempfile::TempDir;
use tower::ServiceExt as _;

use crate::{
    connector_world::AtRealm,
    device_actor::TestDevice,
    device_world::{ORIGIN, START},
};

const OFF: &str = "[op]\nenabled = false\n";
const REALM: &str = "[[connectors.keycloak]]\nname = \"acme\"\nissuer = \"https://sso.acme.example/realms/acme\"\ntitle = \"Acme\"\n\
    app_client_id = \"acme-app\"\napp_scope = \"openid email\"\n";

/// Everything that the program serves.
async fn everything(config: &str, folder: &TempDir) -> Router {
    let config = Config::from_toml(config).unwrap();
    let storage = Arc::new(SqliteStorage::open(&folder.path().join("test.db"), Role::Server).unwrap());
    let clock = Arc::new(ManualClock::at(START));
    let keys = KeyRing::open(
        storage.clone(),
        clock.clone(),
        SealingKey::new([7; 32]),
        ORIGIN.to_owned(),
    );
    let keys = Arc::new(keys.await.unwrap());
    let app = app::build(&config, ORIGIN.to_owned(), storage, keys, clock, Arc::new(OsRandom)).unwrap();
    app.router
}

async fn status(router: &Router, method: &str, path: &str) -> u16 {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    router.clone().oneshot(request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn nothing_of_an_embedded_provider_that_is_switched_off_is_there() {
    let (folder, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let all = "auth0_aliases = true\n[registration]\nmode = \"open\"\n";
    let on = everything(&format!("[op]\n{all}{REALM}"), &folder).await;
    let off = everything(&format!("{OFF}{all}{REALM}"), &other).await;
    for (method, path) in [
        ("GET", "/.well-known/openid-configuration"),
        ("GET", "/.well-known/oauth-authorization-server"),
        ("GET", "/jwks"),
        ("GET", "/authorize"),
        ("POST", "/authorize"),
        ("POST", "/sign-in"),
        ("POST", "/token"),
        ("POST", "/oauth/token"),
        ("POST", "/par"),
        ("GET", "/userinfo"),
        ("POST", "/introspect"),
        ("POST", "/revoke"),
        ("POST", "/register"),
        ("POST", "/bc-authorize"),
    ] {
        assert_ne!(status(&on, method, path).await, 404, "{method} {path}");
        assert_eq!(status(&off, method, path).await, 404, "{method} {path}");
    }
    for (method, path) in [
        ("GET", "/.well-known/countersign"),
        ("POST", "/bc-deviceRegistration"),
        ("POST", "/connectors/keycloak/authentication"),
        ("GET", "/health/live"),
        ("GET", "/ad/v1/requests"),
    ] {
        assert_ne!(status(&off, method, path).await, 404, "{method} {path}");
    }
}

#[tokio::test]
async fn the_first_connector_takes_its_place_where_apps_look_for_a_provider() {
    let at = AtRealm::without_embedded().await;
    let request = Request::get("/.well-known/countersign").body(Body::empty()).unwrap();
    let metadata = at.world.send(request).await.json();
    let realm = json!({
        "issuer": at.realm.issuer, "title": "Acme", "client_id": "countersign-app", "scope": "openid profile",
    });
    for member in ["issuer", "client_id", "scope"] {
        assert_eq!(metadata[member], realm[member], "{metadata}");
    }
    assert_eq!(
        metadata["providers"],
        json!([realm]),
        "the embedded one is not among them"
    );
    assert_eq!(metadata["backend"], ORIGIN);
}

#[tokio::test]
async fn devices_of_other_providers_work_without_the_embedded_one() {
    let at = AtRealm::without_embedded().await;
    let device = at.device("anna-uuid").await;
    let handle = at.ask().await;
    let decided = device.approve(&handle).await;
    assert_eq!(decided.status, 200, "{}", decided.json());
    at.world.clock.advance(200);
    assert_eq!(at.pay().await, Payment::Done);
    let settled = at.settled(&handle).await;
    assert_eq!(
        (settled.state, settled.delivery),
        (PromptState::Approved, Some(Delivery::Done))
    );
    let history = device.call("GET", "/ad/v1/history", None).await.json();
    assert_eq!(history["entries"][0]["delivery"], "done", "{history}");
    let listed = device.call("GET", "/ad/v1/devices", None).await;
    assert_eq!(listed.status, 200);
}

/// V-021: an ID token that the embedded provider signed before it was switched off signs nobody in.
#[tokio::test]
async fn nobody_signs_in_at_an_embedded_provider_that_is_switched_off() {
    let at = AtRealm::without_embedded().await;
    let local = TestDevice::stranger(&at.world);
    let answer = local.register(&local.registration("anna")).await;
    answer.refused(401, "invalid_id_token");
    let on = AtRealm::signing(Algorithm::Rs256).await;
    TestDevice::registered(&on.world, "anna").await;
}
