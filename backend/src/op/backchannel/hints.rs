//! Who is asked: exactly one hint, which names exactly one person (CIBA Core sections 7.1 and 7.2).

use countersign_protocol::{OAuthErrorCode, Subject};
use serde::Deserialize;

use super::{Asked, Checked};
use crate::{
    domain::{Account, Client},
    op::{OpError, Provider, refusal::Refusal},
    storage::HintMatch,
};

const MAX_LEN: usize = 512;

/// How the client names the person.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Hint {
    /// It can be no person of ours.
    #[default]
    Nobody,
    /// By subject.
    Subject(String),
    /// By one of the attributes that the operator declared.
    Attribute(String),
}

/// A subject identifier (RFC 9493 section 3.2.3), its `format` left out or not.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IssuerAndSubject {
    format: Option<String>,
    iss: String,
    sub: String,
}

pub(super) fn check(asked: &Asked<'_>, checked: &mut Checked) -> Result<(), Refusal> {
    let login_hint = asked.params.bounded("login_hint", MAX_LEN)?;
    let others = ["id_token_hint", "login_hint_token"]
        .into_iter()
        .filter(|name| asked.params.get(name).is_some())
        .count();
    match (login_hint, others) {
        (None, 0) => Err(Refusal::invalid_request("a hint is missing: send login_hint")),
        (Some(hint), 0) => {
            checked.hint = read(hint, asked.provider);
            Ok(())
        }
        (None, 1) => Err(Refusal::invalid_request(
            "id_token_hint and login_hint_token are not supported: send login_hint",
        )),
        _ => Err(Refusal::invalid_request("there is more than one hint")),
    }
}

fn read(hint: &str, provider: &Provider) -> Hint {
    read_at(hint, |iss| provider.is_called(iss))
}

fn read_at(hint: &str, is_ours: impl Fn(&str) -> bool) -> Hint {
    if !hint.starts_with('{') {
        return Hint::Attribute(hint.to_owned());
    }
    match serde_json::from_str::<IssuerAndSubject>(hint) {
        Ok(named) if is_ours(&named.iss) && named.format.as_deref().is_none_or(|format| format == "iss_sub") => {
            Hint::Subject(named.sub)
        }
        _ => Hint::Nobody,
    }
}

impl Provider {
    /// The person. Somebody unknown, somebody disabled and a hint that names two people are not told apart, and each costs one look-up.
    pub(super) async fn hinted(&self, client: &Client, hint: &Hint) -> Result<Account, OpError> {
        let storage = &self.parts.storage;
        let found = match hint {
            Hint::Attribute(value) => {
                let attributes = &self.parts.config.login_hint_attributes;
                storage.find_by_hint(attributes, value).await?
            }
            Hint::Subject(sub) => {
                let person = self.person_of(client, sub)?;
                let sub = person.as_ref().map_or("", Subject::as_str);
                storage.find_by_hint(&["id".to_owned()], sub).await?
            }
            Hint::Nobody => storage.find_by_hint(&["id".to_owned()], "").await?,
        };
        match found {
            HintMatch::One(account) if !account.disabled => Ok(*account),
            HintMatch::One(_) | HintMatch::Nobody | HintMatch::Several => {
                let unknown = OAuthErrorCode::UnknownUserId;
                Err(Refusal::new(unknown, "the hint does not name one person").into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_of_this_issuer_is_found_by_subject() {
        let issuer = "https://id.example";
        for hint in [
            r#"{"format":"iss_sub","iss":"https://id.example","sub":"s"}"#,
            r#"{"iss":"https://id.example","sub":"s"}"#,
        ] {
            assert_eq!(
                read_at(hint, |iss| iss == issuer),
                Hint::Subject("s".to_owned()),
                "{hint}"
            );
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
            assert_eq!(read_at(hint, |iss| iss == issuer), Hint::Nobody, "{hint}");
        }
        assert_eq!(read_at("anna", |iss| iss == issuer), Hint::Attribute("anna".to_owned()));
    }
}
