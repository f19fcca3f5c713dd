//! Forms of OAuth endpoints with one thing wrong, and the error they have to get.

use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;

/// What is wrong with a parameter.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// It is not there.
    Missing,
    /// It is there twice.
    Twice,
    /// It has no value.
    Empty,
    /// Its value is so long.
    Long(usize),
    /// It is this.
    Is(&'static str),
}

/// Parameters in order.
pub type Form = Vec<(String, String)>;

/// A form with these parameters.
#[must_use]
pub fn form(parameters: &[(&str, &str)]) -> Form {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    parameters.iter().map(owned).collect()
}

/// The form with one thing wrong.
#[must_use]
pub fn spoilt(good: &Form, name: &str, fault: Fault) -> Form {
    let mut form = good.clone();
    let value = form
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.clone());
    let value = value.unwrap_or_else(|| "1".to_owned());
    form.retain(|(known, _)| known != name);
    let values = match fault {
        Fault::Missing => vec![],
        Fault::Twice => vec![value.clone(), value],
        Fault::Empty => vec![String::new()],
        Fault::Long(length) => vec!["a".repeat(length)],
        Fault::Is(value) => vec![value.to_owned()],
    };
    form.extend(values.into_iter().map(|value| (name.to_owned(), value)));
    form
}

/// Status and `error` of an answer that has no other member than those of an error.
pub async fn told(request: RequestBuilder) -> (StatusCode, String) {
    let answer = request.send().await.expect("the provider answers");
    let status = answer.status();
    let body: Value = answer.json().await.unwrap_or_default();
    let only = body
        .as_object()
        .is_none_or(|body| body.keys().all(|name| name.starts_with("error")));
    assert!(only, "RFC 6749 section 5.2: nothing but the error is in it: {body}");
    (status, body["error"].as_str().unwrap_or_default().to_owned())
}
