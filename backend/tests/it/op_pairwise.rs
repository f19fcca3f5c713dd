//! Pairwise subjects: each sector knows a person by a name of its own.

use std::sync::Arc;

use countersign::{
    config::Config,
    domain::{Client, ClientAuthMethod, KeyPurpose},
    op::check_sector,
    outbound::{Outbound, SystemLookup},
};
use countersign_clock::Clock as _;
use countersign_jose::{Algorithm, SigningKey};
use countersign_protocol::{CIBA_GRANT, DeliveryMode, OAuthErrorCode};
use serde_json::{Value, json};

use crate::{
    op_browser::{VERIFIER, open},
    op_world::{Answer, ISSUER, World, claims, shop, unique},
    publisher::{ALLOW, Page, Publisher},
};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const LOCAL: &str = "sub-anna";

/// A provider, and clients with pairwise subjects whose keys stand at one host.
struct Pairwise {
    world: World,
    host: Publisher,
    key: SigningKey,
}

impl Pairwise {
    async fn new() -> Self {
        let world = World::with(ALLOW).await;
        let host = Publisher::start().await;
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        host.publish("/jwks", &[&key]);
        Self { world, host, key }
    }

    fn client(&self, id: &str) -> Client {
        let mut client = Client {
            auth_method: ClientAuthMethod::PrivateKeyJwt,
            jwks_uri: Some(self.host.at("/jwks")),
            ..shop(id)
        };
        client.tokens.pairwise = true;
        client
    }

    /// A client in the sector of `host`.
    async fn in_sector(&self, id: &str, host: &str) {
        let mut client = self.client(id);
        client.tokens.sector_identifier_uri = Some(format!("https://{host}/clients").parse().unwrap());
        self.world.add_client(client).await;
    }

    async fn post(&self, id: &str, path: &str, form: &[(&str, &str)]) -> Answer {
        let now = self.world.clock.now_seconds();
        let claims = json!({"iss": id, "sub": id, "aud": ISSUER, "exp": now + 60, "iat": now, "jti": unique()});
        let assertion = self.key.sign("JWT", &claims).unwrap();
        let own = [
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", assertion.as_str()),
        ];
        self.world.form(path, &[], &[form, &own].concat()).await
    }

    /// Tokens for the person whom `hint` names.
    async fn tokens(&self, id: &str, hint: &str) -> Value {
        let form = [("scope", "openid profile offline_access"), ("login_hint", hint)];
        let answer = self.post(id, "/bc-authorize", &form).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let answer = answer.json();
        let auth_req_id = answer["auth_req_id"].as_str().unwrap();
        self.world.approve().await;
        let form = [("grant_type", CIBA_GRANT), ("auth_req_id", auth_req_id)];
        let answer = self.post(id, "/token", &form).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    async fn userinfo(&self, tokens: &Value) -> Value {
        let bearer = format!("Bearer {}", text(tokens, "access_token"));
        self.world
            .form("/userinfo", &[("authorization", &bearer)], &[])
            .await
            .json()
    }
}

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap_or_else(|| panic!("no {name} in {tokens}"))
}

fn sub(tokens: &Value) -> String {
    claims(text(tokens, "id_token"))["sub"].as_str().unwrap().to_owned()
}

/// G-18: pairwise subjects.
#[tokio::test]
async fn a_sector_knows_a_person_by_one_name_and_another_by_another() {
    let pairwise = Pairwise::new().await;
    pairwise.in_sector("bank", "bank.example").await;
    pairwise.in_sector("bank-too", "bank.example").await;
    pairwise.in_sector("clinic", "clinic.example").await;
    pairwise.world.add_client(pairwise.client("by-its-keys")).await;
    let mut names = Vec::new();
    for id in ["bank", "bank-too", "clinic", "by-its-keys"] {
        names.push(sub(&pairwise.tokens(id, "anna").await));
    }
    assert_eq!(names[0], names[1], "R-035: one sector");
    assert_ne!(names[0], names[2], "R-035: another sector");
    assert_ne!(names[0], names[3], "R-035: another sector");
    for name in &names {
        assert!(!name.contains(LOCAL) && name.len() <= 255, "R-035: {name}");
    }
    assert_eq!(
        sub(&pairwise.tokens("bank", "anna").await),
        names[0],
        "R-035: the same again"
    );
}

