//! Values of members, each of the kind and size that it has to be. A `null` is a member that is not there (RFC 7592 section 2.2).

use std::borrow::Cow;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use url::Url;

/// What is wrong with a value, without the value.
pub(super) type Problem = Cow<'static, str>;

const MAX_TEXT: usize = 1024;
const MAX_TEXTS: usize = 32;

/// A member of the metadata, which may not be there.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) name: &'static str,
    pub(super) value: Option<&'a Value>,
}

impl<'a> Given<'a> {
    pub(super) fn of(name: &'static str, metadata: &'a Map<String, Value>) -> Self {
        Self {
            name,
            value: metadata.get(name).filter(|value| !value.is_null()),
        }
    }

    /// Some text, not empty, of at most 1024 bytes and without control characters.
    pub(super) fn text(self) -> Result<Option<&'a str>, Problem> {
        let Some(value) = self.value else { return Ok(None) };
        value
            .as_str()
            .ok_or(Problem::Borrowed("is not a string"))
            .and_then(usable)
            .map(Some)
    }

    /// `true` or `false`, which is the default.
    pub(super) fn flag(self) -> Result<bool, Problem> {
        match self.value {
            None => Ok(false),
            Some(value) => value.as_bool().ok_or_else(|| "is neither true nor false".into()),
        }
    }

    /// A list of texts, each once.
    pub(super) fn texts(self) -> Result<Option<Vec<String>>, Problem> {
        let Some(value) = self.value else { return Ok(None) };
        let values = value.as_array().ok_or("is not an array of strings")?;
        if values.len() > MAX_TEXTS {
            return Err(format!("has more than {MAX_TEXTS} values").into());
        }
        let mut texts = Vec::with_capacity(values.len());
        for value in values {
            let text = usable(value.as_str().ok_or("is not an array of strings")?)?.to_owned();
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        Ok(Some(texts))
    }

    /// A web address, as a link for people.
    pub(super) fn link(self) -> Result<Option<&'a str>, Problem> {
        let Some(text) = self.text()? else { return Ok(None) };
        let web = Url::parse(text).is_ok_and(|url| ["https", "http"].contains(&url.scheme()));
        if web {
            Ok(Some(text))
        } else {
            Err("is not a web address".into())
        }
    }

    /// An absolute URL.
    pub(super) fn url(self) -> Result<Option<Url>, Problem> {
        let Some(text) = self.text()? else { return Ok(None) };
        Url::parse(text).map(Some).map_err(|_| "is not a URL".into())
    }

    /// One of the words of `T`.
    pub(super) fn word<T: DeserializeOwned>(self) -> Result<Option<T>, Problem> {
        let Some(text) = self.text()? else { return Ok(None) };
        let word = serde_json::from_value(Value::String(text.to_owned()));
        word.map(Some).map_err(|_| "is not a value that is known here".into())
    }

    /// One of `offered`, such as the names of algorithms.
    pub(super) fn one_of<O: AsRef<str>>(self, offered: &[O]) -> Result<Option<String>, Problem> {
        let Some(text) = self.text()? else { return Ok(None) };
        if offered.iter().any(|one| one.as_ref() == text) {
            return Ok(Some(text.to_owned()));
        }
        let offered: Vec<&str> = offered.iter().map(AsRef::as_ref).collect();
        Err(format!("is none of {}", offered.join(" ")).into())
    }

    /// A number of seconds.
    pub(super) fn seconds(self) -> Result<Option<u32>, Problem> {
        let Some(value) = self.value else { return Ok(None) };
        let seconds = value.as_u64().and_then(|seconds| u32::try_from(seconds).ok());
        seconds.map(Some).ok_or_else(|| "is not a number of seconds".into())
    }
}

fn usable(text: &str) -> Result<&str, Problem> {
    if text.is_empty() {
        return Err("is empty".into());
    }
    if text.len() > MAX_TEXT {
        return Err(format!("is longer than {MAX_TEXT} bytes").into());
    }
    if text.chars().any(char::is_control) {
        return Err("has control characters".into());
    }
    Ok(text)
}

/// Text or a word as JSON.
pub(super) fn said(value: &impl Serialize) -> Option<Value> {
    serde_json::to_value(value).ok().filter(|value| !value.is_null())
}

/// A flag that is said where it is set.
pub(super) fn set(flag: bool) -> Option<Value> {
    flag.then_some(Value::Bool(true))
}

/// A list that is said where it is not empty.
pub(super) fn listed(values: &[String]) -> Option<Value> {
    (!values.is_empty()).then(|| values.into())
}
