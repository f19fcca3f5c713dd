//! JSON bodies read strictly: no member twice, none unknown, and an error names the member at fault.

use std::fmt;

use countersign_jose::{JoseError, unique};
use serde::{
    Deserializer,
    de::{self, DeserializeOwned, IntoDeserializer},
    forward_to_deserialize_any,
};
use serde_json::{Map, Value};

/// Why a body is not the one expected.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body cannot be used: {problem}")]
pub struct BodyError {
    /// The member at fault, where there is one.
    pub field: Option<String>,
    /// What is wrong. Never repeats a value.
    problem: String,
}

/// Reads one JSON object into `T`, whose members are the only ones allowed.
pub fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, BodyError> {
    let members = unique::object(json).map_err(|error| match error {
        JoseError::DuplicateMember => BodyError::without_field("a member occurs twice"),
        _ => BodyError::without_field("it is not one JSON object"),
    })?;
    T::deserialize(Members(members))
}

impl BodyError {
    fn without_field(problem: &str) -> Self {
        Self {
            field: None,
            problem: problem.to_owned(),
        }
    }

    fn of(field: &str, problem: &str) -> Self {
        Self {
            field: Some(field.to_owned()),
            problem: format!("`{field}` {problem}"),
        }
    }
}

impl de::Error for BodyError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        // The text of others may repeat a value, and values are secrets.
        Self::without_field("it does not have the expected members")
    }

    fn missing_field(field: &'static str) -> Self {
        Self::of(field, "is missing")
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        let shown: String = field.chars().take(128).collect();
        Self::of(&shown, "is unknown")
    }
}

/// The members of one object, remembering which one is being read.
struct Members(Map<String, Value>);

impl<'de> Deserializer<'de> for Members {
    type Error = BodyError;

    fn deserialize_any<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, BodyError> {
        visitor.visit_map(Reading {
            rest: self.0.into_iter(),
            value: None,
        })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Reading {
    rest: serde_json::map::IntoIter,
    value: Option<(String, Value)>,
}

impl<'de> de::MapAccess<'de> for Reading {
    type Error = BodyError;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, BodyError> {
        let Some((name, value)) = self.rest.next() else {
            return Ok(None);
        };
        self.value = Some((name.clone(), value));
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: de::DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, BodyError> {
        let Some((name, value)) = self.value.take() else {
            return Err(BodyError::without_field("a member has no value"));
        };
        seed.deserialize(value)
            .map_err(|_| BodyError::of(&name, "is not of the expected kind"))
    }
}

#[cfg(test)]
mod tests {
    use countersign_protocol::{DecisionRequest, PushUpdate};

    use super::*;

    fn field(json: &str) -> Option<String> {
        read::<DecisionRequest>(json.as_bytes()).unwrap_err().field
    }

    /// Proves V-014 for bodies.
    #[test]
    fn the_member_at_fault_is_named() {
        assert!(read::<DecisionRequest>(br#"{"request":"a","decision":"b"}"#).is_ok());
        assert_eq!(field(r#"{"request":"a"}"#).as_deref(), Some("decision"), "missing");
        assert_eq!(
            field(r#"{"request":"a","decision":"b","x":1}"#).as_deref(),
            Some("x"),
            "unknown"
        );
        assert_eq!(
            field(r#"{"request":1,"decision":"b"}"#).as_deref(),
            Some("request"),
            "kind"
        );
        assert_eq!(field(r#"{"request":null,"decision":"b"}"#).as_deref(), Some("request"));
        for json in [
            "",
            "[]",
            "null",
            r#"{"request":"a","request":"a","decision":"b"}"#,
            "{} {}",
        ] {
            assert_eq!(field(json), None, "{json}");
        }
    }

    #[test]
    fn a_nested_error_names_the_outer_member_and_repeats_no_value() {
        for json in [
            r#"{"push":{"type":"carrier-pigeon","token":"s3cret"}}"#,
            r#"{"push":{"type":"fcm","token":7}}"#,
        ] {
            let error = read::<PushUpdate>(json.as_bytes()).unwrap_err();
            assert_eq!(error.field.as_deref(), Some("push"));
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
        assert!(read::<PushUpdate>(br#"{"push":{"type":"stream"}}"#).is_ok());
    }
}
