//! Subject identifiers (RFC 9493): how a signed token names a person.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Named;
use crate::config::SubjectFormat;

/// A subject identifier of one of the formats that name one person (RFC 9493 section 3.2), with the members of its format and no others.
#[derive(Debug, Deserialize)]
#[serde(tag = "format", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum SubjectIdentifier {
    Account { uri: String },
    Email { email: String },
    IssSub { iss: String, sub: String },
    Opaque { id: String },
    PhoneNumber { phone_number: String },
}

impl SubjectIdentifier {
    /// Whom it means, by the attribute that `subjects` has for its format; none where the format is not accepted. `issuer` is this provider.
    pub(super) fn named(self, subjects: &BTreeMap<SubjectFormat, String>, issuer: &str) -> Option<Named> {
        let (format, value) = match self {
            // People of other issuers have no account here.
            Self::IssSub { iss, sub } => (SubjectFormat::IssSub, (iss == issuer).then_some(sub)),
            Self::Account { uri } => {
                let scheme = uri.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("acct:"));
                let account = uri.get(5..).filter(|_| scheme).map(str::to_owned);
                (SubjectFormat::Account, account)
            }
            Self::Email { email } => (SubjectFormat::Email, Some(email)),
            Self::Opaque { id } => (SubjectFormat::Opaque, Some(id)),
            Self::PhoneNumber { phone_number } => (SubjectFormat::PhoneNumber, Some(phone_number)),
        };
        let attribute = subjects.get(&format)?.clone();
        Some(value.map_or(Named::Nobody, |value| Named::Attribute { attribute, value }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://id.example";

    fn named(json: &str) -> Option<Named> {
        let subjects = [
            (SubjectFormat::IssSub, "id"),
            (SubjectFormat::Email, "email"),
            (SubjectFormat::PhoneNumber, "phone"),
            (SubjectFormat::Account, "username"),
        ];
        let subjects = subjects
            .map(|(format, attribute)| (format, attribute.to_owned()))
            .into();
        serde_json::from_str::<SubjectIdentifier>(json)
            .ok()?
            .named(&subjects, ISSUER)
    }

    #[test]
    fn each_format_is_looked_up_by_its_attribute() {
        for (json, attribute, value) in [
            (
                r#"{"format":"iss_sub","iss":"https://id.example","sub":"s"}"#,
                "id",
                "s",
            ),
            (r#"{"format":"email","email":"a@x.example"}"#, "email", "a@x.example"),
            (r#"{"format":"phone_number","phone_number":"+49"}"#, "phone", "+49"),
            (
                r#"{"format":"account","uri":"acct:a@x.example"}"#,
                "username",
                "a@x.example",
            ),
            (
                r#"{"format":"account","uri":"ACCT:a@x.example"}"#,
                "username",
                "a@x.example",
            ),
        ] {
            let expected = Named::Attribute {
                attribute: attribute.to_owned(),
                value: value.to_owned(),
            };
            assert_eq!(named(json), Some(expected), "R-082: {json}");
        }
        for json in [
            r#"{"format":"iss_sub","iss":"https://other.example","sub":"s"}"#,
            r#"{"format":"account","uri":"mailto:a@x.example"}"#,
            r#"{"format":"account","uri":"acc"}"#,
            r#"{"format":"account","uri":"ääää"}"#,
        ] {
            assert_eq!(named(json), Some(Named::Nobody), "R-076: nobody here: {json}");
        }
    }

    #[test]
    fn what_is_no_identifier_names_nobody() {
        for json in [
            r#"{"format":"opaque","id":"x"}"#,
            r#"{"format":"aliases","identifiers":[]}"#,
            r#"{"format":"email"}"#,
            r#"{"format":"email","email":1}"#,
            r#"{"format":"email","email":"a","sub":"s"}"#,
            r#"{"email":"a"}"#,
            r#"{"format":"EMAIL","email":"a"}"#,
            "{}",
            "[]",
            "\"a\"",
        ] {
            assert_eq!(named(json), None, "R-082: {json}");
        }
    }
}