/// the sector of a CIBA client is the host of its keys, whatever else stands in its registration.
#[tokio::test]
async fn the_host_of_the_keys_is_the_sector() {
    let pairwise = Pairwise::new().await;
    pairwise.world.add_client(pairwise.client("polled")).await;
    let mut pinged = pairwise.client("pinged");
    pinged.delivery_mode = Some(DeliveryMode::Ping);
    pinged.notification_endpoint = Some("https://elsewhere.example/cb".parse().unwrap());
    pairwise.world.add_client(pinged).await;
    pairwise.in_sector("named", "127.0.0.1").await;
    let polled = sub(&pairwise.tokens("polled", "anna").await);
    assert_eq!(polled, sub(&pairwise.tokens("named", "anna").await), "R-031: the host");
    let form = [
        ("scope", "openid"),
        ("login_hint", "anna"),
        ("client_notification_token", "0123456789abcdef0123456789abcdef"),
    ];
    let answer = pairwise.post("pinged", "/bc-authorize", &form).await.json();
    pairwise.world.approve().await;
    let form = [
        ("grant_type", CIBA_GRANT),
        ("auth_req_id", text(&answer, "auth_req_id")),
    ];
    let tokens = pairwise.post("pinged", "/token", &form).await.json();
    assert_eq!(polled, sub(&tokens), "R-031: ping as poll");
}

#[tokio::test]
async fn nothing_that_a_client_is_told_has_the_persons_own_name() {
    let pairwise = Pairwise::new().await;
    pairwise.in_sector("bank", "bank.example").await;
    let tokens = pairwise.tokens("bank", "anna").await;
    let name = sub(&tokens);
    let access = [("token", text(&tokens, "access_token"))];
    let introspected = pairwise.post("bank", "/introspect", &access).await.json();
    assert_eq!(introspected["sub"], name.as_str(), "R-035: introspection");
    let refresh = [("token", text(&tokens, "refresh_token"))];
    let introspected = pairwise.post("bank", "/introspect", &refresh).await.json();
    assert_eq!(
        introspected["sub"],
        name.as_str(),
        "R-035: introspection of a refresh token"
    );
    let userinfo = pairwise.userinfo(&tokens).await;
    assert_eq!(userinfo["sub"], name.as_str(), "R-035: userinfo");
    for told in [&introspected, &userinfo, &claims(text(&tokens, "id_token")), &tokens] {
        assert!(!told.to_string().contains(LOCAL), "R-035: {told}");
    }
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", text(&tokens, "refresh_token")),
    ];
    let refreshed = pairwise.post("bank", "/token", &form).await.json();
    assert_eq!(sub(&refreshed), name, "R-035, R-237: after a refresh");
    let redirect = ("redirect_uri", "https://shop.example/cb");
    let page = open(&pairwise.world, &[("client_id", "bank"), redirect, ("scope", "openid")]).await;
    let code = page.sign_in(&pairwise.world).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        redirect,
        ("code_verifier", VERIFIER),
    ];
    let by_code = pairwise.post("bank", "/token", &form).await.json();
    assert_eq!(sub(&by_code), name, "R-035: by way of the browser");
    // Who is public stays public.
    let id = pairwise.world.start(&[]).await;
    pairwise.world.approve().await;
    assert_eq!(sub(&pairwise.world.poll(&id).await.json()), LOCAL);
}

#[tokio::test]
async fn names_outlive_the_keys_that_sign() {
    const ANNOUNCE: i64 = 600_000;
    let pairwise = Pairwise::new().await;
    pairwise.in_sector("bank", "bank.example").await;
    let before = sub(&pairwise.tokens("bank", "anna").await);
    let keys = &pairwise.world.keys;
    keys.rotate(KeyPurpose::IdToken(Algorithm::Es256), ANNOUNCE)
        .await
        .unwrap();
    pairwise.world.clock.advance(ANNOUNCE);
    keys.rotate(KeyPurpose::IdToken(Algorithm::Es256), ANNOUNCE)
        .await
        .unwrap();
    assert_eq!(sub(&pairwise.tokens("bank", "anna").await), before, "R-035: for ever");
}

#[tokio::test]
async fn a_client_names_a_person_as_it_knows_them() {
    let pairwise = Pairwise::new().await;
    pairwise.in_sector("bank", "bank.example").await;
    pairwise.in_sector("clinic", "clinic.example").await;
    let bank = sub(&pairwise.tokens("bank", "anna").await);
    let clinic = sub(&pairwise.tokens("clinic", "anna").await);
    let hint = |sub: &str| json!({"format": "iss_sub", "iss": ISSUER, "sub": sub}).to_string();
    assert_eq!(
        sub(&pairwise.tokens("bank", &hint(&bank)).await),
        bank,
        "R-035: there and back"
    );
    for foreign in [clinic.as_str(), LOCAL, "", "AAAA", &bank[1..]] {
        let hint = hint(foreign);
        let form = [("scope", "openid"), ("login_hint", hint.as_str())];
        let answer = pairwise.post("bank", "/bc-authorize", &form).await;
        answer.refused(
            400,
            "unknown_user_id",
            &format!("R-035: no name in this sector: {foreign:?}"),
        );
    }
}

