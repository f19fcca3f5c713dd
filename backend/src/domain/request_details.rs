//! Authorization details (RFC 9396) as somebody sent them: few and flat enough to be looked at, and nothing in them that hides or moves something else.

use countersign_protocol::{DetailsShown, DetailsWords, ExactError, ExactJson, ExactValue};

use super::plain_text::is_plain_text;

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

/// Why authorization details cannot be shown. Reads on after their name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DetailsProblem {
    /// Too many bytes.
    #[error("are longer than 4096 bytes")]
    TooLong,
    /// No JSON at all.
    #[error("are not JSON")]
    NotJson,
    /// Readers would disagree about which of the members counts.
    #[error("have an object with a member twice")]
    DuplicateMember,
    /// Something else.
    #[error("are not an array")]
    NotAnArray,
    /// More than a screen has room for.
    #[error("have more than 8 elements")]
    TooManyElements,
    /// More than anybody looks at.
    #[error("are too many or too deep to be looked at")]
    TooMuch,
    /// Characters that hide or move others.
    #[error("have characters that are not plain text")]
    NotPlain,
    /// Nothing says what an element is.
    #[error("have an element that is not an object with a type")]
    NoType,
    /// The words for all types and the details themselves are too long together.
    #[error("have too many types at once for one screen")]
    TooManyTypes,
}

impl From<ExactError> for DetailsProblem {
    fn from(error: ExactError) -> Self {
        match error {
            ExactError::Malformed => Self::NotJson,
            ExactError::DuplicateMember => Self::DuplicateMember,
            ExactError::TooDeep => Self::TooMuch,
        }
    }
}

/// Authorization details that can be shown, in the words of who sent them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestDetails {
    /// As they were sent.
    pub exact: ExactJson,
    /// The same, read.
    pub elements: Vec<ExactValue>,
}

impl RequestDetails {
    /// Reads an array of objects that each say their type. An empty array is no details.
    ///
    /// # Errors
    /// See [`DetailsProblem`].
    pub fn read(sent: &str) -> Result<Option<Self>, DetailsProblem> {
        if sent.len() > MAX_LEN {
            return Err(DetailsProblem::TooLong);
        }
        let exact = ExactJson::new(sent)?;
        let ExactValue::Items(elements) = exact.read()? else {
            return Err(DetailsProblem::NotAnArray);
        };
        if elements.is_empty() {
            return Ok(None);
        }
        if elements.len() > MAX_ELEMENTS {
            return Err(DetailsProblem::TooManyElements);
        }
        let mut values = 0;
        for element in &elements {
            check_showable(element, 1, &mut values)?;
        }
        let details = Self { exact, elements };
        if details.types().count() < details.elements.len() {
            return Err(DetailsProblem::NoType);
        }
        Ok(Some(details))
    }

    /// The type of each element.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.elements
            .iter()
            .filter_map(|element| element.member("type")?.text())
    }

    /// What a device is given to show: the details and what their types are called, each type once, in the order in which they occur.
    ///
    /// # Errors
    /// [`DetailsProblem::TooManyTypes`].
    pub fn shown(&self, call: impl Fn(&str) -> DetailsWords) -> Result<DetailsShown, DetailsProblem> {
        let mut words: Vec<DetailsWords> = Vec::new();
        for kind in self.types() {
            if words.iter().all(|known| known.kind != kind) {
                words.push(call(kind));
            }
        }
        let words_len = serde_json::to_string(&words).map_or(usize::MAX, |words| words.len());
        if words_len.saturating_add(self.exact.text().len()) > MAX_SHOWN {
            return Err(DetailsProblem::TooManyTypes);
        }
        let details = self.exact.clone();
        Ok(DetailsShown { details, words })
    }
}

/// Whether a person can look at all of `value`: not too much, not too deep, and no characters that hide or move others.
fn check_showable(value: &ExactValue, depth: usize, values: &mut usize) -> Result<(), DetailsProblem> {
    *values += 1;
    if *values > MAX_VALUES || depth > MAX_DEPTH {
        return Err(DetailsProblem::TooMuch);
    }
    let plain = |text: &str| is_plain_text(text).then_some(()).ok_or(DetailsProblem::NotPlain);
    match value {
        ExactValue::Text(text) => plain(text),
        ExactValue::Items(items) => items
            .iter()
            .try_for_each(|item| check_showable(item, depth + 1, values)),
        ExactValue::Members(members) => members.iter().try_for_each(|(name, value)| {
            plain(name)?;
            check_showable(value, depth + 1, values)
        }),
        ExactValue::Null | ExactValue::Bool(_) | ExactValue::Number(_) => Ok(()),
    }
}
