//! Clients that register themselves (RFC 7591), as the libraries of clients do it.

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Method, Request, header},
};
use countersign::{
    domain::{Invitation, TokenHash},
    storage::{Clients as _, Invitations as _},
};
use countersign_clock::Clock as _;
use countersign_jose::{Algorithm, SigningKey, digest};
use countersign_protocol::{CIBA_GRANT, ClientId};
use serde_json::{Value, json};

use crate::op_world::{Answer, ISSUER, START, World, basic, unique};

pub const OPEN: &str = "[registration]\nmode = \"open\"";
const INVITED: &str = "[registration]\nmode = \"token\"";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl World {
    /// A JSON request with a bearer token, as text, so that it can be wrong.
    pub async fn json(&self, method: Method, path: &str, token: Option<&str>, body: &str) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    pub async fn register(&self, metadata: &Value) -> Answer {
        self.json(Method::POST, "/register", None, &metadata.to_string()).await
    }

    async fn invite(&self, token: &str, uses_left: u32) {
        let invitation = Invitation {
            hash: TokenHash(digest::sha256(token)),
            name: token.to_owned(),
            created_at: START,
            expires_at: START + 60_000,
            uses_left,
        };
        assert!(self.storage.add_invitation(invitation).await.unwrap());
    }
}

/// What a client that polls says of itself.
pub fn polling(name: &str) -> Value {
    json!({
        "client_name": name,
        "grant_types": [CIBA_GRANT],
        "response_types": [],
        "backchannel_token_delivery_mode": "poll",
    })
}

/// Proves, G-02: registered with CIBA alone, it asks and gets its tokens in the way it registered.
#[tokio::test]
async fn a_client_that_registered_itself_uses_ciba() {
    let world = World::with(OPEN).await;
    let answer = world.register(&polling("Till")).await;
    assert_eq!(answer.status, 201, "R-021, R-261: {}", answer.body);
    assert_eq!(answer.header(header::CACHE_CONTROL), "no-store", "R-261");
    assert_eq!(answer.header(header::CONTENT_TYPE), "application/json", "R-261");
    let told = answer.json();
    let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
    let (id, secret) = (text("client_id"), text("client_secret"));
    assert_eq!(
        told,
        json!({
            "client_id": id,
            "client_id_issued_at": START / 1000,
            "client_secret": secret,
            "client_secret_expires_at": 0,
            "registration_access_token": text("registration_access_token"),
            "registration_client_uri": format!("{ISSUER}/register/{id}"),
            "client_name": "Till",
            "grant_types": [CIBA_GRANT],
            "response_types": [],
            "scope": "openid profile email",
            "token_endpoint_auth_method": "client_secret_basic",
            "backchannel_token_delivery_mode": "poll",
            "id_token_signed_response_alg": "ES256",
            "subject_type": "public",
        }),
        "R-261, G-02: all that is registered"
    );
    let file = world.file();
    for kept in [&secret, &text("registration_access_token")] {
        assert!(kept.len() >= 43, "R-234: 256 bits");
        let found = file.windows(kept.len()).any(|window| window == kept.as_bytes());
        assert!(!found, "R-263: only hashes are kept");
    }
    let authorization = basic(&id, &secret);
    let headers = [("authorization", authorization.as_str())];
    let ask = [("scope", "openid email"), ("login_hint", "anna")];
    let asked = world.form("/bc-authorize", &headers, &ask).await;
    assert_eq!(asked.status, 200, "R-018: {}", asked.body);
    world.approve().await;
    let auth_req_id = asked.json()["auth_req_id"].as_str().unwrap().to_owned();
    let redeem = [("grant_type", CIBA_GRANT), ("auth_req_id", &auth_req_id)];
    let tokens = world.form("/token", &headers, &redeem).await;
    assert_eq!(tokens.status, 200, "R-019: {}", tokens.body);
    let more = [("scope", "openid payment"), ("login_hint", "anna")];
    let refused = world.form("/bc-authorize", &headers, &more).await;
    refused.refused(400, "invalid_scope", "B-09, C-08: client by client");
}

