//! The fake's provider and registration.

use axum::{
    Form, Json,
    extract::State,
    response::{IntoResponse, Response},
};
use countersign_jose::{Algorithm, Expect, Jwk, Typ, digest};
use serde_json::{Value, json};

use crate::fake::{DEVICE, Fake, SUBJECT, problem};

pub async fn countersign(State(fake): State<Fake>) -> Json<Value> {
    let origin = fake.origin();
    Json(json!({
        "backend": origin, "issuer": origin, "client_id": "app", "scope": "openid", "versions": ["1"],
        "registration_endpoint": "/bc-deviceRegistration", "device_api": "/ad/v1", "providers": fake.lock().providers,
    }))
}

pub async fn metadata(State(fake): State<Fake>) -> Json<Value> {
    let origin = fake.origin();
    let issuer = fake.lock().evil_issuer.clone().unwrap_or_else(|| origin.clone());
    Json(json!({
        "issuer": issuer, "authorization_endpoint": format!("{origin}/authorize"),
        "token_endpoint": format!("{origin}/token"), "jwks_uri": format!("{origin}/jwks"),
    }))
}

pub async fn jwks(State(fake): State<Fake>) -> Json<Value> {
    Json(json!({"keys": [fake.lock().op_key.public_jwk()]}))
}

/// The code is the name of the sign-in: what the browser asked for is kept under it.
pub async fn token(State(fake): State<Fake>, Form(form): Form<std::collections::BTreeMap<String, String>>) -> Response {
    let inner = fake.lock();
    let Some((nonce, challenge)) = inner.nonces.get(&form["code"]) else {
        return (
            axum::http::StatusCode::BAD_REQUEST,
            Json(json!({"error": "invalid_grant"})),
        )
            .into_response();
    };
    assert_eq!(
        digest::sha256_b64(&form["code_verifier"]),
        *challenge,
        "R-272: PKCE S256"
    );
    assert!(
        form["redirect_uri"].starts_with("http://127.0.0.1:"),
        "R-272: the literal loopback address"
    );
    let now = inner.now() / 1000;
    let claims = json!({
        "iss": inner.origin, "sub": SUBJECT, "aud": "app", "iat": now, "exp": now + 300, "nonce": nonce,
        "at_hash": digest::token_hash(Algorithm::Es256, "op-token"),
    });
    let id_token = inner.op_key.sign("JWT", &claims).unwrap();
    Json(json!({"access_token": "op-token", "token_type": "Bearer", "expires_in": 60, "id_token": id_token}))
        .into_response()
}

pub async fn register(State(fake): State<Fake>, Json(body): Json<Value>) -> Response {
    let mut inner = fake.lock();
    let pop = Jwk::parse(&body["pop_key"].to_string()).unwrap();
    let uv = Jwk::parse(&body["uv_key"].to_string()).unwrap();
    let expect = |typ| Expect {
        typ: Typ::Exactly(typ),
        algs: &[Algorithm::Es256],
        max_len: 16_384,
    };
    let id_token = body["id_token_hint"].as_str().unwrap();
    let of_provider = Expect {
        algs: &Algorithm::ALL,
        ..expect("JWT")
    };
    let said: Value = countersign_jose::peek_claims_unverified(id_token, &of_provider).unwrap();
    let issuer = said["iss"].as_str().unwrap().to_owned();
    let key = inner.op_keys.get(&issuer).cloned();
    let key = key.unwrap_or_else(|| inner.op_key.public_jwk());
    let id_token: Value = countersign_jose::verify(id_token, &of_provider, &key)
        .unwrap()
        .claims()
        .unwrap();
    let bound = digest::sha256_b64(format!("{}.{}", pop.thumbprint(), body["salt"].as_str().unwrap()));
    assert_eq!(
        id_token["nonce"], bound,
        "V-032: the ID token is good for this key and no other"
    );
    let proof: Value =
        countersign_jose::verify(body["uv_proof"].as_str().unwrap(), &expect("countersign-key+jwt"), &uv)
            .unwrap()
            .claims()
            .unwrap();
    assert_eq!(
        (&proof["aud"], &proof["jkt"]),
        (&inner.origin.clone().into(), &pop.thumbprint().into())
    );
    let now = inner.now();
    let iat = proof["iat"].as_i64().unwrap();
    if (iat - now / 1000).abs() > 120 {
        return problem(400, "invalid_key_proof");
    }
    (inner.pop, inner.uv) = (Some(pop), Some(uv));
    let answer = json!({
        "device_id": DEVICE, "account": {"iss": issuer, "sub": id_token["sub"], "name": "Anna"},
        "device_session": "session-secret", "access_token": "token-0", "expires_in": 600,
        "request_keys": [inner.request_key.public_jwk()], "server_time": now,
    });
    (axum::http::StatusCode::CREATED, Json(answer)).into_response()
}

/// Replaces the keys, when the old one says so and the new ones prove themselves.
pub async fn rotate(State(fake): State<Fake>, Json(body): Json<Value>) -> Response {
    let mut inner = fake.lock();
    let expect = |typ| Expect {
        typ: Typ::Exactly(typ),
        algs: &[Algorithm::Es256],
        max_len: 16_384,
    };
    let old = inner.pop.clone().unwrap();
    let statement = body["statement"].as_str().unwrap();
    let Ok(verified) = countersign_jose::verify(statement, &expect("countersign-key-rotation+jwt"), &old) else {
        return problem(400, "invalid_statement");
    };
    let claims: Value = verified.claims().unwrap();
    let pop = Jwk::parse(&claims["pop_key"].to_string()).unwrap();
    let uv = Jwk::parse(&claims["uv_key"].to_string()).unwrap();
    for (proof, key) in [("pop_proof", &pop), ("uv_proof", &uv)] {
        let proof = claims[proof].as_str().unwrap();
        let proof: Value = countersign_jose::verify(proof, &expect("countersign-key+jwt"), key)
            .unwrap()
            .claims()
            .unwrap();
        assert_eq!(
            proof["jkt"],
            pop.thumbprint(),
            "S-054: each new key proves itself for this rotation"
        );
    }
    (inner.pop, inner.uv) = (Some(pop), Some(uv));
    if inner.lose_replies > 0 {
        inner.lose_replies = 0;
        inner.unavailable = true;
        return problem(503, "unavailable");
    }
    axum::http::StatusCode::NO_CONTENT.into_response()
}
