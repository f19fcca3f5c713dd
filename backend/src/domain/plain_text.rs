//! Text that stands next to Approve and Deny: it must not be able to look like something else, whoever wrote it (Unicode TR36, TS39).

use serde_json::{Map, Value};
use unicode_normalization::is_nfc;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
use unicode_security::MixedScript;
use unicode_segmentation::UnicodeSegmentation;

/// Marks in a row that a character may carry: more are drawn over its neighbours.
const MAX_MARKS: usize = 2;

/// Objects and arrays in each other that a context may have.
const MAX_CONTEXT_DEPTH: usize = 4;

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

/// Why a message cannot be shown as it is. Reads on after its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageProblem {
    /// More characters than allowed, counted as people count.
    #[error("is too long")]
    TooLong,
    /// Characters are not put together as they are meant to be.
    #[error("is not in Unicode normalization form C")]
    NotComposed,
    /// Controls, invisible characters, or such as move others.
    #[error("has characters that are not plain text")]
    NotPlain,
    /// Space that could push something out of view.
    #[error("begins or ends with a space, or has several in a row")]
    Spaces,
    /// Something to click.
    #[error("has a link")]
    Link,
    /// Marks that are drawn over neighbours.
    #[error("has marks without a character or too many on one")]
    Marks,
    /// Letters that look like those of another script.
    #[error("mixes scripts")]
    MixedScripts,
}

/// Whether the one-line `message` of at most `longest` characters can be shown as it is: plain characters of one script, as they are meant to be
/// composed, nothing invisible, nothing that reorders.
///
/// # Errors
/// With the first rule that does not hold.
pub fn check_message(message: &str, longest: usize) -> Result<(), MessageProblem> {
    if message.graphemes(true).count() > longest {
        return Err(MessageProblem::TooLong);
    }
    if !is_nfc(message) {
        return Err(MessageProblem::NotComposed);
    }
    if !message.chars().all(is_plain) {
        return Err(MessageProblem::NotPlain);
    }
    if message.starts_with(' ') || message.ends_with(' ') || message.contains("  ") {
        return Err(MessageProblem::Spaces);
    }
    if message.contains("://") {
        return Err(MessageProblem::Link);
    }
    if !has_few_marks(message) {
        return Err(MessageProblem::Marks);
    }
    let digits = |ascii| {
        message
            .chars()
            .any(|c| c.general_category() == GeneralCategory::DecimalNumber && c.is_ascii() == ascii)
    };
    if !message.is_single_script() || (digits(true) && digits(false)) {
        return Err(MessageProblem::MixedScripts);
    }
    Ok(())
}

/// Whether `text` is a number that a person can read on one screen and type on another: `^[0-9]{2,8}$`.
#[must_use]
pub fn is_binding_code(text: &str) -> bool {
    (2..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a longer text of a client, such as in authorization details, can be shown: only characters that are plain text, each in its own place.
#[must_use]
pub fn is_plain_text(text: &str) -> bool {
    text.chars().all(is_plain) && has_few_marks(text)
}

/// Whether what a client reports of the place where a request began can be shown: plain characters in all names and values, not too deep.
#[must_use]
pub fn is_plain_context(members: &Map<String, Value>) -> bool {
    members
        .iter()
        .all(|(name, value)| name.chars().all(is_plain) && is_plain_value(value, MAX_CONTEXT_DEPTH))
}

fn is_plain_value(value: &Value, depth: usize) -> bool {
    let Some(deeper) = depth.checked_sub(1) else {
        return false;
    };
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => text.chars().all(is_plain),
        Value::Array(values) => values.iter().all(|value| is_plain_value(value, deeper)),
        Value::Object(members) => members
            .iter()
            .all(|(name, value)| name.chars().all(is_plain) && is_plain_value(value, deeper)),
    }
}

fn has_few_marks(text: &str) -> bool {
    let mut marks = MAX_MARKS; // nothing to carry a mark at the beginning
    text.chars().all(|character| {
        marks = if is_mark(character) { marks + 1 } else { 0 };
        marks <= MAX_MARKS
    })
}

fn is_mark(character: char) -> bool {
    use GeneralCategory as Gc;
    matches!(character.general_category(), Gc::NonspacingMark | Gc::SpacingMark)
}

/// Whether a character is of a category that shows something, in its place. Written out, so that a category that is added is refused.
fn is_plain(character: char) -> bool {
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
    use serde_json::json;

    use super::*;

    #[test]
    fn length_is_counted_as_people_count() {
        assert_eq!(check_message(&"é".repeat(64), 64), Ok(()), "R-062");
        assert!(check_message(&"é".repeat(65), 64).is_err(), "R-062");
    }

    #[test]
    fn what_is_reported_is_plain_in_names_and_values_at_every_depth() {
        for (value, plain) in [
            (json!({"device": "Firefox 143", "order": {"items": 3}}), true),
            (json!({"a": [{"b": 1}]}), true),
            (json!({"a": [[[[1]]]]}), false),
            (json!({"a": "\u{202e}evil"}), false),
            (json!({"a\u{200b}": "x"}), false),
            (json!({"a": {"b": ["\n"]}}), false),
        ] {
            let Value::Object(members) = &value else {
                panic!("an object")
            };
            assert_eq!(is_plain_context(members), plain, "R-207: {value}");
        }
    }
}
