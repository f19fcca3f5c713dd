//! Bodies of the device API with one thing wrong, and the problem they have to get.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::raw_device::Answer;

/// What is wrong with a member.
#[derive(Debug, Clone)]
pub enum Fault {
    /// It is not there.
    Missing,
    /// It is there twice.
    Twice,
    /// It is this.
    Is(Value),
}

/// A member that is this.
pub fn is(value: impl Into<Value>) -> Fault {
    Fault::Is(value.into())
}

/// The JSON text of `good` with one thing wrong.
#[must_use]
pub fn spoilt(good: &Value, member: &str, fault: &Fault) -> String {
    let mut members = good.as_object().expect("a body is an object").clone();
    match fault {
        Fault::Missing => {
            members.remove(member);
        }
        Fault::Is(value) => {
            members.insert(member.to_owned(), value.clone());
        }
        Fault::Twice => {
            let text = Value::from(members.clone()).to_string();
            return format!("{{{}:{},{}", json!(member), members[member], &text[1..]);
        }
    }
    Value::from(members).to_string()
}

/// The request with a JSON text that no serialiser would write.
pub fn with_text(request: RequestBuilder, body: String) -> RequestBuilder {
    request.header("content-type", "application/json").body(body)
}

/// The answer has to be this problem (`docs/protocol.md` section 9).
#[track_caller]
pub fn check(answer: &Answer, status: u16, code: &str, what: &str) {
    let (found, body) = answer;
    let expected = (status, Some(code));
    assert_eq!((found.as_u16(), body["code"].as_str()), expected, "{what}: {body}");
    assert_eq!(body["status"], status, "RFC 9457: {what}");
    assert_eq!(body["type"], "about:blank", "RFC 9457: {what}");
}
