//! The control port. Whoever reaches it decides for everybody, so it listens on loopback alone.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Query, State},
    http::{StatusCode, header},
    response::Response,
    routing::{get, post},
};
use serde_json::{Value, json};

use super::{
    device::{Action, Verdict},
    fleet::{Fleet, Target},
};

/// The routes that decide with the devices of `fleet`.
pub fn routes(fleet: Arc<Fleet>) -> Router {
    Router::new()
        .route("/decide", post(decide))
        .route("/devices", get(devices))
        .with_state(fleet)
}

async fn decide(State(fleet): State<Arc<Fleet>>, Query(query): Query<Vec<(String, String)>>) -> Response {
    let (target, action) = match order(query) {
        Ok(order) => order,
        Err(wrong) => return refused(StatusCode::BAD_REQUEST, &wrong),
    };
    let Some(verdict) = fleet.decide(&target, action).await else {
        return refused(StatusCode::NOT_FOUND, "no device got such a request in time");
    };
    match verdict {
        Verdict::Taken(state) => answer(StatusCode::OK, &json!({ "state": state })),
        Verdict::Settled(state) => {
            // The members of a settled view, whoever settled it, beside how this device sees it.
            let view = serde_json::to_value(&state).unwrap_or_default();
            let state = view["settled"]["state"].as_str().or(view["kind"].as_str());
            answer(StatusCode::CONFLICT, &json!({ "state": state, "device": view }))
        }
        Verdict::AsksForNumber => {
            let why = "the request asks for a number: register the client with binding mode `show`";
            refused(StatusCode::UNPROCESSABLE_ENTITY, why)
        }
        Verdict::Unanswered => refused(StatusCode::SERVICE_UNAVAILABLE, "the backend did not answer in time"),
        Verdict::Failed(error) => refused(
            StatusCode::INTERNAL_SERVER_ERROR,
            &format!("the device could not {error}"),
        ),
    }
}

async fn devices(State(fleet): State<Arc<Fleet>>) -> Response {
    let all: Vec<Value> = fleet
        .connections()
        .into_iter()
        .map(|(person, connection)| json!({ "person": person, "connection": connection }))
        .collect();
    answer(StatusCode::OK, &Value::from(all))
}

/// Reads what is to be decided, and how.
fn order(query: Vec<(String, String)>) -> Result<(Target, Action), String> {
    let mut given = BTreeMap::new();
    for (name, value) in query {
        if value.is_empty() {
            return Err(format!("{name} is empty"));
        }
        if given.insert(name.clone(), value).is_some() {
            return Err(format!("{name} is given twice"));
        }
    }
    let action = match given.remove("action").as_deref() {
        Some("approve" | "allow") => Action::Approve,
        Some("deny") => Action::Deny,
        Some(_) => return Err("action is neither approve (or allow) nor deny".to_owned()),
        None => return Err("action is missing".to_owned()),
    };
    let mut targets = Vec::new();
    for (name, value) in given {
        targets.push(match name.as_str() {
            "auth_req_id" => Target::AuthReqId(value),
            "login_hint" => Target::LoginHint(value),
            "binding_message" => Target::BindingMessage(value),
            _ => return Err(format!("{name} is no parameter")),
        });
    }
    match (targets.pop(), targets.is_empty()) {
        (Some(target), true) => Ok((target, action)),
        _ => Err("exactly one of auth_req_id, login_hint and binding_message says which request".to_owned()),
    }
}

fn refused(status: StatusCode, error: &str) -> Response {
    answer(status, &json!({ "error": error }))
}

fn answer(status: StatusCode, body: &Value) -> Response {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .expect("these headers are well formed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Target, Action), String> {
        let pairs = url::form_urlencoded::parse(text.as_bytes());
        order(pairs.into_owned().collect())
    }

    #[test]
    fn an_order_names_one_request_and_one_action() {
        let id = Target::AuthReqId("abc".to_owned());
        assert_eq!(read("auth_req_id=abc&action=allow"), Ok((id.clone(), Action::Approve)));
        assert_eq!(read("action=approve&auth_req_id=abc"), Ok((id, Action::Approve)));
        let anna = Target::LoginHint("anna".to_owned());
        assert_eq!(read("login_hint=anna&action=deny"), Ok((anna, Action::Deny)));
        let message = Target::BindingMessage("W4 SCT".to_owned());
        assert_eq!(read("binding_message=W4+SCT&action=deny"), Ok((message, Action::Deny)));
    }

    #[test]
    fn anything_else_is_named() {
        for (text, named) in [
            ("auth_req_id=a", "action is missing"),
            ("auth_req_id=a&action=maybe", "neither"),
            ("action=deny", "exactly one"),
            ("action=deny&auth_req_id=a&login_hint=b", "exactly one"),
            ("action=deny&auth_req_id=", "auth_req_id is empty"),
            ("action=deny&action=deny&auth_req_id=a", "action is given twice"),
            ("action=deny&auth_req_id=a&user=b", "user is no parameter"),
        ] {
            let wrong = read(text).unwrap_err();
            assert!(wrong.contains(named), "{text}: {wrong}");
        }
    }
}
