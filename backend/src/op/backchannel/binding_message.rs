//! `binding_message` (CIBA Core section 7.1): what ties both screens together, and what must not be drawn on them.
//!
//! A message is shown to the person next to Approve and Deny, so it must not be able to look like something else: it is one line of plain
//! characters of one script, as they are meant to be composed, nothing invisible, nothing that reorders (Unicode TR36, TS39).

use countersign_protocol::OAuthErrorCode;
use unicode_normalization::is_nfc;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
use unicode_security::MixedScript;
use unicode_segmentation::UnicodeSegmentation;

use super::{Asked, Checked};
use crate::{domain::BindingMode, op::refusal::Refusal};

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

/// Marks in a row that a character may carry: more are drawn over its neighbours.
const MAX_MARKS: usize = 2;

/// Characters that show nothing although their category is one that shows.
const INVISIBLE: [std::ops::RangeInclusive<char>; 9] = [
    '\u{034f}'..='\u{034f}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{2800}'..='\u{2800}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{e0000}'..='\u{e0fff}',
];

pub(super) fn check(asked: &Asked<'_>, checked: &mut Checked) -> Result<(), Refusal> {
    let message = asked.params.get("binding_message");
    let config = &asked.provider.parts.config;
    let unacceptable = |problem| Refusal::new(OAuthErrorCode::InvalidBindingMessage, problem);
    checked.binding = bind(asked.client.binding_mode, message, config.binding_message_length).map_err(unacceptable)?;
    if !message.is_none_or(|message| config.binding_message_pattern.admits(message)) {
        return Err(unacceptable(
            "binding_message does not look as messages have to look here",
        ));
    }
    Ok(())
}

fn bind(mode: BindingMode, message: Option<&str>, longest: usize) -> Result<Binding, &'static str> {
    match (mode, message) {
        (BindingMode::Type, None) => Ok(Binding::MakeCode),
        (BindingMode::Type, Some(message)) if !is_number(message) => {
            Err("binding_message has to be a number of 2 to 8 digits for this client")
        }
        (BindingMode::Type | BindingMode::Auto, Some(message)) if is_number(message) => {
            Ok(Binding::Type(message.to_owned()))
        }
        (_, None) => Ok(Binding::Show(None)),
        (_, Some(message)) => {
            showable(message, longest)?;
            Ok(Binding::Show(Some(message.to_owned())))
        }
    }
}

/// `^[0-9]{2,8}$`
fn is_number(message: &str) -> bool {
    (2..=8).contains(&message.len()) && message.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether `message` can be shown as it is.
fn showable(message: &str, longest: usize) -> Result<(), &'static str> {
    if message.graphemes(true).count() > longest {
        return Err("binding_message is too long");
    }
    if !is_nfc(message) {
        return Err("binding_message is not in Unicode normalization form C");
    }
    if !message.chars().all(is_plain) {
        return Err("binding_message has characters that are not plain text");
    }
    if message.starts_with(' ') || message.ends_with(' ') || message.contains("  ") {
        return Err("binding_message begins or ends with a space, or has several in a row");
    }
    if message.contains("://") {
        return Err("binding_message has a link");
    }
    let mut marks = MAX_MARKS; // nothing to carry a mark at the beginning
    for character in message.chars() {
        marks = if is_mark(character) { marks + 1 } else { 0 };
        if marks > MAX_MARKS {
            return Err("binding_message has marks without a character or too many on one");
        }
    }
    let digits = |ascii| {
        message
            .chars()
            .any(|c| c.general_category() == GeneralCategory::DecimalNumber && c.is_ascii() == ascii)
    };
    if !message.is_single_script() || (digits(true) && digits(false)) {
        return Err("binding_message mixes scripts");
    }
    Ok(())
}

fn is_mark(character: char) -> bool {
    use GeneralCategory as Gc;
    matches!(character.general_category(), Gc::NonspacingMark | Gc::SpacingMark)
}

/// Whether a character is of a category that shows something, in its place. Written out, so that a category that is added is refused.
pub(super) fn is_plain(character: char) -> bool {
    use GeneralCategory as Gc;
    let visible = matches!(
        character.general_category(),
        Gc::UppercaseLetter
            | Gc::LowercaseLetter
            | Gc::TitlecaseLetter
            | Gc::ModifierLetter
            | Gc::OtherLetter
            | Gc::NonspacingMark
            | Gc::SpacingMark
            | Gc::DecimalNumber
            | Gc::LetterNumber
            | Gc::OtherNumber
            | Gc::ConnectorPunctuation
            | Gc::DashPunctuation
            | Gc::OpenPunctuation
            | Gc::ClosePunctuation
            | Gc::InitialPunctuation
            | Gc::FinalPunctuation
            | Gc::OtherPunctuation
            | Gc::MathSymbol
            | Gc::CurrencySymbol
            | Gc::ModifierSymbol
            | Gc::OtherSymbol
    );
    character == ' ' || (visible && !INVISIBLE.iter().any(|range| range.contains(&character)))
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
            assert_eq!(showable(message, 64), Ok(()), "R-062, V-023: {message:?} is fine");
        }
        for Refused { message, why } in &corpus.refused {
            assert!(showable(message, 64).is_err(), "R-062, V-023: {message:?}: {why}");
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

    #[test]
    fn length_is_counted_as_people_count() {
        assert_eq!(showable(&"é".repeat(64), 64), Ok(()), "R-062");
        assert!(showable(&"é".repeat(65), 64).is_err(), "R-062");
    }
}
