//! The fake's side of user codes.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use countersign_jose::{Algorithm, Expect, Typ};
use serde_json::{Value, json};

use crate::fake::{DEVICE, Fake, problem};

/// A code that this backend takes for the person's password.
pub const PASSWORD: &str = "correct horse";

pub async fn state(State(fake): State<Fake>) -> Json<Value> {
    Json(json!({"offered": true, "set": fake.lock().user_code.is_some()}))
}

/// Takes a code that the user-verification key signed, and is strict about everything else.
pub async fn set(State(fake): State<Fake>, Json(body): Json<Value>) -> Response {
    let mut inner = fake.lock();
    let expect = Expect {
        typ: Typ::Exactly("countersign-user-code+jwt"),
        algs: &[Algorithm::Es256],
        max_len: 16_384,
    };
    let key = inner.uv.clone().unwrap();
    let statement = body["statement"].as_str().unwrap();
    let Ok(verified) = countersign_jose::verify(statement, &expect, &key) else {
        return problem(400, "invalid_statement");
    };
    let claims: Value = verified.claims().unwrap();
    let members: Vec<&String> = claims.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        ["aud", "exp", "iat", "iss", "jti", "user_code"],
        "R-113: all of them"
    );
    assert_eq!(
        (&claims["iss"], &claims["aud"]),
        (&json!(DEVICE), &json!(inner.origin)),
        "R-113"
    );
    let (iat, exp) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
    assert!((1..=60).contains(&(exp - iat)), "R-113: a minute at most");
    match claims["user_code"].as_str() {
        Some(code) if code.chars().count() < 4 => return problem(422, "user_code_malformed"),
        Some(PASSWORD) => return problem(422, "user_code_is_password"),
        code => inner.user_code = code.map(str::to_owned),
    }
    StatusCode::NO_CONTENT.into_response()
}
