//! Whoever is not Keycloak, or not the person that Keycloak asks for, gets nowhere.

use countersign_e2e::{
    Backend, Keycloak,
    fault::with_text,
    http,
    raw_device::{Answer, answered, random_text},
};
use countersign_jose::{Algorithm, SigningKey, b64};
use countersign_protocol::{DecisionRequest, Verdict};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Sends an intake as Keycloak does.
async fn hand_in(backend: &Backend, bearer: &str, body: &str) -> Answer {
    let url = format!("{}/connectors/keycloak/authentication", backend.origin);
    let request = http().post(url).bearer_auth(bearer);
    answered(with_text(request, body.to_owned())).await
}

/// What Keycloak sends for Anna, in the words of somebody else.
const FORGED: &str = r#"{"scope":"openid profile","binding_message":"FORGED-1","login_hint":"anna","is_consent_required":false,"acr_values":null}"#;

/// The bearer token with another header and other claims, and the signature that it had.
fn with(bearer: &str, header: &Value, claims: &Value) -> String {
    let signature = bearer.rsplit('.').next().unwrap_or_default();
    let part = |value: &Value| b64::encode(value.to_string());
    format!("{}.{}.{signature}", part(header), part(claims))
}

/// V-013: an intake is taken from the realm alone, and only with a token that the realm made for this.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_intake_is_refused_and_nobody_is_asked() {
    let keycloak = Keycloak::borrow().await;
    keycloak.relay.acknowledge();
    for realm in ["acme", "beta"] {
        let (status, body) = keycloak.ask(realm, &[]).await;
        assert_eq!(status, StatusCode::OK, "{body}");
    }
    let [real, of_beta] = [keycloak.relay.intake(1).await, keycloak.relay.intake(2).await];
    let backend = keycloak.backend(&["acme"]);
    let phone = keycloak.phone(&backend, "acme", "anna").await;
    let (header, claims) = (real.header(), real.claims());
    let key = SigningKey::generate(Algorithm::Es256).expect("a key can be made");
    let changed = |member: &str, value: Value| {
        let mut claims = claims.clone();
        claims[member] = value;
        claims
    };
    let none = with("x.y.", &json!({ "alg": "none", "typ": "JWT" }), &claims);
    let by_another_key = key.sign("JWT", &claims).expect("a token can be signed");
    let tokens = keycloak.tokens("acme", &Keycloak::person("anna"), "nonce").await;
    let text = |name: &str| tokens[name].as_str().expect("Keycloak gives all three").to_owned();
    let in_anothers_name = key.sign("JWT", &changed("iss", json!("http://127.0.0.1:9/realms/acme")));
    let forged = [
        ("nothing", String::new()),
        ("no token", "x.y.z".to_owned()),
        ("alg none", none),
        ("another key", by_another_key),
        (
            "another key with the realm's kid",
            with(&key.sign("JWT", &claims).expect("signed"), &header, &claims),
        ),
        ("another issuer", in_anothers_name.expect("a token can be signed")),
        ("the token of a realm that is not ours", of_beta.bearer.clone()),
        (
            "another realm's token in this realm's name",
            with(&of_beta.bearer, &of_beta.header(), &claims),
        ),
        (
            "another person",
            with(&real.bearer, &header, &changed("sub", json!(random_text()))),
        ),
        (
            "a longer life",
            with(&real.bearer, &header, &changed("exp", json!(4_000_000_000_u64))),
        ),
        ("an access token", text("access_token")),
        ("an ID token", text("id_token")),
        ("a refresh token", text("refresh_token")),
    ];
    for (what, bearer) in forged {
        let (status, answer) = hand_in(&backend, &bearer, FORGED).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "V-013: {what}: {answer}");
    }
    assert!(phone.pending().await.is_empty(), "V-013: nobody is asked");
    let log = backend.log();
    assert!(!log.contains("FORGED-1"), "V-013: no message in the log");
    let (status, answer) = hand_in(&backend, &real.bearer, &real.body).await;
    assert_eq!(
        status,
        StatusCode::CREATED,
        "the real one would have been taken: {answer}"
    );
}

