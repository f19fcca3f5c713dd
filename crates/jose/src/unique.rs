//! JSON in which no object repeats a member, at any depth (RFC 8725 section 2.4).
//!
//! `serde_json` lets the last member win and other readers take the first; a token that two readers read differently is refused.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Number, Value};

use crate::JoseError;

/// A JSON value that was read with every repetition refused.
pub(crate) struct Unique(pub(crate) Value);

/// Reads one JSON object and nothing after it.
///
/// # Errors
/// [`JoseError::DuplicateMember`] when an object at any depth repeats a member; [`JoseError::Malformed`] when it is not one JSON object.
pub fn object(json: &[u8]) -> Result<Map<String, Value>, JoseError> {
    match serde_json::from_slice(json) {
        Ok(Unique(Value::Object(map))) => Ok(map),
        // `Unique` takes every type, so the only error of the data (not of syntax) is its own.
        Err(error) if error.is_data() => Err(JoseError::DuplicateMember),
        Ok(Unique(_)) | Err(_) => Err(JoseError::Malformed),
    }
}

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor)
    }
}

struct UniqueVisitor;

impl<'de> de::Visitor<'de> for UniqueVisitor {
    type Value = Unique;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without repeated members")
    }

    fn visit_unit<E>(self) -> Result<Unique, E> {
        Ok(Unique(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Unique, E> {
        Ok(Unique(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Unique, E> {
        Ok(Unique(Value::Number(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Unique, E> {
        Ok(Unique(Value::Number(value.into())))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Unique, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("a number that JSON cannot write"))?;
        Ok(Unique(Value::Number(number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Unique, E> {
        Ok(Unique(Value::String(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<Unique, E> {
        Ok(Unique(Value::String(value)))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut access: A) -> Result<Unique, A::Error> {
        let mut values = Vec::new();
        while let Some(Unique(value)) = access.next_element()? {
            values.push(value);
        }
        Ok(Unique(Value::Array(values)))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut access: A) -> Result<Unique, A::Error> {
        let mut map = Map::new();
        while let Some((name, Unique(value))) = access.next_entry::<String, Unique>()? {
            if map.insert(name, value).is_some() {
                return Err(de::Error::custom(JoseError::DuplicateMember));
            }
        }
        Ok(Unique(Value::Object(map)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Proves V-014.
    #[test]
    fn repetition_is_refused_at_any_depth_and_in_any_spelling() {
        for json in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"b":{"a":1,"a":2}}"#,
            r#"{"b":[0,[{"a":1,"c":0,"a":2}]]}"#,
            r#"{"":1,"":2}"#,
        ] {
            assert_eq!(
                object(json.as_bytes()),
                Err(JoseError::DuplicateMember),
                "V-014: {json}"
            );
        }
        assert!(
            object(br#"{"a":{"a":[{"a":1},{"a":1.5}]},"A":null}"#).is_ok(),
            "a name may recur in another object"
        );
    }

    #[test]
    fn only_one_whole_object_is_read() {
        let deep = format!("{}{}", "{\"a\":".repeat(200), "1".to_owned() + &"}".repeat(200));
        for json in [
            "",
            "null",
            "[]",
            "\"a\"",
            "{} {}",
            "{}x",
            "{\"a\":1,}",
            "{'a':1}",
            "\u{feff}{}",
            "{\"a\":1e999}",
            &deep,
        ] {
            assert_eq!(
                object(json.as_bytes()),
                Err(JoseError::Malformed),
                "{json:.40} is not one object"
            );
        }
        assert_eq!(object(b"{\"a\":\"\xff\"}"), Err(JoseError::Malformed), "not UTF-8");
    }
}
