//! The token endpoint as the SDKs of Auth0 call it: at another path, and with JSON where the standard has a form. For clients that cannot be
//! changed; off unless the operator wants it.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{Request, header},
    response::Response,
    routing::post,
};
use countersign_jose::unique;
use serde_json::value::RawValue;

use super::{oauth_error, op, op_form};
use crate::op::{Endpoint, Params, Provider, Refusal};

/// The aliases of `provider`.
pub(super) fn routes(provider: Arc<Provider>) -> Router {
    Router::new().route("/oauth/token", post(token)).with_state(provider)
}

async fn token(State(provider): State<Arc<Provider>>, request: Request<Body>) -> Response {
    let read = if is_json(&request) {
        op_form::read_as(request, parameters).await
    } else {
        op_form::read(request).await
    };
    match read {
        Ok(form) => op::answer(provider.token(form.as_client(Endpoint::Token)).await),
        Err(unreadable) => oauth_error::refused_with(unreadable.status, &unreadable.refusal),
    }
}

fn is_json(request: &Request<Body>) -> bool {
    let mut values = request.headers().get_all(header::CONTENT_TYPE).iter();
    let essence = values.next().and_then(|value| value.to_str().ok());
    let essence = essence.and_then(|value| value.split(';').next()).map(str::trim);
    values.next().is_none() && essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
}

/// The members of one object as parameters: text as it is, null as absent, everything else as the client wrote it.
fn parameters(json: &[u8]) -> Result<Params, Refusal> {
    let malformed = || Refusal::invalid_request("the body is not one JSON object without duplicate members");
    // Duplicate members, at whatever depth, are found by reading it whole; its parts are taken as they stand.
    unique::object(json).map_err(|_| malformed())?;
    let members: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(json).map_err(|_| malformed())?;
    Params::from_members(&members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_become_parameters() {
        let params = parameters(br#"{"a":"x y","b":null,"c":3,"d":[{"e":true}]}"#).unwrap();
        assert_eq!(params.get("a"), Some("x y"));
        assert_eq!(params.get("b"), None);
        assert_eq!(params.get("c"), Some("3"));
        assert_eq!(params.get("d"), Some(r#"[{"e":true}]"#));
        let exact = r#"[ {"units":12345678901234567890, "fee":12.10,"sum":1E+2} ]"#;
        let params = parameters(format!("{{\"details\": {exact} }}").as_bytes()).unwrap();
        assert_eq!(params.get("details"), Some(exact), "R-268: to the byte");
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        for body in [
            &b""[..],
            b"[]",
            b"\"a\"",
            br#"{"a":"1","a":"2"}"#,
            br#"{"a":"1"}{"#,
            b"{\"a\":\"\xff\"}",
            br#"{"a":"\u0000"}"#,
        ] {
            assert!(parameters(body).is_err(), "V-037: {:?}", String::from_utf8_lossy(body));
        }
    }
}
