//! Words in angle brackets in a recipe's text, and what stands for them.

use countersign_jose::b64;
use serde_json::Value;

use crate::Honest;

/// Replaces each `<word>` of `text`. `more` are words of this place alone.
///
/// # Panics
/// When a recipe has a word that there is not.
pub(crate) fn expand(text: &str, honest: &Honest<'_>, more: &[(&str, &str)]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, onward)) = rest.split_once('<') {
        out.push_str(before);
        let (word, after) = onward.split_once('>').expect("a word ends");
        match more.iter().find(|(known, _)| *known == word) {
            Some((_, value)) => out.push_str(value),
            None => out.push_str(&word_of(word, honest)),
        }
        rest = after;
    }
    out + rest
}

/// `<now+60>` alone is a number; everything else is text.
pub(crate) fn expand_value(value: &Value, honest: &Honest<'_>) -> Value {
    match value {
        Value::String(text) => {
            let inner = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
            match inner.and_then(|word| time(word, honest.now)) {
                Some(seconds) => seconds.into(),
                None => expand(text, honest, &[]).into(),
            }
        }
        Value::Array(values) => values.iter().map(|value| expand_value(value, honest)).collect(),
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| (name.clone(), expand_value(value, honest)));
            Value::Object(members.collect())
        }
        other => other.clone(),
    }
}

fn time(word: &str, now: i64) -> Option<i64> {
    let offset = word.strip_prefix("now")?;
    if offset.is_empty() {
        return Some(now);
    }
    Some(now + offset.parse::<i64>().ok()?)
}

fn word_of(word: &str, honest: &Honest<'_>) -> String {
    if let Some(seconds) = time(word, honest.now) {
        return seconds.to_string();
    }
    if let Some(name) = honest.names.get(word) {
        return name.clone();
    }
    let json = |key: &countersign_jose::SigningKey| serde_json::to_string(&key.public_jwk()).expect("a key is JSON");
    match word.split_once(':') {
        Some(("pad", count)) => "x".repeat(number(count)),
        Some(("deep", count)) => format!("{}{}", "[".repeat(number(count)), "]".repeat(number(count))),
        Some(("deep_objects", count)) => {
            format!("{}1{}", "{\"a\":".repeat(number(count)), "}".repeat(number(count)))
        }
        Some(("b64", text)) => b64::encode(text.replace("[now]", &honest.now.to_string())),
        Some(("dots", count)) => ".".repeat(number(count)),
        Some((other, _)) => panic!("no recipe has the word {other}"),
        None => match word {
            "alg" => honest.key.algorithm().to_string(),
            "typ" => honest.header["typ"].as_str().unwrap_or("JWT").to_owned(),
            "kid" => honest.key.kid().to_owned(),
            "jwk" => json(honest.key),
            "stranger_kid" => honest.forger.stranger(honest.key.algorithm()).kid().to_owned(),
            "stranger_jwk" => json(honest.forger.stranger(honest.key.algorithm())),
            "lt" => "<".to_owned(),
            other => panic!("no recipe has the word {other}"),
        },
    }
}

fn number(text: &str) -> usize {
    text.parse().expect("a count")
}
