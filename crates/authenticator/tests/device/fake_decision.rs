//! The fake's side of a decision: verified as the protocol page says, answered once, repeated for the same `jti`.

use std::collections::BTreeMap;

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use countersign_jose::{Algorithm, Expect, Typ, digest};
use countersign_protocol::{DecisionClaims, DecisionRequest, Verdict};
use futures_util::stream;
use serde_json::{
    Value, json,
    value::{RawValue, to_raw_value},
};

use crate::fake::{DEVICE, Fake, Inner, Prompt, problem};

/// A claim as it is signed. Authorization details are given as text, so that they are signed to the byte.
fn raw((name, value): (&String, &Value)) -> (String, Box<RawValue>) {
    let raw = match value.as_str() {
        Some(text) if name == "authorization_details" => RawValue::from_string(text.to_owned()).unwrap(),
        _ => to_raw_value(value).unwrap(),
    };
    (name.clone(), raw)
}

impl Fake {
    /// Opens a request for the device; `change` may alter its claims before they are signed.
    pub fn open(&self, handle: &str, matching: &Value, change: impl FnOnce(&mut Value)) -> Value {
        let mut inner = self.lock();
        let now = inner.now() / 1000;
        let number = (matching["mode"] == "type").then(|| "42".to_owned());
        let mut claims = json!({
            "iss": inner.origin, "aud": DEVICE, "op": inner.origin, "sub": "anna", "req": handle,
            "client": {"id": "shop", "name": "Shop"}, "scopes": [{"name": "openid", "text": "Know who you are"}],
            "match": matching, "policy": {"uv": "required", "uv_max_age": 60}, "iat": now, "exp": now + 120,
        });
        change(&mut claims);
        let claims: BTreeMap<String, Box<RawValue>> = claims.as_object().unwrap().iter().map(raw).collect();
        let object = inner.request_key.sign("countersign-request+jwt", &claims).unwrap();
        let data = json!({"server_time": inner.now(), "handle": handle, "request": object});
        let prompt = Prompt {
            object,
            number,
            tries_left: 2,
            settled: None,
            answers: BTreeMap::new(),
            decision: None,
        };
        inner.prompts.insert(handle.to_owned(), prompt);
        data
    }

    /// Opens a request that shows a message, and tells the stream.
    pub fn ask(&self, handle: &str) {
        let data = self.open(handle, &json!({"mode": "show", "message": "W4SCT"}), |_| {});
        self.tell("request", data);
    }

    /// Settles a request from elsewhere.
    pub fn settle(&self, handle: &str, settled: Value) {
        let mut data = settled.clone();
        {
            let mut inner = self.lock();
            data["server_time"] = inner.now().into();
            data["handle"] = handle.into();
            inner.prompts.get_mut(handle).unwrap().settled = Some(settled);
        }
        self.tell("settled", data);
    }
}

pub async fn decide(
    State(fake): State<Fake>,
    Path(handle): Path<String>,
    Json(body): Json<DecisionRequest>,
) -> Response {
    let (status, answer, lost) = {
        let mut inner = fake.lock();
        inner.decisions.push(body.decision.clone());
        let Some((status, answer)) = judge(&mut inner, &handle, &body) else {
            return problem(400, "invalid_decision");
        };
        let lost = inner.lose_replies > 0;
        inner.lose_replies = inner.lose_replies.saturating_sub(1);
        (status, answer, lost)
    };
    if lost {
        // The connection breaks after the decision was recorded.
        let broken = stream::once(async { Err::<String, _>(std::io::Error::other("cut")) });
        return Body::from_stream(broken).into_response();
    }
    (StatusCode::from_u16(status).unwrap(), Json(answer)).into_response()
}

