//! What tokens are good for, and how they end.

use axum::http::header;
use countersign_protocol::CIBA_GRANT;
use serde_json::{Value, json};

use crate::{
    op_browser::{VERIFIER, open},
    op_world::{World, shop},
};

/// Tokens of the shop by way of CIBA, with a refresh token.
async fn by_ciba(world: &World) -> Value {
    let id = world.start(&[]).await;
    world.approve().await;
    world.poll(&id).await.json()
}

async fn with_refresh() -> (World, Value) {
    let world = World::new().await;
    let form = [("scope", "openid profile offline_access"), ("login_hint", "anna")];
    let id = world.post("/bc-authorize", &form).await.json()["auth_req_id"]
        .as_str()
        .unwrap()
        .to_owned();
    world.approve().await;
    let tokens = world.poll(&id).await.json();
    (world, tokens)
}

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap_or_else(|| panic!("no {name} in {tokens}"))
}

async fn refresh(world: &World, client: &str, token: &str) -> crate::op_world::Answer {
    world
        .post_as(
            client,
            "/token",
            &[("grant_type", "refresh_token"), ("refresh_token", token)],
        )
        .await
}

async fn active(world: &World, token: &str) -> bool {
    world.post("/introspect", &[("token", token)]).await.json()["active"]
        .as_bool()
        .unwrap()
}

/// Proves G-19, R-234: a CIBA client that may have a refresh token gets one, and uses it as it is registered.
#[tokio::test]
async fn a_refresh_token_is_replaced_by_each_use() {
    let (world, first) = with_refresh().await;
    world.clock.advance(60_000);
    let answer = refresh(&world, "shop", text(&first, "refresh_token")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let second = answer.json();
    assert_ne!(second["refresh_token"], first["refresh_token"], "R-271: rotated");
    let (old, new) = (text(&first, "id_token"), text(&second, "id_token"));
    let (old, new) = (crate::op_world::claims(old), crate::op_world::claims(new));
    for same in ["iss", "sub", "aud", "auth_time", "acr", "amr"] {
        assert_eq!(old[same], new[same], "R-237: {same}");
    }
    assert_eq!(
        new["iat"].as_i64(),
        old["iat"].as_i64().map(|iat| iat + 60),
        "R-237: new iat"
    );
    let again = refresh(&world, "shop", text(&first, "refresh_token")).await;
    again.refused(400, "invalid_grant", "R-271: used before");
    let ended = refresh(&world, "shop", text(&second, "refresh_token")).await;
    ended.refused(400, "invalid_grant", "R-271: reuse ends the family");
    assert!(
        !active(&world, text(&second, "access_token")).await,
        "R-271: its access tokens too"
    );
}

#[tokio::test]
async fn a_refresh_token_is_its_clients_alone() {
    let (world, tokens) = with_refresh().await;
    world.add_client(shop("other")).await;
    let stolen = refresh(&world, "other", text(&tokens, "refresh_token")).await;
    stolen.refused(400, "invalid_grant", "R-237: another client");
    let more = [
        ("grant_type", "refresh_token"),
        ("refresh_token", text(&tokens, "refresh_token")),
        ("scope", "openid payment"),
    ];
    world
        .post("/token", &more)
        .await
        .refused(400, "invalid_scope", "more than was granted");
    let answer = refresh(&world, "shop", text(&tokens, "refresh_token")).await;
    assert_eq!(answer.status, 200, "none of this used it up: {}", answer.body);
}

#[tokio::test]
async fn without_offline_access_there_is_no_refresh_token() {
    let world = World::new().await;
    assert!(by_ciba(&world).await.get("refresh_token").is_none());
}

#[tokio::test]
async fn codes_bring_refresh_tokens_too() {
    let world = World::new().await;
    for (scope, there) in [("openid", false), ("openid offline_access", true)] {
        let redirect = ("redirect_uri", "https://shop.example/cb");
        let code = open(&world, &[("client_id", "shop"), redirect, ("scope", scope)])
            .await
            .sign_in(&world)
            .await;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            redirect,
            ("code_verifier", VERIFIER),
        ];
        let tokens = world.post("/token", &form).await.json();
        assert_eq!(tokens.get("refresh_token").is_some(), there, "{scope}: {tokens}");
    }
}

#[tokio::test]
async fn userinfo_says_what_the_scope_allows() {
    let world = World::new().await;
    for (scope, expected) in [
        ("openid", json!({"sub": "sub-anna"})),
        (
            "openid profile",
            json!({"sub": "sub-anna", "name": "anna Example", "preferred_username": "anna"}),
        ),
        (
            "openid email phone",
            json!({"sub": "sub-anna", "email": "anna@mail.example", "phone_number": "+49anna"}),
        ),
    ] {
        let id = world
            .post("/bc-authorize", &[("scope", scope), ("login_hint", "anna")])
            .await
            .json();
        world.approve().await;
        let tokens = world.poll(id["auth_req_id"].as_str().unwrap()).await.json();
        let bearer = format!("bearer {}", text(&tokens, "access_token"));
        let answer = world.form("/userinfo", &[("authorization", &bearer)], &[]).await;
        assert_eq!(
            answer.json(),
            expected,
            "R-234: {scope}, whatever the case of the scheme"
        );
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
    }
}

