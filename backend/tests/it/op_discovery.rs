//! What the provider says about itself.

use axum::http::header;

use crate::op_world::{ISSUER, World, shop};

#[tokio::test]
async fn the_provider_says_what_it_really_does() {
    let world = World::new().await;
    let answer = world.get("/.well-known/openid-configuration").await;
    assert_eq!(answer.status, 200, "R-260");
    assert_eq!(answer.header(header::CONTENT_TYPE), "application/json", "R-260");
    let metadata = answer.json();
    assert_eq!(metadata["issuer"], ISSUER, "R-260: the issuer names itself");
    assert_eq!(
        metadata["backchannel_token_delivery_modes_supported"],
        serde_json::json!(["poll", "ping"]),
        "R-002"
    );
    let algorithms = &metadata["backchannel_authentication_request_signing_alg_values_supported"];
    let asymmetric = |alg: &serde_json::Value| alg.as_str().is_some_and(|alg| !alg.starts_with("HS") && alg != "none");
    assert!(
        algorithms.as_array().unwrap().iter().all(asymmetric),
        "R-004: asymmetric only: {algorithms}"
    );
    let members = metadata.as_object().unwrap();
    let own_lists = members
        .keys()
        .filter(|name| name.starts_with("backchannel_authentication_endpoint_auth"));
    assert_eq!(own_lists.count(), 0, "R-007: the token endpoint's lists hold");
    for own in ["countersign", "device"] {
        assert!(
            !answer.body.contains(&format!("\"{own}")),
            "R-231: no member of our own"
        );
    }
    let endpoint = &metadata["backchannel_authentication_endpoint"];
    assert_eq!(
        endpoint,
        &format!("{ISSUER}/bc-authorize"),
        "R-001: an absolute address"
    );
    let grants = metadata["grant_types_supported"].as_array().unwrap();
    assert!(
        grants.iter().any(|grant| grant == countersign_protocol::CIBA_GRANT),
        "R-003"
    );
    assert_eq!(metadata["backchannel_user_code_parameter_supported"], false, "R-006");
    assert_eq!(
        metadata["authorization_response_iss_parameter_supported"], true,
        "R-269"
    );
    assert_eq!(
        metadata["code_challenge_methods_supported"],
        serde_json::json!(["S256"]),
        "R-270"
    );
    // Everything else that clients rely on.
    insta::assert_json_snapshot!(metadata);
    let other = world.get("/.well-known/oauth-authorization-server").await;
    assert_eq!(other.json(), metadata, "R-260: both documents are one");
}

/// Proves G-01, G-03, G-16: `cibaEnabled`, `backchannelAuthenticationEndpoint`, `backchannelTokenDeliveryModesSupported`, `grantTypesSupported`.
#[tokio::test]
async fn what_is_switched_off_is_neither_named_nor_there() {
    let form = [("scope", "openid"), ("login_hint", "anna")];
    let ciba = [("grant_type", countersign_protocol::CIBA_GRANT), ("auth_req_id", "x")];
    let moved = "[op]\nbackchannel_authentication_path = \"/ciba/ask\"\ndelivery_modes = [\"poll\"]";
    let world = World::with(moved).await;
    let metadata = world.get("/.well-known/openid-configuration").await.json();
    let endpoint = &metadata["backchannel_authentication_endpoint"];
    assert_eq!(
        *endpoint,
        format!("{ISSUER}/ciba/ask"),
        "G-16: where the operator wants it"
    );
    let modes = &metadata["backchannel_token_delivery_modes_supported"];
    assert_eq!(*modes, serde_json::json!(["poll"]), "G-01, G-16");
    assert_eq!(world.post("/ciba/ask", &form).await.status, 200, "G-16");
    assert_eq!(world.post("/bc-authorize", &form).await.status, 404, "G-16");
    let mut called = shop("called");
    called.delivery_mode = Some(countersign_protocol::DeliveryMode::Ping);
    world.add_client(called).await;
    let answer = world.post_as("called", "/ciba/ask", &form).await;
    answer.refused(400, "unauthorized_client", "G-03: its mode is not offered any more");
    for off in [
        "[op]\nciba = false",
        "[op]\ngrant_types = [\"authorization_code\", \"refresh_token\"]",
    ] {
        let world = World::with(off).await;
        let metadata = world.get("/.well-known/openid-configuration").await.json();
        let mut names = metadata.as_object().unwrap().keys();
        assert!(!names.any(|name| name.starts_with("backchannel_")), "G-16: {metadata}");
        let grants = &metadata["grant_types_supported"];
        let left = serde_json::json!(["authorization_code", "refresh_token"]);
        assert_eq!(*grants, left, "G-16: people still sign in with the app");
        assert_eq!(world.post("/bc-authorize", &form).await.status, 404, "G-16");
        let answer = world.post("/token", &ciba).await;
        answer.refused(400, "unsupported_grant_type", "G-16");
        assert_eq!(world.get("/jwks").await.status, 200, "G-16: the rest of it is there");
    }
}

#[tokio::test]
async fn every_endpoint_it_names_exists() {
    let world = World::new().await;
    let metadata = world.get("/.well-known/openid-configuration").await.json();
    for (name, url) in metadata.as_object().unwrap() {
        let Some(path) = url.as_str().and_then(|url| url.strip_prefix(ISSUER)) else {
            continue;
        };
        if !path.is_empty() {
            assert_ne!(world.get(path).await.status, 404, "R-001: {name}");
        }
    }
}

#[tokio::test]
async fn keys_are_public_named_and_cached() {
    let world = World::new().await;
    let answer = world.get("/jwks").await;
    assert_eq!(answer.header(header::CACHE_CONTROL), "public, max-age=300");
    let keys = answer.json()["keys"].as_array().unwrap().clone();
    let mut algorithms: Vec<&str> = keys.iter().map(|key| key["alg"].as_str().unwrap()).collect();
    algorithms.sort_unstable();
    assert_eq!(
        algorithms,
        ["ES256", "RS256"],
        "keys for request objects are not among them"
    );
    for key in keys {
        assert!(key["kid"].is_string() && key["use"] == "sig", "R-233: {key}");
        for secret in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(secret).is_none(), "R-233, V-040: {secret} is secret");
        }
    }
}

#[tokio::test]
async fn other_methods_are_not_allowed() {
    let world = World::new().await;
    for path in ["/token", "/bc-authorize", "/introspect", "/revoke", "/sign-in"] {
        assert_eq!(world.get(path).await.status, 405, "R-041: GET {path}");
    }
    for path in ["/jwks", "/.well-known/openid-configuration"] {
        assert_eq!(world.form(path, &[], &[]).await.status, 405, "POST {path}");
    }
    for path in ["/authorize", "/token", "/bc-authorize"] {
        let request = axum::http::Request::options(path).header("origin", "https://evil.example");
        let answer = world.send(request.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 405, "V-037: OPTIONS {path}");
        assert!(
            answer.headers.get("access-control-allow-origin").is_none(),
            "R-270: no CORS"
        );
    }
}