fn judge(inner: &mut Inner, handle: &str, body: &DecisionRequest) -> Option<(u16, Value)> {
    let expect = Expect {
        typ: Typ::Exactly("countersign-decision+jwt"),
        algs: &[Algorithm::Es256],
        max_len: 16_384,
    };
    let header = countersign_jose::peek_header(&body.decision, &expect).ok()?;
    let by_uv = header.kid == inner.uv.as_ref().map(countersign_jose::Jwk::thumbprint);
    let key = if by_uv { inner.uv.clone()? } else { inner.pop.clone()? };
    let claims: DecisionClaims = countersign_jose::verify(&body.decision, &expect, &key)
        .ok()?
        .claims()
        .ok()?;
    let now = inner.now();
    let server = json!({"server_time": now, "handle": handle});
    let (origin, tells) = (inner.origin.clone(), inner.tells);
    let prompt = inner.prompts.get_mut(handle)?;
    let on_time = (now / 1000 - 5..=now / 1000 + 5).contains(&claims.iat) && claims.exp <= claims.iat + 60;
    let sound = claims.iss.as_str() == DEVICE
        && claims.aud == origin
        && claims.rh == digest::sha256_b64(&prompt.object)
        && body.request == prompt.object
        && on_time
        && (claims.dec == Verdict::Deny || (by_uv && claims.uv.is_some()));
    if !sound {
        return None;
    }
    if let Some(answer) = prompt.answers.get(&claims.jti) {
        return Some(answer.clone());
    }
    let wrong = claims.dec == Verdict::Approve && claims.matched != prompt.number;
    let problem = |status: u16, code: &str| json!({"type": "about:blank", "title": "x", "status": status, "detail": "x", "code": code});
    let answer = if let Some(settled) = &prompt.settled {
        let mut body = problem(409, "settled");
        body["settled"] = settled.clone();
        (409, body)
    } else if wrong {
        prompt.tries_left -= 1;
        let mut body = problem(422, "match_wrong");
        body["tries_left"] = prompt.tries_left.into();
        if prompt.tries_left == 0 {
            let settled = json!({"state": "denied", "settled_at": now, "reason": "number_mismatch"});
            prompt.settled = Some(settled.clone());
            body["settled"] = settled;
        }
        (422, body)
    } else {
        let mut settled = json!({"state": if claims.dec == Verdict::Approve { "approved" } else { "denied" },
            "settled_at": now, "decided_by": {"device_id": DEVICE, "name": "Robot"}});
        if let Some(reason) = claims.reason {
            settled["reason"] = serde_json::to_value(reason).unwrap();
        }
        if tells {
            settled["delivery"] = "owed".into();
        }
        prompt.settled = Some(settled.clone());
        prompt.decision = Some(body.decision.clone());
        settled["server_time"] = server["server_time"].clone();
        settled["handle"] = server["handle"].clone();
        (200, settled)
    };
    prompt.answers.insert(claims.jti, answer.clone());
    Some(answer)
}

pub async fn history(State(fake): State<Fake>) -> Json<Value> {
    let inner = fake.lock();
    let now = inner.now();
    let settled = inner.prompts.iter().filter(|(_, prompt)| prompt.settled.is_some());
    let entries: Vec<Value> = settled
        .map(|(handle, prompt)| {
            let receipt = prompt.decision.as_ref().map(|decision| {
                json!({"request": prompt.object, "decision": decision, "device_key": inner.uv,
                    "request_key": inner.request_key.public_jwk()})
            });
            let mut entry = prompt.settled.clone().unwrap();
            for (name, value) in [
                ("handle", json!(handle)),
                ("client", json!({"id": "shop", "name": "Shop"})),
                ("scopes", json!([])),
                ("message", json!("W4SCT")),
                ("created_at", json!(now)),
                ("expires_at", json!(now + 120_000)),
                ("received_at", Value::Null),
                ("receipt", json!(receipt)),
            ] {
                entry[name] = value;
            }
            entry
        })
        .collect();
    Json(json!({"server_time": now, "entries": entries, "next": null}))
}