/// Proves, G-02.
#[tokio::test]
async fn a_client_with_keys_is_pinged_where_it_publishes_them() {
    let world = World::with(OPEN).await;
    let metadata = json!({
        "client_name": "Bank",
        "application_type": "web",
        "grant_types": [CIBA_GRANT, "authorization_code", "refresh_token"],
        "redirect_uris": ["https://bank.example/cb"],
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256",
        "jwks_uri": "https://bank.example/jwks",
        "subject_type": "public",
        "id_token_signed_response_alg": "RS256",
        "backchannel_token_delivery_mode": "ping",
        "backchannel_client_notification_endpoint": "https://bank.example/ciba",
        "backchannel_authentication_request_signing_alg": "ES256",
        "backchannel_user_code_parameter": false,
        "contacts": ["ops@bank.example"],
        "x_unheard_of": {"deep": [1, 2]},
    });
    let answer = world.register(&metadata).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let told = answer.json();
    for (name, value) in metadata.as_object().unwrap() {
        match name.as_str() {
            "x_unheard_of" => assert!(told.get(name).is_none(), "R-262: what is not known is ignored"),
            "backchannel_user_code_parameter" => assert!(told.get(name).is_none(), "R-017: false is the default"),
            _ => assert_eq!(&told[name], value, "G-02: {name}"),
        }
    }
    assert!(told.get("client_secret").is_none() && told.get("client_secret_expires_at").is_none());
    let mut elsewhere = metadata.clone();
    elsewhere["backchannel_client_notification_endpoint"] = json!("https://victim.example/");
    elsewhere["client_name"] = json!("Other bank");
    let refused = world.register(&elsewhere).await;
    refused.refused(400, "invalid_client_metadata", "R-020: somebody else's host");
}

#[tokio::test]
async fn a_client_that_brings_its_keys_authenticates_with_them() {
    let world = World::with(OPEN).await;
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let mut metadata = polling("Keyed");
    metadata["token_endpoint_auth_method"] = json!("private_key_jwt");
    metadata["jwks"] = json!({"keys": [key.public_jwk()]});
    let answer = world.register(&metadata).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.json()["jwks"], metadata["jwks"], "as they came");
    let id = answer.json()["client_id"].clone();
    let now = world.clock.now_seconds();
    let claims = json!({"iss": id, "sub": id, "aud": ISSUER, "exp": now + 60, "jti": unique()});
    let assertion = key.sign("JWT", &claims).unwrap();
    let form = [
        ("scope", "openid"),
        ("login_hint", "anna"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", &assertion),
    ];
    let asked = world.form("/bc-authorize", &[], &form).await;
    assert_eq!(asked.status, 200, "R-042: {}", asked.body);
}

/// Proves.
#[tokio::test]
async fn what_makes_no_client_is_refused_and_leaves_nothing() {
    let world = World::with(OPEN).await;
    let before = world.stored();
    let with = |name: &str, value: Value| {
        let mut metadata = polling("Till");
        metadata[name] = value;
        metadata.to_string()
    };
    let code = json!({"grant_types": ["authorization_code"], "redirect_uris": ["https://x.example/#f"]});
    let big = with("software_id", json!("x".repeat(70_000)));
    for (body, status, code, row) in [
        (
            with("backchannel_token_delivery_mode", json!(["poll"])),
            400,
            "invalid_client_metadata",
            "R-010",
        ),
        (
            with("backchannel_token_delivery_mode", json!("push")),
            400,
            "invalid_client_metadata",
            "R-011",
        ),
        (code.to_string(), 400, "invalid_redirect_uri", "R-261, R-262"),
        (
            with("subject_type", json!("pairwise")),
            400,
            "invalid_client_metadata",
            "R-030: without a jwks_uri",
        ),
        (
            with("software_statement", json!("e30.e30.e30")),
            400,
            "unapproved_software_statement",
            "R-261",
        ),
        (
            with("software_statement", json!("nonsense")),
            400,
            "invalid_software_statement",
            "R-261",
        ),
        (
            with("client_name", json!("Dem\u{43e} Sh0p")),
            400,
            "invalid_client_metadata",
            "S-020: looks like another",
        ),
        (
            "{}".to_owned(),
            400,
            "invalid_redirect_uri",
            "R-262: what nobody says is the code grant",
        ),
        ("[]".to_owned(), 400, "invalid_client_metadata", "no object"),
        (String::new(), 400, "invalid_client_metadata", "no JSON"),
        (
            format!("{}{}", polling("Till"), "{}"),
            400,
            "invalid_client_metadata",
            "two objects",
        ),
        (
            "{\"client_name\":\"a\",\"client_name\":\"b\"}".to_owned(),
            400,
            "invalid_client_metadata",
            "V-014: twice",
        ),
        (
            format!("{}{}", "[".repeat(300), "]".repeat(300)),
            400,
            "invalid_client_metadata",
            "V-034: deep",
        ),
        (big, 413, "invalid_client_metadata", "V-034: large"),
    ] {
        let answer = world.json(Method::POST, "/register", None, &body).await;
        answer.refused(status, code, row);
    }
    let form = world.form("/register", &[], &[("client_name", "Till")]).await;
    form.refused(400, "invalid_client_metadata", "R-261: JSON alone");
    assert_eq!(world.stored(), before, "R-261: nothing of it is stored");
    assert_eq!(world.get("/register").await.status, 405);
}

