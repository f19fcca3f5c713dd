//! From recipe to token.

use countersign_jose::b64;
use serde_json::{Map, Value};

use crate::{
    Attack, Honest,
    text::{expand, expand_value},
};

impl Attack {
    /// The token that this attack sends where `honest` would be sent.
    ///
    /// # Panics
    /// When the recipe makes no sense.
    #[must_use]
    pub fn forge(&self, honest: &Honest<'_>) -> String {
        let mut header = members(&honest.header);
        header.insert("alg".to_owned(), honest.algorithm().to_string().into());
        let header = self.header_text(header, honest);
        let payload = self.payload_bytes(honest);
        let (header, payload) = (b64::encode(header), b64::encode(payload));
        let input = format!("{header}.{payload}");
        let honest_input = self.honest_input(honest);
        let signature = honest.forger.sign(
            self.signed_by,
            honest,
            &self.signature.over(&input, &honest_input, &payload),
        );
        let signature = b64::encode(self.signature.bend(&signature, honest.algorithm()));
        let good = format!("{input}.{signature}");
        let Some(token) = &self.token else {
            return good;
        };
        expand(
            token,
            honest,
            &[
                ("header", &header),
                ("payload", &payload),
                ("signature", &signature),
                ("token", &good),
            ],
        )
    }

    fn header_text(&self, mut members: Map<String, Value>, honest: &Honest<'_>) -> String {
        members.retain(|name, _| !self.header_without.contains(name));
        for (name, value) in &self.header_set {
            members.insert(name.clone(), expand_value(value, honest));
        }
        let whole = Value::Object(members).to_string();
        match &self.header {
            Some(text) => expand(text, honest, &[("header", inner(&whole))]),
            None => whole,
        }
    }

    fn payload_bytes(&self, honest: &Honest<'_>) -> Vec<u8> {
        if let Some(hex) = &self.payload_hex {
            return bytes(hex);
        }
        let mut claims = members(&honest.claims);
        claims.retain(|name, _| !self.without.contains(name));
        for (name, value) in &self.set {
            claims.insert(name.clone(), expand_value(value, honest));
        }
        let whole = Value::Object(claims).to_string();
        let nested = if self.payload.as_deref().is_some_and(|text| text.contains("<honest>")) {
            honest.token()
        } else {
            String::new()
        };
        match &self.payload {
            Some(text) => expand(text, honest, &[("claims", inner(&whole)), ("honest", &nested)]).into_bytes(),
            None => whole.into_bytes(),
        }
    }

    /// What the honest token's signature is over.
    fn honest_input(&self, honest: &Honest<'_>) -> String {
        if self.signature.is_of_the_honest_token() {
            let token = honest.token();
            let (input, _) = token.rsplit_once('.').expect("three parts");
            return input.to_owned();
        }
        String::new()
    }
}

fn members(object: &Value) -> Map<String, Value> {
    object.as_object().expect("an object").clone()
}

/// The members of an object without its braces.
fn inner(object: &str) -> &str {
    object
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .expect("an object")
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2);
    let digits = pairs.map(|pair| std::str::from_utf8(pair).expect("hexadecimal"));
    digits
        .map(|digits| u8::from_str_radix(digits, 16).expect("hexadecimal"))
        .collect()
}
