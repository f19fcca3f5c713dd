use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::value::RawValue;

/// Objects and arrays in each other: more than anybody can read, and little enough for every stack.
const MAX_DEPTH: usize = 32;

/// JSON as it was written, to the byte.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExactJson(Box<RawValue>);

impl ExactJson {
    /// Takes `text` as it is, without the white space around it.
    ///
    /// # Errors
    /// [`ExactError::Malformed`] when it is not one JSON value.
    pub fn new(text: &str) -> Result<Self, ExactError> {
        serde_json::from_str(text).map(Self).map_err(|_| ExactError::Malformed)
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// Reads the text, losing nothing.
    ///
    /// # Errors
    /// See [`ExactError`].
    pub fn read(&self) -> Result<ExactValue, ExactError> {
        read(&self.0, 0)
    }
}

impl PartialEq for ExactJson {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for ExactJson {}

/// What people are asked to approve stays out of logs.
impl fmt::Debug for ExactJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExactJson(..)")
    }
}

/// A JSON value with nothing lost: members in their order, numbers as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExactValue {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, digit by digit.
    Number(String),
    /// A string.
    Text(String),
    /// An array.
    Items(Vec<ExactValue>),
    /// An object.
    Members(Vec<(String, ExactValue)>),
}

impl ExactValue {
    /// The member `name`, when this is an object that has one.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Self> {
        let Self::Members(members) = self else { return None };
        members.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The string that this is.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Why a text cannot be read so that everybody reads the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExactError {
    /// It is not one JSON value.
    #[error("read text as JSON")]
    Malformed,
    /// An object has two members of one name: readers would disagree about which of them counts.
    #[error("read JSON whose objects name each member once")]
    DuplicateMember,
    /// Objects and arrays are too deep in each other.
    #[error("read JSON of a depth that can be shown")]
    TooDeep,
}

fn read(raw: &RawValue, depth: usize) -> Result<ExactValue, ExactError> {
    let text = raw.get();
    if depth > MAX_DEPTH {
        return Err(ExactError::TooDeep);
    }
    match text.as_bytes().first() {
        Some(b'{') => {
            let Members(raw) = parse(text)?;
            let mut members: Vec<(String, ExactValue)> = Vec::with_capacity(raw.len());
            for (name, value) in raw {
                if members.iter().any(|(known, _)| *known == name) {
                    return Err(ExactError::DuplicateMember);
                }
                members.push((name, read(value, depth + 1)?));
            }
            Ok(ExactValue::Members(members))
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = parse(text)?;
            let items = items.into_iter().map(|item| read(item, depth + 1));
            Ok(ExactValue::Items(items.collect::<Result<_, _>>()?))
        }
        Some(b'"') => Ok(ExactValue::Text(parse(text)?)),
        Some(b'n') => Ok(ExactValue::Null),
        Some(b't' | b'f') => Ok(ExactValue::Bool(parse(text)?)),
        _ => Ok(ExactValue::Number(text.to_owned())),
    }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, ExactError> {
    serde_json::from_str(text).map_err(|_| ExactError::Malformed)
}

/// Members in their order, repeated ones included.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> de::Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ExactValue, ExactError> {
        ExactJson::new(text)?.read()
    }

    #[test]
    fn nothing_is_lost() {
        let text = r#" {"z":12.10,"a":[12345678901234567890.50, -0, 1E+2, true, null, "\u00e4\n"], "m" : {} } "#;
        let exact = ExactJson::new(text).unwrap();
        assert_eq!(exact.text(), text.trim(), "R-268: to the byte");
        assert_eq!(
            serde_json::to_string(&exact).unwrap(),
            text.trim(),
            "R-268: on the wire too"
        );
        let number = |text: &str| ExactValue::Number(text.to_owned());
        let expected = ExactValue::Members(vec![
            ("z".to_owned(), number("12.10")),
            (
                "a".to_owned(),
                ExactValue::Items(vec![
                    number("12345678901234567890.50"),
                    number("-0"),
                    number("1E+2"),
                    ExactValue::Bool(true),
                    ExactValue::Null,
                    ExactValue::Text("ä\n".to_owned()),
                ]),
            ),
            ("m".to_owned(), ExactValue::Members(Vec::new())),
        ]);
        assert_eq!(exact.read(), Ok(expected), "R-268: order and digits");
    }

    #[test]
    fn what_readers_could_disagree_about_is_not_read() {
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for (text, error, why) in [
            ("", ExactError::Malformed, "nothing"),
            ("[1] 2", ExactError::Malformed, "something after it"),
            ("[01]", ExactError::Malformed, "a number that JSON does not know"),
            ("[1.]", ExactError::Malformed, "half a number"),
            ("[NaN]", ExactError::Malformed, "not a number"),
            ("[\"\\ud800\"]", ExactError::Malformed, "half a character"),
            ("[\"a\nb\"]", ExactError::Malformed, "a raw line break in a string"),
            (r#"{"a":1,"a":1}"#, ExactError::DuplicateMember, "twice the same"),
            (
                r#"[{"b":{"a":1,"\u0061":2}}]"#,
                ExactError::DuplicateMember,
                "twice in two spellings",
            ),
            (&deep(MAX_DEPTH + 2), ExactError::TooDeep, "deep"),
            (&deep(10_000), ExactError::TooDeep, "very deep"),
        ] {
            assert_eq!(read(text), Err(error), "R-268, V-037: {why}");
        }
        assert!(read(&deep(MAX_DEPTH)).is_ok());
    }

    #[test]
    fn it_does_not_show_in_debug_output() {
        let exact = ExactJson::new(r#"["secret"]"#).unwrap();
        assert!(!format!("{exact:?}").contains("secret"));
    }
}