#[tokio::test]
async fn userinfo_takes_the_token_in_the_header_alone() {
    let world = World::new().await;
    let tokens = by_ciba(&world).await;
    let token = text(&tokens, "access_token");
    let query = world.get(&format!("/userinfo?access_token={token}")).await;
    query.refused(401, "invalid_token", "not in the address");
    assert!(
        query.header(header::WWW_AUTHENTICATE).starts_with("Bearer"),
        "RFC 6750 section 3"
    );
    world
        .form("/userinfo", &[], &[("access_token", token)])
        .await
        .refused(401, "invalid_token", "not in the body");
    world.clock.advance(600_000);
    let late = world
        .form("/userinfo", &[("authorization", &format!("Bearer {token}"))], &[])
        .await;
    late.refused(401, "invalid_token", "over");
}

#[tokio::test]
async fn a_client_learns_about_its_own_tokens_only() {
    let (world, tokens) = with_refresh().await;
    world.add_client(shop("other")).await;
    let mine = world
        .post("/introspect", &[("token", text(&tokens, "access_token"))])
        .await;
    insta::assert_json_snapshot!(mine.json());
    let refresh = world
        .post("/introspect", &[("token", text(&tokens, "refresh_token"))])
        .await
        .json();
    assert_eq!((&refresh["active"], refresh.get("token_type")), (&json!(true), None));
    for token in [text(&tokens, "access_token"), text(&tokens, "refresh_token"), "unknown"] {
        let answer = world.post_as("other", "/introspect", &[("token", token)]).await;
        assert_eq!(
            answer.json(),
            json!({"active": false}),
            "RFC 7662 section 2.2: nothing but that"
        );
    }
    let form = [
        ("token", text(&tokens, "access_token")),
        ("client_id", "countersign-app"),
    ];
    world
        .form("/introspect", &[], &form)
        .await
        .refused(401, "invalid_client", "public clients do not introspect");
}

#[tokio::test]
async fn revocation_ends_a_token_and_a_refresh_token_ends_all() {
    let (world, tokens) = with_refresh().await;
    world.add_client(shop("other")).await;
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    for (client, token) in [("other", access), ("other", refresh), ("shop", "unknown")] {
        let answer = world.post_as(client, "/revoke", &[("token", token)]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.body.as_str()),
            (200, ""),
            "RFC 7009 section 2.2"
        );
    }
    assert!(
        active(&world, access).await && active(&world, refresh).await,
        "others revoke nothing"
    );
    let hint = ("token_type_hint", "refresh_token");
    assert_eq!(world.post("/revoke", &[("token", access), hint]).await.status, 200);
    assert!(
        !active(&world, access).await && active(&world, refresh).await,
        "an access token goes alone"
    );
    let next = self::refresh(&world, "shop", refresh).await.json();
    assert_eq!(
        world
            .post("/revoke", &[("token", text(&next, "refresh_token"))])
            .await
            .status,
        200
    );
    assert!(
        !active(&world, text(&next, "access_token")).await,
        "RFC 7009 section 2.1: with its family"
    );
}

/// Proves V-015.
#[tokio::test]
async fn no_token_passes_for_another() {
    let (world, tokens) = with_refresh().await;
    let pending = world.start(&[]).await;
    let code = open(&world, &[]).await.sign_in(&world).await;
    let kinds = [
        ("access_token", text(&tokens, "access_token")),
        ("refresh_token", text(&tokens, "refresh_token")),
        ("id_token", text(&tokens, "id_token")),
        ("auth_req_id", &pending),
        ("code", &code),
    ];
    for (kind, token) in kinds {
        let why = format!("V-015: {kind} in another's place");
        if kind != "access_token" {
            let answer = world
                .form("/userinfo", &[("authorization", &format!("Bearer {token}"))], &[])
                .await;
            answer.refused(401, "invalid_token", &why);
        }
        if kind != "refresh_token" {
            let answer = refresh(&world, "shop", token).await;
            assert_ne!(answer.status, 200, "{why}");
        }
        if kind != "auth_req_id" {
            let answer = world
                .post("/token", &[("grant_type", CIBA_GRANT), ("auth_req_id", token)])
                .await;
            assert!(
                ["invalid_grant", "invalid_request"].contains(&answer.error().as_str()),
                "{why}: {}",
                answer.body
            );
        }
        if kind != "code" {
            let answer = crate::op_browser::exchange(&world, token, &[]).await;
            assert!(
                ["invalid_grant", "invalid_request"].contains(&answer.error().as_str()),
                "{why}: {}",
                answer.body
            );
        }
        let assertion = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let form = [
            ("token", "x"),
            ("client_assertion_type", assertion),
            ("client_assertion", token),
        ];
        world
            .form("/introspect", &[], &form)
            .await
            .refused(401, "invalid_client", &why);
    }
    assert!(
        active(&world, text(&tokens, "access_token")).await,
        "nothing was used up or revoked"
    );
    world
        .poll(&pending)
        .await
        .refused(400, "authorization_pending", "nothing changed");
}
