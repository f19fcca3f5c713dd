//! What the profiles of the Financial-grade API ask of requests, and what they leave of the metadata.

use countersign::domain::Profile;
use countersign_jose::{Algorithm, SigningKey};
use serde_json::json;

use crate::{
    fapi_clients::{fapi_ciba, fapi2},
    mtls_actor::{Authority, Shown, self_signed, settings},
    op_world::{Answer, SECRET, World, basic, shop},
};

async fn ask(world: &World, id: &str, own: &Shown, more: &[(&str, &str)]) -> Answer {
    let form = [&[("client_id", id), ("scope", "openid"), ("login_hint", "anna")], more].concat();
    world.form_with(Some(own), "/bc-authorize", &form).await
}

async fn world(more: &str) -> (World, Shown) {
    let folder = tempfile::tempdir().unwrap();
    let world = World::with(&settings(folder.path(), &Authority::new("authority"), more)).await;
    let own = self_signed(|_| {});
    world.add_client(fapi_ciba("fapi", &own)).await;
    world.add_client(fapi2("fapi2", &own)).await;
    (world, own)
}

#[tokio::test]
async fn a_request_says_what_it_is_about() {
    let (world, own) = world("[op]\nfapi_ciba = \"draft03\"").await;
    for id in ["fapi", "fapi2"] {
        let answer = ask(&world, id, &own, &[]).await;
        answer.refused(400, "invalid_binding_message", &format!("R-201: {id}"));
        let answer = ask(&world, id, &own, &[("binding_message", "")]).await;
        answer.refused(
            400,
            "invalid_binding_message",
            &format!("R-201: {id}: an empty one is none"),
        );
        let answer = ask(&world, id, &own, &[("binding_message", "W4SCT")]).await;
        assert_eq!(answer.status, 200, "R-201, R-221: {id}: {}", answer.body);
    }
    let plain = world
        .post("/bc-authorize", &[("scope", "openid"), ("login_hint", "anna")])
        .await;
    assert_eq!(plain.status, 200, "R-201: others need none");
}

#[tokio::test]
async fn requests_are_signed_where_the_profile_or_the_client_says_so() {
    let (world, own) = world("").await;
    let message = [("binding_message", "W4SCT")];
    let answer = ask(&world, "fapi", &own, &message).await;
    answer.refused(400, "invalid_request", "R-203");
    let answer = ask(&world, "fapi2", &own, &message).await;
    assert_eq!(answer.status, 200, "R-221: {}", answer.body);
    let mut forced = shop("forced");
    forced.requests.signed = true;
    world.add_client(forced).await;
    let form = [("scope", "openid"), ("login_hint", "anna")];
    let answer = world.post_as("forced", "/bc-authorize", &form).await;
    answer.refused(400, "invalid_request", "C-02: forced for one client");
}

/// Clients that were there before the profile was.
#[tokio::test]
async fn an_older_client_is_held_to_the_profile_of_the_provider() {
    let (world, own) = world("[op]\nprofile = \"fapi_ciba\"\nfapi_ciba = \"draft03\"").await;
    let header = basic("shop", SECRET);
    for path in ["/bc-authorize", "/token", "/introspect", "/revoke"] {
        let form = [("token", "x"), ("scope", "openid"), ("login_hint", "anna")];
        let answer = world.form(path, &[("authorization", &header)], &form).await;
        answer.refused(401, "invalid_client", &format!("R-200, R-209: {path}"));
    }
    let mut unbound = fapi_ciba("unbound", &own);
    unbound.profile = Profile::Plain;
    unbound.tokens.certificate_bound = false;
    world.add_client(unbound).await;
    let message = [("binding_message", "W4SCT")];
    let answer = ask(&world, "unbound", &own, &message).await;
    answer.refused(400, "unauthorized_client", "R-209");
    let answer = ask(&world, "fapi", &own, &message).await;
    assert_eq!(answer.status, 200, "R-209: {}", answer.body);
    // The app signs in as before: it is ours, and no client of anybody.
    let app = world
        .get("/authorize?client_id=countersign-app&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcallback")
        .await;
    assert!(!app.body.contains("not known"), "{}", app.body);
}