/// Proves R-261: who is not invited is told so, and an invitation is good for as many clients as it says.
#[tokio::test]
async fn an_invitation_is_needed_where_the_operator_says_so() {
    let world = World::with(INVITED).await;
    world.invite("welcome", 2).await;
    let register = async |token: Option<&str>, name: &str| {
        let metadata = polling(name).to_string();
        world.json(Method::POST, "/register", token, &metadata).await
    };
    for token in [None, Some("guessed"), Some("")] {
        let refused = register(token, "Till").await;
        refused.refused(401, "invalid_token", "R-261: a bad initial access token");
        assert!(refused.header(header::WWW_AUTHENTICATE).starts_with("Bearer"), "R-261");
    }
    let no_good = world.json(Method::POST, "/register", Some("welcome"), "{}").await;
    assert_eq!(no_good.status, 400, "and a slip of the pen uses nothing up");
    assert_eq!(register(Some("welcome"), "Till").await.status, 201);
    assert_eq!(register(Some("welcome"), "Bank").await.status, 201);
    register(Some("welcome"), "Third")
        .await
        .refused(401, "invalid_token", "R-261: used up");
    world.invite("later", 1).await;
    world.clock.advance(60_000);
    register(Some("later"), "Fourth")
        .await
        .refused(401, "invalid_token", "R-261: over");
}

#[tokio::test]
async fn there_is_no_endpoint_where_nobody_may_register() {
    let world = World::new().await;
    assert_eq!(world.register(&polling("Till")).await.status, 404);
    assert_eq!(world.get("/register/shop").await.status, 404);
    let metadata = world.get("/.well-known/openid-configuration").await.json();
    assert!(metadata.get("registration_endpoint").is_none(), "R-260: not announced");
    let open = World::with(OPEN).await;
    let metadata = open.get("/.well-known/openid-configuration").await.json();
    assert_eq!(
        metadata["registration_endpoint"],
        format!("{ISSUER}/register"),
        "R-230, R-260"
    );
}

#[tokio::test]
async fn registrations_are_counted_by_address_and_in_all() {
    let world = World::with(&format!("{OPEN}\nper_hour = 3\nmax_clients = 2")).await;
    let register = async |peer: &str, name: &str| {
        let peer: std::net::SocketAddr = peer.parse().unwrap();
        let request = Request::post("/register").header(header::CONTENT_TYPE, "application/json");
        let request = request.extension(ConnectInfo(peer));
        world
            .send(request.body(Body::from(polling(name).to_string())).unwrap())
            .await
    };
    let one = "192.0.2.1:1000";
    assert_eq!(register(one, "A one").await.status, 201);
    assert_eq!(register(one, "B two").await.status, 201);
    register(one, "C three")
        .await
        .refused(503, "temporarily_unavailable", "there are two");
    let slow = register(one, "D four").await;
    slow.refused(429, "temporarily_unavailable", "the fourth in an hour");
    assert_eq!(slow.header(header::RETRY_AFTER), "3600");
    register("192.0.2.2:1", "E five")
        .await
        .refused(503, "temporarily_unavailable", "another address may try");
    let known = world.storage.list_clients().await.unwrap();
    assert_eq!(known.len(), 3, "the shop and two");
    assert!(
        world
            .storage
            .find_client(&ClientId::from("shop"))
            .await
            .unwrap()
            .is_some()
    );
}