/// V-013: who steals the bearer token on its way can neither double the question nor change it, and finds nothing in the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_intake_asks_nobody_again_and_changes_nothing() {
    let keycloak = Keycloak::borrow().await;
    let backend = keycloak.backend(&["acme"]);
    let phone = keycloak.phone(&backend, "acme", "anna").await;
    let (status, started) = keycloak.ask("acme", &[("binding_message", "W4SCT")]).await;
    assert_eq!(status, StatusCode::OK, "{started}");
    let stolen = keycloak.relay.intake(1).await;
    let before = phone.waiting().await;
    let (status, answer) = hand_in(&backend, &stolen.bearer, &stolen.body).await;
    assert_eq!(
        status,
        StatusCode::CREATED,
        "the same again is taken for the same: {answer}"
    );
    assert_eq!(phone.waiting().await.handle, before.handle, "V-013: one question");
    let (status, answer) = hand_in(&backend, &stolen.bearer, FORGED).await;
    assert!(
        status.is_client_error(),
        "V-013: another question with the same token: {status} {answer}"
    );
    let shown = phone.waiting().await;
    assert_eq!(
        shown.handle, before.handle,
        "V-013: the person is asked what Keycloak asked"
    );
    phone.decide(Verdict::Approve, None).await;
    let (_, log) = (phone.pending().await, backend.log());
    for secret in [stolen.bearer.as_str(), "W4SCT", "FORGED-1"] {
        assert!(!log.contains(secret), "V-013: neither token nor message is in the log");
    }
    let (status, _) = hand_in(&backend, &stolen.bearer, &stolen.body).await;
    assert!(
        phone.pending().await.is_empty(),
        "V-013: what is decided is not asked again: {status}"
    );
}

/// V-012, S-092: only the devices of the person whom Keycloak names see the request, and only they decide it.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_device_neither_sees_nor_decides_a_request_of_keycloak() {
    let keycloak = Keycloak::borrow().await;
    let backend = keycloak.backend(&["acme", "beta"]);
    let phone = keycloak.phone(&backend, "acme", "anna").await;
    let strangers = [
        keycloak.phone(&backend, "acme", "bert").await,
        keycloak.phone(&backend, "beta", "anna").await,
    ];
    let (_, started) = keycloak.ask("acme", &[]).await;
    let pending = phone.waiting().await;
    for stranger in &strangers {
        assert!(stranger.pending().await.is_empty(), "V-012: not listed");
        let path = format!("/ad/v1/requests/{}", pending.handle);
        let (status, _) = stranger.call(Method::GET, &path, None).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "V-012: not shown");
        for verdict in [Verdict::Approve, Verdict::Deny] {
            let own = stranger.decision(&pending, verdict, None);
            let (status, answer) = stranger.submit(&pending.handle, &own).await;
            assert!(status.is_client_error(), "V-012: not decided: {answer}");
            let claims = phone.claims(&pending, verdict, None);
            let in_annas_name = stranger.sign(&pending, &claims);
            let (status, answer) = stranger.submit(&pending.handle, &in_annas_name).await;
            assert!(status.is_client_error(), "V-012: nor in her name: {answer}");
        }
    }
    let (status, body) = keycloak.redeem("acme", &started).await;
    assert_eq!(
        (status, &body["error"]),
        (StatusCode::BAD_REQUEST, &json!("authorization_pending")),
        "S-092: nobody told Keycloak"
    );
    phone.decide(Verdict::Approve, None).await;
}

/// S-092: the same decision again is the same decision; Keycloak, which forgets what it is told twice, is told once.
#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_is_sent_again_is_not_told_again() {
    let keycloak = Keycloak::borrow().await;
    let backend = keycloak.backend(&["acme"]);
    let phone = keycloak.phone(&backend, "acme", "anna").await;
    let mut shop = keycloak.shop("acme", &json!({}));
    shop.started().await;
    let pending = phone.waiting().await;
    let decision: DecisionRequest = phone.decision(&pending, Verdict::Approve, None);
    for _ in 0..5 {
        let (status, answer) = phone.submit(&pending.handle, &decision).await;
        assert_eq!(
            (status, &answer["state"]),
            (StatusCode::OK, &json!("approved")),
            "{answer}"
        );
    }
    let denial = phone.decision(&pending, Verdict::Deny, None);
    let (status, answer) = phone.submit(&pending.handle, &denial).await;
    assert_eq!(status, StatusCode::CONFLICT, "S-092: it is decided: {answer}");
    let result = shop.result().await;
    assert_eq!(result["ok"], true, "S-092: told once: {result}");
}
