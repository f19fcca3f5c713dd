use countersign_protocol::{DetailsShown, DetailsWords, ExactJson, ExactValue, OAuthErrorCode};

use super::schema_value::schema_value;
use crate::{
    config::{DetailsType, words_for},
    domain::{Client, DetailsProblem, RequestDetails},
    op::{Provider, Refusal},
};

impl Provider {
    /// Reads the parameter `authorization_details` of a client: an array of objects of types that the client may ask for, each of which keeps
    /// the schema of its type; with what the operator calls them. An empty array is no details.
    ///
    /// # Errors
    /// `invalid_authorization_details` (RFC 9396 section 5).
    pub(in crate::op) fn asked_details(
        &self,
        client: &Client,
        sent: Option<&str>,
    ) -> Result<Option<DetailsShown>, Refusal> {
        let Some(sent) = sent else { return Ok(None) };
        let Some(details) = RequestDetails::read(sent).map_err(not_showable)? else {
            return Ok(None);
        };
        for (index, (element, kind)) in details.elements.iter().zip(details.types()).enumerate() {
            let declared = self.declared_type(client, kind)?;
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
        }
        let types = &self.parts.config.authorization_details;
        let shown = details.shown(|kind| words_for(types, kind)).map_err(not_showable)?;
        Ok(Some(shown))
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
                words.push(declared.words(kind));
            }
        }
        DetailsShown {
            details: exact.clone(),
            words,
        }
    }

    fn declared_type(&self, client: &Client, kind: &str) -> Result<&DetailsType, Refusal> {
        let declared = self.parts.config.authorization_details.get(kind);
        let declared = declared.ok_or_else(|| invalid("authorization_details have a type that is not known here"))?;
        if client.requests.details_types.iter().any(|allowed| allowed == kind) {
            Ok(declared)
        } else {
            Err(invalid(
                "authorization_details have a type that this client may not ask for",
            ))
        }
    }
}

/// Whether `text` can stand in an error description (RFC 6749 section 5.2): names in a schema may have quotes and letters of all alphabets.
fn is_describable(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

fn not_showable(problem: DetailsProblem) -> Refusal {
    invalid(format!("authorization_details {problem}"))
}

fn invalid(description: impl Into<std::borrow::Cow<'static, str>>) -> Refusal {
    Refusal::new(OAuthErrorCode::InvalidAuthorizationDetails, description)
}
