use countersign_jose::{digest, unique};
use serde_json::Value;

use crate::connectors::IntakeError;

/// Longest text that counts, bytes.
const MAX_TEXT_BYTES: usize = 2048;

/// What counts of the body. Whatever else the client sent stands there too, secrets among it, and is dropped unread.
pub(super) struct Asked {
    pub(super) scope: Option<String>,
    pub(super) binding_message: Option<String>,
    pub(super) acr_values: Option<String>,
}

/// Reads what Keycloak sends: an object, members that may be null, any others beside them.
pub(super) fn read(json: &[u8]) -> Result<Asked, IntakeError> {
    let mut members = unique::object(json).map_err(|_| IntakeError::Invalid {
        field: "body",
        problem: "is not one JSON object with each member once".to_owned(),
    })?;
    let mut text = |field: &'static str| match members.remove(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) if text.len() <= MAX_TEXT_BYTES => Ok(Some(text)),
        Some(_) => Err(IntakeError::Invalid {
            field,
            problem: "is not a text of at most 2048 bytes".to_owned(),
        }),
    };
    Ok(Asked {
        scope: text("scope")?,
        binding_message: text("binding_message")?,
        acr_values: text("acr_values")?,
    })
}

/// Of all that was handed over.
pub(super) fn digest_of(bearer: &str, json: &[u8]) -> [u8; 32] {
    let parts = [digest::sha256(bearer), digest::sha256(json)];
    digest::sha256(parts.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_members_are_passed_over_and_null_is_nothing() {
        let asked =
            read(br#"{"scope":"openid","binding_message":null,"client_secret":"s","amount":"100","x":{"y":[1]}}"#);
        let asked = asked.unwrap();
        assert_eq!(asked.scope.as_deref(), Some("openid"));
        assert!(asked.binding_message.is_none() && asked.acr_values.is_none());
    }

    #[test]
    fn what_is_no_object_or_no_text_is_refused_by_name() {
        for (json, field) in [
            ("[]", "body"),
            ("", "body"),
            (r#"{"scope":"a","scope":"b"}"#, "body"),
            (r#"{"scope":1}"#, "scope"),
            (r#"{"binding_message":{}}"#, "binding_message"),
        ] {
            let refused = read(json.as_bytes()).err();
            assert!(
                matches!(refused, Some(IntakeError::Invalid { field: named, .. }) if named == field),
                "{json}"
            );
        }
    }
}
