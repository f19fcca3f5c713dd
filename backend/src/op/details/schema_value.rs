use countersign_protocol::ExactValue;
use serde_json::{Map, Number, Value};

/// Decimal digits that a binary number of 64 bits always keeps.
const KEPT_DIGITS: usize = 15;
/// Greatest power of ten, either way.
const MAX_EXPONENT: i32 = 99;

/// `value` for a schema to be held against. None when a number cannot be taken over exactly: then the schema would judge another one than the
/// person sees.
pub(super) fn schema_value(value: &ExactValue) -> Option<Value> {
    Some(match value {
        ExactValue::Null => Value::Null,
        ExactValue::Bool(value) => Value::Bool(*value),
        ExactValue::Number(text) => Value::Number(number(text)?),
        ExactValue::Text(text) => Value::String(text.clone()),
        ExactValue::Items(items) => Value::Array(items.iter().map(schema_value).collect::<Option<_>>()?),
        ExactValue::Members(members) => {
            let members = members
                .iter()
                .map(|(name, value)| Some((name.clone(), schema_value(value)?)));
            Value::Object(members.collect::<Option<Map<_, _>>>()?)
        }
    })
}

fn number(text: &str) -> Option<Number> {
    if let Ok(whole) = text.parse::<u64>() {
        return Some(whole.into());
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().ok()?;
    let digits = mantissa
        .bytes()
        .filter(u8::is_ascii_digit)
        .skip_while(|&digit| digit == b'0')
        .count();
    let exact = digits <= KEPT_DIGITS && mantissa.len() <= 2 * KEPT_DIGITS && exponent.abs() <= MAX_EXPONENT;
    exact.then(|| text.parse().ok().and_then(Number::from_f64)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_taken_over_exactly_or_not_at_all() {
        for (text, taken) in [
            ("0", true),
            ("-0", true),
            ("12.10", true),
            ("12345678901234567890", true),
            ("18446744073709551615", true),
            ("18446744073709551616", false),
            ("-9223372036854775808", true),
            ("-9223372036854775809", false),
            ("0.000000000012345", true),
            ("123456789.012345", true),
            ("123456789.0123456", false),
            ("1E+2", true),
            ("1e99", true),
            ("1e100", false),
            ("1e-100", false),
            ("1e99999999999", false),
            ("100.000000000000000000000000000001", false),
        ] {
            let number = number(text);
            assert_eq!(number.is_some(), taken, "R-268: {text}");
        }
        assert_eq!(number("12.10").unwrap().as_f64(), Some(12.1));
        assert_eq!(
            number("12345678901234567890").unwrap().as_u64(),
            Some(12_345_678_901_234_567_890)
        );
    }
}