#[tokio::test]
async fn metadata_lists_only_what_the_profile_allows() {
    for (profile, methods, id_token, code) in [
        (
            "fapi_ciba",
            json!(["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"]),
            json!(["ES256", "PS256"]),
            false,
        ),
        (
            "fapi2",
            json!(["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"]),
            json!(["ES256", "PS256", "EdDSA"]),
            true,
        ),
    ] {
        let (world, _) = world(&format!("[op]\nprofile = \"{profile}\"")).await;
        let metadata = world.get("/.well-known/openid-configuration").await.json();
        for endpoint in ["token", "introspection", "revocation"] {
            let name = format!("{endpoint}_endpoint_auth_methods_supported");
            assert_eq!(metadata[&name], methods, "R-209, R-223: {profile}");
            let name = format!("{endpoint}_endpoint_auth_signing_alg_values_supported");
            let algorithms = metadata[&name].as_array().unwrap();
            assert!(
                !algorithms
                    .iter()
                    .any(|algorithm| algorithm.as_str().unwrap().starts_with("RS")),
                "R-210, R-223: {profile}"
            );
        }
        assert_eq!(
            metadata["id_token_signing_alg_values_supported"], id_token,
            "R-210: {profile}"
        );
        let modes = metadata["backchannel_token_delivery_modes_supported"]
            .as_array()
            .unwrap();
        assert!(!modes.iter().any(|mode| mode == "push"), "R-202: {profile}");
        assert!(modes.iter().any(|mode| mode == "poll"), "R-202: {profile}");
        let grants = metadata["grant_types_supported"].as_array().unwrap();
        assert_eq!(
            grants.iter().any(|grant| grant == "authorization_code"),
            code,
            "{profile}"
        );
        assert!(grants.iter().any(|grant| grant == "refresh_token"), "R-230: {profile}");
        assert!(metadata["authorization_endpoint"].is_string(), "R-230: {profile}");
        assert_eq!(
            metadata["tls_client_certificate_bound_access_tokens"], true,
            "R-230: {profile}"
        );
    }
}

/// Proves R-222: only where the operator follows the draft that has the member.
#[tokio::test]
async fn the_newer_draft_names_kinds_of_hints() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap().public_jwk();
    let key = serde_json::to_value(key).unwrap();
    let issuer = format!(
        "[[op.login_hint_token_issuers]]\nissuer = \"https://hints.example.com\"\n\
         jwks = {{ keys = [{{ kty = \"EC\", crv = \"P-256\", x = {}, y = {} }}] }}\n\
         subjects = {{ iss_sub = \"id\", email = \"email\" }}",
        key["x"], key["y"]
    );
    for (draft, expected) in [("id1", json!(null)), ("draft03", json!(["email", "iss_sub"]))] {
        let (world, _) = world(&format!("[op]\nfapi_ciba = \"{draft}\"\n{issuer}")).await;
        let metadata = world.get("/.well-known/openid-configuration").await.json();
        let kinds = &metadata["backchannel_endpoint_login_hint_token_types_supported"];
        assert_eq!(kinds, &expected, "R-222: {draft}");
    }
}

/// Proves R-212.
#[tokio::test]
async fn calls_to_a_resource_have_a_name() {
    let world = World::new().await;
    let id = world.start(&[]).await;
    world.approve().await;
    let token = world.poll(&id).await.json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let ask = async |more: &[(&str, &str)]| {
        let mut request = axum::http::Request::get("/userinfo").header("authorization", format!("Bearer {token}"));
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        world.send(request.body(axum::body::Body::empty()).unwrap()).await
    };
    let name = "x-fapi-interaction-id";
    let given = "c770aef3-6784-41f7-8e0e-ff5f97bddb3a";
    let answer = ask(&[(name, given)]).await;
    assert_eq!(answer.status, 200, "R-212");
    assert_eq!(answer.headers[name], given, "R-212: the client's own");
    assert_eq!(answer.headers["content-type"], "application/json", "R-212");
    let long = "a".repeat(129);
    let mut made = Vec::new();
    for more in [
        &[][..],
        &[(name, "")],
        &[(name, "a b")],
        &[(name, &long)],
        &[(name, given), (name, given)],
    ] {
        let answer = ask(more).await;
        let id = answer.headers[name].to_str().unwrap().to_owned();
        assert_eq!(id.len(), 36, "R-212: a UUID of ours: {id}");
        made.push(id);
    }
    made.sort();
    made.dedup();
    assert_eq!(made.len(), 5, "R-212: each call another");
    let refused = world.get(&format!("/userinfo?access_token={token}")).await;
    refused.refused(401, "invalid_token", "R-212: tokens in the query are not read");
    assert_eq!(refused.headers[name].len(), 36, "R-212: refusals have one as well");
}
