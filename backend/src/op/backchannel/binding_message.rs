//! `binding_message` (CIBA Core section 7.1): what ties both screens together, and what must not be drawn on them.

use std::fmt::Display;

use countersign_protocol::OAuthErrorCode;

use super::{Asked, Checked};
use crate::{
    domain::{BindingMode, check_message, is_binding_code},
    op::refusal::Refusal,
};

/// How both screens are going to be compared.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Binding {
    /// By eye.
    Show(Option<String>),
    /// By typing this number.
    Type(String),
    /// By typing a number that is yet to be made.
    MakeCode,
}

impl Default for Binding {
    fn default() -> Self {
        Self::Show(None)
    }
}

pub(super) fn check(asked: &Asked<'_>, checked: &mut Checked) -> Result<(), Refusal> {
    let message = asked.params.get("binding_message");
    let config = &asked.provider.parts.config;
    checked.binding = bind(asked.client.binding_mode, message, config.binding_message_length)?;
    if !message.is_none_or(|message| config.binding_message_pattern.admits(message)) {
        return Err(unacceptable("does not look as messages have to look here"));
    }
    Ok(())
}

fn bind(mode: BindingMode, message: Option<&str>, longest: usize) -> Result<Binding, Refusal> {
    match (mode, message) {
        (BindingMode::Type, None) => Ok(Binding::MakeCode),
        (BindingMode::Type, Some(message)) if !is_binding_code(message) => {
            Err(unacceptable("has to be a number of 2 to 8 digits for this client"))
        }
        (BindingMode::Type | BindingMode::Auto, Some(message)) if is_binding_code(message) => {
            Ok(Binding::Type(message.to_owned()))
        }
        (_, None) => Ok(Binding::Show(None)),
        (_, Some(message)) => {
            check_message(message, longest).map_err(unacceptable)?;
            Ok(Binding::Show(Some(message.to_owned())))
        }
    }
}

fn unacceptable(problem: impl Display) -> Refusal {
    let description = format!("binding_message {problem}");
    Refusal::new(OAuthErrorCode::InvalidBindingMessage, description)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Corpus {
        accepted: Vec<String>,
        refused: Vec<Refused>,
    }

    #[derive(Deserialize)]
    struct Refused {
        message: String,
        why: String,
    }

    #[test]
    fn what_could_look_like_something_else_is_not_shown() {
        let corpus = include_str!("../../../../tests/vectors/binding-messages.json");
        let corpus: Corpus = serde_json::from_str(corpus).unwrap();
        assert!(
            corpus.accepted.len() + corpus.refused.len() >= 100,
            "V-023: the corpus is large"
        );
        for message in &corpus.accepted {
            assert_eq!(check_message(message, 64), Ok(()), "R-062, V-023: {message:?} is fine");
        }
        for Refused { message, why } in &corpus.refused {
            assert!(check_message(message, 64).is_err(), "R-062, V-023: {message:?}: {why}");
        }
    }

    /// where people would approve without comparing, they type.
    #[test]
    fn the_mode_of_the_client_decides_how_screens_are_compared() {
        use BindingMode::{Auto, Show, Type};
        let number = |code: &str| Some(Binding::Type(code.to_owned()));
        let words = |message: &str| Some(Binding::Show(Some(message.to_owned())));
        for (mode, message, expected, id) in [
            (Auto, Some("4711"), number("4711"), "S-001"),
            (Auto, Some("07"), number("07"), "S-001"),
            (Auto, Some("W4SCT"), words("W4SCT"), "S-001"),
            (Auto, Some("7"), words("7"), "S-001"),
            (Auto, Some("123456789"), words("123456789"), "S-001"),
            (Auto, None, Some(Binding::Show(None)), "S-001"),
            (Show, Some("4711"), words("4711"), "S-001"),
            (Show, Some("1234"), words("1234"), "R-062"),
            (Type, Some("4711"), number("4711"), "S-005"),
            (Type, Some("W4SCT"), None, "S-005"),
            (Type, Some("123456789"), None, "S-005"),
            (Type, None, Some(Binding::MakeCode), "S-005"),
        ] {
            let bound = bind(mode, message, 64).ok();
            assert!(bound == expected, "{id}: {mode:?} with {message:?}");
        }
    }
}
