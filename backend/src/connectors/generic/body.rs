//! The body of a request that a provider hands over: what its members are, and what each may be.

use std::collections::BTreeMap;

use countersign_clock::Millis;
use countersign_protocol::{ClientShown, DetailsShown, Subject};
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};
use url::Url;

use crate::{
    config::{DetailsType, words_for},
    connectors::IntakeError,
    domain::{Matching, RequestDetails, check_message, is_binding_code, is_deceptive, is_plain_context},
    op::is_scope_value,
};

/// Characters of the provider's own name of a request.
const MAX_ID_CHARS: usize = 512;
/// Characters of a subject (OpenID Connect Core section 2), and of a `client_id`.
const MAX_NAMED_CHARS: usize = 255;
/// Bytes of a client's name.
const MAX_NAME_BYTES: usize = 128;
/// Bytes of a client's address.
const MAX_URI_BYTES: usize = 512;
/// Bytes of `scope` and of `acr_values`.
const MAX_VALUES_BYTES: usize = 1024;
/// Bytes of `context`, without white space.
const MAX_CONTEXT_BYTES: usize = 2048;
/// How long a request may wait at most.
const LONGEST_WAIT: Millis = 3_600_000;

/// Body of `POST /connectors/{name}/requests`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestBody {
    id: String,
    sub: String,
    client: ClientBody,
    scope: String,
    binding_message: Option<String>,
    binding_code: Option<String>,
    acr_values: Option<String>,
    /// Only that it is there: what it says is read from the bytes.
    authorization_details: Option<Value>,
    context: Option<Map<String, Value>>,
    expires_at: Millis,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientBody {
    id: String,
    name: String,
    uri: Option<String>,
}

/// By what the operator set the limits.
pub(super) struct Limits<'a> {
    /// Greatest length of a message, characters.
    pub(super) message_length: usize,
    /// Words for types of authorization details.
    pub(super) details_types: &'a BTreeMap<String, DetailsType>,
    /// Now.
    pub(super) now: Millis,
}

/// A body whose members are what they have to be.
pub(super) struct Checked {
    pub(super) id: String,
    pub(super) sub: Subject,
    pub(super) client: ClientShown,
    pub(super) scope: String,
    pub(super) matching: Matching,
    pub(super) acr_values: Option<String>,
    pub(super) details: Option<DetailsShown>,
    pub(super) context: Option<Value>,
    pub(super) expires_at: Millis,
}

impl RequestBody {
    /// Checks every member; `json` is the body that this was read from.
    pub(super) fn check(self, json: &[u8], limits: &Limits<'_>) -> Result<Checked, IntakeError> {
        require(
            is_id(&self.id, MAX_ID_CHARS),
            "id",
            "has to have 1 to 512 characters and no control characters",
        )?;
        require(
            is_id(&self.sub, MAX_NAMED_CHARS),
            "sub",
            "has to have 1 to 255 characters and no control characters",
        )?;
        require(
            self.scope.len() <= MAX_VALUES_BYTES,
            "scope",
            "is longer than 1024 bytes",
        )?;
        let mut scopes = self.scope.split(' ').filter(|value| !value.is_empty()).peekable();
        require(scopes.peek().is_some(), "scope", "is empty")?;
        require(
            scopes.all(is_scope_value),
            "scope",
            "has characters that no scope value has",
        )?;
        let acr_values = self.acr_values.filter(|values| !values.is_empty());
        let asked = acr_values.as_deref().unwrap_or_default();
        let printable = asked.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        require(
            asked.len() <= MAX_VALUES_BYTES && printable,
            "acr_values",
            "is longer than 1024 bytes or has characters that no value has",
        )?;
        let details = match &self.authorization_details {
            Some(_) => details(json, limits.details_types)?,
            None => None,
        };
        require(
            self.expires_at > limits.now,
            "expires_at",
            "is over, or is not in milliseconds",
        )?;
        require(
            self.expires_at <= limits.now.saturating_add(LONGEST_WAIT),
            "expires_at",
            "is more than an hour ahead",
        )?;
        Ok(Checked {
            matching: matching(self.binding_message, self.binding_code, limits.message_length)?,
            client: client(self.client)?,
            context: context(self.context)?,
            id: self.id,
            sub: Subject::new(self.sub),
            scope: self.scope,
            acr_values,
            details,
            expires_at: self.expires_at,
        })
    }
}