/// otherwise whoever names another's `jwks_uri` would learn that one's names of people.
#[tokio::test]
async fn only_a_key_of_the_jwks_uri_opens_the_sector() {
    let pairwise = Pairwise::new().await;
    let world = &pairwise.world;
    let before = |id| pairwise.client(id);
    for (id, method) in [
        ("basic", ClientAuthMethod::ClientSecretBasic),
        ("post", ClientAuthMethod::ClientSecretPost),
    ] {
        let client = Client {
            auth_method: method,
            ..before(id)
        };
        world.add_client(client).await;
    }
    let mut inline = before("inline");
    inline.jwks_uri = None;
    inline.jwks = Some(json!({"keys": [pairwise.key.public_jwk()]}));
    world.add_client(inline).await;
    let form = [("scope", "openid"), ("login_hint", "anna")];
    let stored = world.stored();
    let answer = world.post_as("basic", "/bc-authorize", &form).await;
    answer.refused(400, "invalid_request", "R-034: a secret by Basic");
    let secret = [
        form[0],
        form[1],
        ("client_id", "post"),
        ("client_secret", crate::op_world::SECRET),
    ];
    let answer = world.form("/bc-authorize", &[], &secret).await;
    answer.refused(400, "invalid_request", "R-034: a secret in the form");
    assert_eq!(world.stored(), stored, "R-034: and nobody was asked");
    let answer = pairwise.post("inline", "/bc-authorize", &form).await;
    answer.refused(400, "invalid_request", "R-034: a key that is published nowhere");
}

#[tokio::test]
async fn a_sector_is_checked_when_a_client_is_registered() {
    let pairwise = Pairwise::new().await;
    let host = &pairwise.host;
    let config = Config::from_toml(ALLOW).unwrap();
    let outbound = Outbound::new(&config.outbound, Arc::new(SystemLookup)).unwrap();
    let keys = host.at("/jwks");
    let push = "https://push.example/cb";
    let web = "https://shop.example/cb";
    let listing = |entries: &[&str]| Page::Json(json!(entries));
    let raw = |text: &str| Page::Raw(200, "application/json", text.to_owned());
    let polled = Some(DeliveryMode::Poll);
    let pushed = Some(DeliveryMode::Push);
    for (mode, page, fits, why) in [
        (polled, listing(&[keys.as_str(), web]), true, "R-033: jwks_uri"),
        (pushed, listing(&[push, web]), true, "R-033: notification endpoint"),
        (polled, listing(&[push, web]), false, "R-033: no jwks_uri"),
        (
            pushed,
            listing(&[keys.as_str(), web]),
            false,
            "R-033: no notification endpoint",
        ),
        (polled, listing(&[keys.as_str()]), false, "R-033: no redirect_uri"),
        (polled, listing(&[]), false, "R-033: nothing"),
        (polled, Page::Json(json!({"jwks_uri": keys})), false, "R-033: no array"),
        (
            polled,
            Page::Json(json!([keys, web, 1])),
            false,
            "R-033: not only addresses",
        ),
        (polled, raw("[\"https://shop.example/cb\""), false, "R-033: no JSON"),
        (
            polled,
            Page::Raw(404, "application/json", "[]".to_owned()),
            false,
            "R-033: not there",
        ),
        (polled, Page::Elsewhere(302, "/jwks"), false, "V-004: elsewhere"),
        (polled, Page::Endless, false, "R-033: without end"),
    ] {
        let mut client = pairwise.client("new");
        client.delivery_mode = mode;
        client.notification_endpoint = Some(push.parse().unwrap());
        client.tokens.sector_identifier_uri = Some(host.put("/sector", page));
        let verdict = check_sector(&outbound, &client).await;
        assert_eq!(verdict.is_ok(), fits, "{why}: {verdict:?}");
        let code = verdict.err().map(|refusal| refusal.code);
        assert!(
            code.is_none_or(|code| code == OAuthErrorCode::InvalidClientMetadata),
            "{why}"
        );
    }
    for mode in [polled, Some(DeliveryMode::Ping), None] {
        let mut client = pairwise.client("new");
        client.delivery_mode = mode;
        client.jwks_uri = None;
        assert!(
            check_sector(&outbound, &client).await.is_err(),
            "R-030: {mode:?} without a jwks_uri"
        );
        client.tokens.pairwise = false;
        assert!(
            check_sector(&outbound, &client).await.is_ok(),
            "R-030: who is public needs none"
        );
    }
    let mut client = pairwise.client("new");
    assert!(
        check_sector(&outbound, &client).await.is_err(),
        "R-035: addresses at two hosts"
    );
    client.redirect_uris.clear();
    assert!(
        check_sector(&outbound, &client).await.is_ok(),
        "R-031: the host of its keys alone"
    );
    client.tokens.sector_identifier_uri = Some("http://127.0.0.2/sector".parse().unwrap());
    assert!(
        check_sector(&outbound, &client).await.is_err(),
        "V-003: an address that must not be called"
    );
}
