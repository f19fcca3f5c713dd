//! The two claim shapes that attackers bend: times and audiences (RFC 7519 section 4.1).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// Seconds since 1970-01-01T00:00:00Z, for `exp`, `nbf` and `iat`: a JSON integer from 0 to the end of the year 9999.
///
/// Strings, fractions (also `1.0`), negative and larger numbers are refused, since readers disagree about what they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct IntegerSeconds(pub i64);

impl IntegerSeconds {
    const LAST: i64 = 253_402_300_799;

    /// A claim that may be left out, but is a time where it is there: null would be an end that never comes.
    ///
    /// For `#[serde(default, deserialize_with = "IntegerSeconds::if_there")]`.
    ///
    /// # Errors
    /// When it is anything but a time.
    pub fn if_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        Self::deserialize(deserializer).map(Some)
    }
}

impl<'de> Deserialize<'de> for IntegerSeconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not `deserialize_i64`: the type must come from the input, never from a conversion on the way.
        deserializer.deserialize_any(SecondsVisitor)
    }
}

struct SecondsVisitor;

impl de::Visitor<'_> for SecondsVisitor {
    type Value = IntegerSeconds;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("whole seconds since 1970, before the year 10000")
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<IntegerSeconds, E> {
        if (0..=IntegerSeconds::LAST).contains(&seconds) {
            Ok(IntegerSeconds(seconds))
        } else {
            Err(E::invalid_value(de::Unexpected::Signed(seconds), &self))
        }
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<IntegerSeconds, E> {
        match i64::try_from(seconds) {
            Ok(seconds) => self.visit_i64(seconds),
            Err(_) => Err(E::invalid_value(de::Unexpected::Unsigned(seconds), &self)),
        }
    }
}

/// The `aud` claim: one string, or an array of strings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// A single string.
    One(String),
    /// An array, whatever its length.
    Many(Vec<String>),
}

impl Audience {
    /// Whether `audience` is among those meant.
    #[must_use]
    pub fn contains(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Many(many) => many.iter().any(|one| one == audience),
        }
    }

    /// Whether the claim is the single string `audience`; an array is not, even with that one element.
    #[must_use]
    pub fn is_exactly(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Many(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Proves V-016.
    #[test]
    fn a_time_is_an_integer_of_this_era_and_nothing_else() {
        for good in ["0", "1700000000", "253402300799"] {
            let seconds: IntegerSeconds = serde_json::from_str(good).unwrap();
            assert_eq!(serde_json::to_string(&seconds).unwrap(), good);
        }
        for bad in [
            "\"1700000000\"",
            "1.0",
            "1700000000.5",
            "1e9",
            "1E400",
            "-1",
            "-0",
            "253402300800",
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551615",
            "18446744073709551616",
            "NaN",
            "Infinity",
            "null",
            "true",
            "[1]",
            "{}",
            "01",
            "0x10",
        ] {
            assert!(
                serde_json::from_str::<IntegerSeconds>(bad).is_err(),
                "V-016: {bad} is no time"
            );
            let through_value =
                serde_json::from_str::<serde_json::Value>(bad).map(serde_json::from_value::<IntegerSeconds>);
            assert!(
                !matches!(through_value, Ok(Ok(_))),
                "V-016: {bad} is no time on the way through a value either"
            );
        }
    }

    /// Proves V-016.
    #[test]
    fn a_time_may_be_left_out_but_not_be_null() {
        #[derive(Deserialize)]
        struct Claims {
            #[serde(default, deserialize_with = "IntegerSeconds::if_there")]
            exp: Option<IntegerSeconds>,
        }
        let exp = |claims| serde_json::from_str::<Claims>(claims).map(|claims| claims.exp);
        assert_eq!(exp("{}").unwrap(), None);
        assert_eq!(exp(r#"{"exp":1}"#).unwrap(), Some(IntegerSeconds(1)));
        assert!(exp(r#"{"exp":null}"#).is_err(), "V-016: null is no time");
    }

    /// Proves V-015.
    #[test]
    fn an_audience_is_a_string_or_strings() {
        let one: Audience = serde_json::from_str("\"op\"").unwrap();
        assert!(one.contains("op") && one.is_exactly("op") && !one.contains("o"));
        let many: Audience = serde_json::from_str(r#"["op","other"]"#).unwrap();
        assert!(many.contains("op") && !many.is_exactly("op"));
        let array_of_one: Audience = serde_json::from_str(r#"["op"]"#).unwrap();
        assert!(
            !array_of_one.is_exactly("op"),
            "V-015: an array is not the single string"
        );
        assert!(!Audience::Many(Vec::new()).contains("op"));
        for bad in ["null", "1", "{}", "[1]", "[\"op\",null]", "[[\"op\"]]"] {
            assert!(
                serde_json::from_str::<Audience>(bad).is_err(),
                "V-015: {bad} is no audience"
            );
        }
    }
}
