use countersign_protocol::{
    DetailsShown, DetailsWords, ExactError, ExactJson, ExactValue, MemberLabel, OAuthErrorCode,
};

use super::schema_value::schema_value;
use crate::{
    config::DetailsType,
    domain::Client,
    op::{Provider, Refusal, backchannel::is_plain_text},
};

/// Bytes of the parameter.
const MAX_LEN: usize = 4096;
/// Bytes of the parameter and of the operator's words beside it: with all else that a request object says it has to stay below 16 KiB.
const MAX_SHOWN: usize = 6144;
/// Elements of one request.
const MAX_ELEMENTS: usize = 8;
/// Members and items of one request: as many as somebody can be expected to look at.
const MAX_VALUES: usize = 128;
/// Objects and arrays in each other, the element itself included.
const MAX_DEPTH: usize = 8;

/// Authorization details that were checked.
pub(in crate::op) struct AskedDetails {
    /// As the client wrote them.
    pub(in crate::op) exact: ExactJson,
    /// What the operator calls them.
    words: Vec<DetailsWords>,
}

impl AskedDetails {
    /// What a device is given to show.
    pub(in crate::op) fn shown(&self) -> DetailsShown {
        DetailsShown {
            details: self.exact.clone(),
            words: self.words.clone(),
        }
    }
}

impl Provider {
    /// Reads the parameter `authorization_details` of a client: an array of objects of types that the client may ask for, each of which keeps
    /// the schema of its type. An empty array is no details.
    ///
    /// # Errors
    /// `invalid_authorization_details` (RFC 9396 section 5).
    pub(in crate::op) fn asked_details(
        &self,
        client: &Client,
        sent: Option<&str>,
    ) -> Result<Option<AskedDetails>, Refusal> {
        let Some(sent) = sent else { return Ok(None) };
        if sent.len() > MAX_LEN {
            return Err(invalid("authorization_details are longer than 4096 bytes"));
        }
        let exact = ExactJson::new(sent).map_err(unreadable)?;
        let ExactValue::Items(elements) = exact.read().map_err(unreadable)? else {
            return Err(invalid("authorization_details are not an array"));
        };
        if elements.is_empty() {
            return Ok(None);
        }
        if elements.len() > MAX_ELEMENTS {
            return Err(invalid("authorization_details have more than 8 elements"));
        }
        let mut values = 0;
        for element in &elements {
            showable(element, 1, &mut values)?;
        }
        let mut words: Vec<DetailsWords> = Vec::new();
        for (index, element) in elements.iter().enumerate() {
            let (kind, declared) = self.declared_type(client, element)?;
            let value = schema_value(element).ok_or_else(|| {
                invalid("a number in authorization_details has more digits than can be held against a schema: send it as a string")
            })?;
            if let Some(rule) = declared.schema.broken_at(&value) {
                let number = index + 1;
                let rule = if is_describable(&rule) { &rule } else { "a rule" };
                return Err(invalid(format!(
                    "element {number} of authorization_details breaks {rule} of the schema of its type"
                )));
            }
            if words.iter().all(|known| known.kind != kind) {
                words.push(words_of(kind, declared));
            }
        }
        let words_len = serde_json::to_string(&words).map_or(usize::MAX, |words| words.len());
        if words_len.saturating_add(sent.len()) > MAX_SHOWN {
            return Err(invalid(
                "authorization_details have too many types at once for one screen",
            ));
        }
        Ok(Some(AskedDetails { exact, words }))
    }

    /// The operator's words for details that were checked before.
    pub(in crate::op) fn shown_details(&self, exact: &ExactJson) -> DetailsShown {
        let elements = match exact.read() {
            Ok(ExactValue::Items(elements)) => elements,
            Ok(_) | Err(_) => Vec::new(),
        };
        let mut words: Vec<DetailsWords> = Vec::new();
        for kind in elements.iter().filter_map(|element| element.member("type")?.text()) {
            let declared = self.parts.config.authorization_details.get(kind);
            if let Some(declared) = declared.filter(|_| words.iter().all(|known| known.kind != kind)) {
                words.push(words_of(kind, declared));
            }
        }
        DetailsShown {
            details: exact.clone(),
            words,
        }
    }

    fn declared_type<'a>(
        &'a self,
        client: &Client,
        element: &'a ExactValue,
    ) -> Result<(&'a str, &'a DetailsType), Refusal> {
        let kind = element
            .member("type")
            .and_then(ExactValue::text)
            .ok_or_else(|| invalid("an element of authorization_details is not an object with a type"))?;
        let declared = self.parts.config.authorization_details.get(kind);
        let declared = declared.ok_or_else(|| invalid("authorization_details have a type that is not known here"))?;
        if client.requests.details_types.iter().any(|allowed| allowed == kind) {
            Ok((kind, declared))
        } else {
            Err(invalid(
                "authorization_details have a type that this client may not ask for",
            ))
        }
    }
}

fn words_of(kind: &str, declared: &DetailsType) -> DetailsWords {
    let label = |(at, text): (&String, &String)| MemberLabel {
        at: at.clone(),
        text: text.clone(),
    };
    DetailsWords {
        kind: kind.to_owned(),
        title: declared.title.clone(),
        labels: declared.labels.iter().map(label).collect(),
        first: declared.first.clone(),
    }
}

/// Whether a person can look at all of `value`: not too much, not too deep, and no characters that hide or move others.
fn showable(value: &ExactValue, depth: usize, values: &mut usize) -> Result<(), Refusal> {
    *values += 1;
    if *values > MAX_VALUES || depth > MAX_DEPTH {
        return Err(invalid(
            "authorization_details are too many or too deep to be looked at",
        ));
    }
    let plain = |text: &str| {
        is_plain_text(text)
            .then_some(())
            .ok_or_else(|| invalid("authorization_details have characters that are not plain text"))
    };
    match value {
        ExactValue::Text(text) => plain(text),
        ExactValue::Items(items) => items.iter().try_for_each(|item| showable(item, depth + 1, values)),
        ExactValue::Members(members) => members.iter().try_for_each(|(name, value)| {
            plain(name)?;
            showable(value, depth + 1, values)
        }),
        ExactValue::Null | ExactValue::Bool(_) | ExactValue::Number(_) => Ok(()),
    }
}

/// Whether `text` can stand in an error description (RFC 6749 section 5.2): names in a schema may have quotes and letters of all alphabets.
fn is_describable(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

fn unreadable(error: ExactError) -> Refusal {
    invalid(match error {
        ExactError::Malformed => "authorization_details are not JSON",
        ExactError::DuplicateMember => "an object in authorization_details has a member twice",
        ExactError::TooDeep => "authorization_details are too many or too deep to be looked at",
    })
}

fn invalid(description: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    Refusal::new(OAuthErrorCode::InvalidAuthorizationDetails, description)
}
