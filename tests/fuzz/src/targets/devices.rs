//! The device API, before anybody is known.

use axum::{body::Body, http::Request};

use crate::server::server;

/// Any body of a decision, which needs no token: nobody asked, so nothing is decided.
pub fn decision(data: &[u8]) {
    let request = Request::post("/ad/v1/requests/x/decision").header("content-type", "application/json");
    let answer = server().send(request.body(Body::from(data.to_vec())).expect("a request"));
    assert!(
        [400, 404, 413].contains(&answer.status),
        "{}: {}",
        answer.status,
        answer.body
    );
}

/// Any proof, and any token, up to a line end: nobody has one.
pub fn proof(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let (proof, token) = (parts.next().unwrap_or_default(), parts.next());
    let mut request = Request::get("/ad/v1/requests").header("dpop", proof);
    if let Some(token) = token {
        request = request.header("authorization", token);
    }
    if let Ok(request) = request.body(Body::empty()) {
        let answer = server().send(request);
        assert!(
            [400, 401].contains(&answer.status),
            "{}: {}",
            answer.status,
            answer.body
        );
    }
}