fn client(client: ClientBody) -> Result<ClientShown, IntakeError> {
    require(
        is_id(&client.id, MAX_NAMED_CHARS),
        "client.id",
        "has to have 1 to 255 characters and no control characters",
    )?;
    let name = client.name.trim();
    require(
        !name.is_empty() && name.len() <= MAX_NAME_BYTES && !name.chars().any(is_deceptive),
        "client.name",
        "is empty, longer than 128 bytes, or has characters that do not show",
    )?;
    require(
        client.uri.as_deref().is_none_or(is_web_address),
        "client.uri",
        "is not an https URL of at most 512 bytes",
    )?;
    Ok(ClientShown {
        id: client.id.as_str().into(),
        name: name.to_owned(),
        uri: client.uri,
    })
}

fn matching(message: Option<String>, code: Option<String>, longest: usize) -> Result<Matching, IntakeError> {
    match (message.filter(|message| !message.is_empty()), code) {
        (Some(_), Some(_)) => Err(invalid(
            "binding_code",
            "stands beside a binding_message: it is one or the other",
        )),
        (None, Some(code)) => {
            require(
                is_binding_code(&code),
                "binding_code",
                "is not a number of 2 to 8 digits",
            )?;
            Ok(Matching::Type { code })
        }
        (message, None) => {
            if let Some(message) = &message {
                check_message(message, longest).map_err(|problem| invalid("binding_message", problem.to_string()))?;
            }
            Ok(Matching::Show { message })
        }
    }
}

/// Authorization details are shown as they were written, so they are read from the bytes.
fn details(json: &[u8], types: &BTreeMap<String, DetailsType>) -> Result<Option<DetailsShown>, IntakeError> {
    #[derive(Deserialize)]
    struct Written {
        authorization_details: Box<RawValue>,
    }
    const FIELD: &str = "authorization_details";
    let written: Written = serde_json::from_slice(json).map_err(|_| invalid(FIELD, "cannot be read"))?;
    let problem = |problem: crate::domain::DetailsProblem| invalid(FIELD, problem.to_string());
    let read = RequestDetails::read(written.authorization_details.get()).map_err(problem)?;
    let shown = read.map(|details| details.shown(|kind| words_for(types, kind)));
    shown.transpose().map_err(problem)
}

fn context(context: Option<Map<String, Value>>) -> Result<Option<Value>, IntakeError> {
    let Some(context) = context.filter(|context| !context.is_empty()) else {
        return Ok(None);
    };
    let plain = is_plain_context(&context);
    let context = Value::Object(context);
    require(
        plain && context.to_string().len() <= MAX_CONTEXT_BYTES,
        "context",
        "is longer than 2048 bytes, nested too deeply, or has characters that are not plain text",
    )?;
    Ok(Some(json!({ "reported": context })))
}

fn is_id(text: &str, longest: usize) -> bool {
    !text.is_empty() && text.chars().count() <= longest && !text.chars().any(char::is_control)
}

fn is_web_address(text: &str) -> bool {
    let safe = |url: Url| url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
    text.len() <= MAX_URI_BYTES && !text.chars().any(is_deceptive) && Url::parse(text).is_ok_and(safe)
}

fn require(holds: bool, field: &'static str, problem: &str) -> Result<(), IntakeError> {
    if holds { Ok(()) } else { Err(invalid(field, problem)) }
}

fn invalid(field: &'static str, problem: impl Into<String>) -> IntakeError {
    IntakeError::Invalid {
        field,
        problem: problem.into(),
    }
}
