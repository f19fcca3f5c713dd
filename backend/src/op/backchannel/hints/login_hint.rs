//! `login_hint` (CIBA Core section 7.1): an attribute of the person, or their issuer and subject as JSON (RFC 9493 section 3.2.3).

use serde::Deserialize;

use super::Named;

/// A subject identifier (RFC 9493 section 3.2.3), its `format` left out or not.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IssuerAndSubject {
    format: Option<String>,
    iss: String,
    sub: String,
}

pub(super) fn read(hint: &str, is_ours: impl Fn(&str) -> bool) -> Named {
    if !hint.starts_with('{') {
        return Named::Declared(hint.to_owned());
    }
    match serde_json::from_str::<IssuerAndSubject>(hint) {
        Ok(named) if is_ours(&named.iss) && named.format.as_deref().is_none_or(|format| format == "iss_sub") => {
            Named::Subject(named.sub)
        }
        _ => Named::Nobody,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_of_this_issuer_is_found_by_subject() {
        let is_ours = |iss: &str| iss == "https://id.example";
        for hint in [
            r#"{"format":"iss_sub","iss":"https://id.example","sub":"s"}"#,
            r#"{"iss":"https://id.example","sub":"s"}"#,
        ] {
            assert_eq!(read(hint, is_ours), Named::Subject("s".to_owned()), "{hint}");
        }
        for hint in [
            r#"{"iss":"https://other.example","sub":"s"}"#,
            r#"{"format":"email","iss":"https://id.example","sub":"s"}"#,
            r#"{"iss":"https://id.example","sub":"s","sub":"t"}"#,
            r#"{"iss":"https://id.example","sub":1}"#,
            r#"{"iss":"https://id.example"}"#,
            r#"{"iss":"https://id.example","sub":"s","x":1}"#,
            "{",
        ] {
            assert_eq!(read(hint, is_ours), Named::Nobody, "{hint}");
        }
        assert_eq!(read("anna", is_ours), Named::Declared("anna".to_owned()));
    }
}
