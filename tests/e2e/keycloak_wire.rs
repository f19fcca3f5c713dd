//! What Keycloak says and how it answers: what our connector for it takes for granted, asked of the real one.

use countersign_e2e::{Keycloak, http, raw_device::answered};
use countersign_jose::{Algorithm, Expect, JwkSet, Typ, verify_with_set};
use reqwest::StatusCode;
use serde_json::{Value, json};

/// The bearer token is signed by its realm and names it twice; with what else the realm signs it cannot be confused.
#[tokio::test]
async fn keycloak_introduces_itself_with_a_token_of_the_realm() {
    let keycloak = Keycloak::borrow().await;
    keycloak.relay.acknowledge();
    for (index, (realm, algorithm)) in [("acme", Algorithm::Rs256), ("beta", Algorithm::Es256)]
        .into_iter()
        .enumerate()
    {
        let (status, body) = keycloak
            .ask(
                realm,
                &[
                    ("binding_message", "W4SCT"),
                    ("requested_expiry", "30"),
                    ("amount", "100"),
                ],
            )
            .await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let intake = keycloak.relay.intake(index + 1).await;
        let keys = http()
            .get(format!("{}/protocol/openid-connect/certs", keycloak.issuer(realm)))
            .send()
            .await;
        let keys: JwkSet = keys
            .expect("the keys answer")
            .json()
            .await
            .expect("a JWK Set, whatever else is in it");
        let expect = Expect {
            typ: Typ::OneOfOrAbsent(&["JWT"]),
            algs: &[algorithm],
            max_len: 16_384,
        };
        let verified = verify_with_set(&intake.bearer, &expect, &keys).expect("the realm has signed it");
        let claims: Value = verified.claims().expect("claims are JSON");
        let issuer = keycloak.issuer(realm);
        assert_eq!(
            (&claims["iss"], &claims["aud"]),
            (&json!(issuer), &json!(issuer)),
            "the realm speaks to itself"
        );
        assert_eq!(
            (&claims["typ"], &claims["azp"]),
            (&json!("Bearer"), &json!("shop")),
            "for the client"
        );
        assert!(claims["jti"].is_string() && claims["sub"].is_string(), "{claims}");
        let lifetime = claims["exp"]
            .as_i64()
            .zip(claims["iat"].as_i64())
            .map(|(exp, iat)| exp - iat);
        assert_eq!(
            lifetime,
            Some(30),
            "exp is the real deadline, whatever the client is told: {body}"
        );
        let sent = intake.json();
        let expected = ["login_hint", "binding_message", "amount"].map(|name| sent[name].clone());
        assert_eq!(
            expected,
            [json!("anna"), json!("W4SCT"), json!("100")],
            "what the client sends arrives: {sent}"
        );
        assert_eq!(
            sent["acr_values"],
            Value::Null,
            "what it did not send arrives as null: {sent}"
        );
    }
}

/// The reason for our grace after an acknowledgement, and for telling a result once and never again.
#[tokio::test]
async fn keycloak_knows_a_request_after_our_answer_and_forgets_it_when_it_is_told_twice() {
    let keycloak = Keycloak::borrow().await;
    keycloak.relay.acknowledge();
    keycloak.relay.hold_answers();
    let ask = keycloak.ask("acme", &[]);
    let early = async {
        let bearer = keycloak.relay.intake(1).await.bearer;
        let answer = keycloak.tell(&bearer, "SUCCEED").await;
        keycloak.relay.let_answers_through();
        (bearer, answer)
    };
    let ((status, started), (bearer, (refused, body))) = tokio::join!(ask, early);
    assert_eq!(status, StatusCode::OK, "{started}");
    assert_eq!(
        (refused, &body["error"]),
        (StatusCode::FORBIDDEN, &json!("invalid_token")),
        "before our 201 it is unknown"
    );
    assert_eq!(
        keycloak.tell(&bearer, "SUCCEED").await.0,
        StatusCode::OK,
        "afterwards it is taken"
    );
    assert_eq!(
        keycloak.tell(&bearer, "SUCCEED").await.0,
        StatusCode::FORBIDDEN,
        "a second time is refused"
    );
    let (status, body) = keycloak.redeem("acme", &started).await;
    assert_eq!(
        (status, &body["error"]),
        (StatusCode::BAD_REQUEST, &json!("invalid_grant")),
        "and the approval is gone"
    );
}

/// Whatever is not 201 ends the request at once.
#[tokio::test]
async fn keycloak_takes_nothing_but_created_for_an_answer() {
    let keycloak = Keycloak::borrow().await;
    // Nobody is behind the relay, which answers 503.
    let (status, body) = keycloak.ask("acme", &[]).await;
    assert_eq!(
        (status, &body["error"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("server_error")),
        "{body}"
    );
}

/// The realm's own statement of what it offers to a client of CIBA and to the app.
#[tokio::test]
async fn keycloak_announces_what_the_app_relies_on() {
    let keycloak = Keycloak::borrow().await;
    let url = format!("{}/.well-known/openid-configuration", keycloak.issuer("acme"));
    let (_, found) = answered(http().get(url)).await;
    assert_eq!(
        found["authorization_response_iss_parameter_supported"], true,
        "RFC 9207, V-021"
    );
    let offers = |member: &str, value: &str| found[member].as_array().is_some_and(|all| all.contains(&json!(value)));
    assert!(offers("code_challenge_methods_supported", "S256"), "PKCE: {found}");
    assert!(
        offers("dpop_signing_alg_values_supported", "ES256"),
        "RFC 9449: {found}"
    );
    assert!(offers("backchannel_token_delivery_modes_supported", "ping"), "{found}");
}
