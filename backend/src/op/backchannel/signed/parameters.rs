//! From the claims of a signed request to parameters (CIBA Core section 7.1.1).

use std::collections::BTreeMap;

use countersign_protocol::OAuthErrorCode;
use serde_json::value::RawValue;

use crate::op::{Params, Refusal};

/// Parameters of an authentication request: in a signed one each is a claim, and none is a form parameter.
pub const AUTHENTICATION_PARAMETERS: [&str; 12] = [
    "scope",
    "client_notification_token",
    "acr_values",
    "login_hint_token",
    "id_token_hint",
    "login_hint",
    "binding_message",
    "user_code",
    "requested_expiry",
    "request_context",
    "authorization_details",
    "resource",
];

/// Those that the standard defines: strings.
const STRINGS: usize = 9;

/// Claims that are no parameters: they are about the request itself, or authenticate.
const NO_PARAMETERS: [&str; 13] = [
    "iss",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "sub",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "request",
    "request_uri",
];

/// Nothing of the request stands beside the signed one.
pub(super) fn check_outside(form: &Params) -> Result<(), Refusal> {
    match AUTHENTICATION_PARAMETERS.iter().find(|name| form.get(name).is_some()) {
        Some(name) => Err(Refusal::invalid_request(format!(
            "{name} stands beside the signed request"
        ))),
        None => Ok(()),
    }
}

/// The parameters in `claims`, as a form would have them. An extension that is no string is its JSON, as it was signed.
pub(super) fn read(claims: &BTreeMap<String, Box<RawValue>>) -> Result<Params, Refusal> {
    if let Some(name) = ["request", "request_uri"]
        .iter()
        .find(|name| claims.contains_key(**name))
    {
        return Err(Refusal::invalid_request(format!("request: {name} stands in it")));
    }
    let parameters = claims
        .iter()
        .filter(|(name, _)| !NO_PARAMETERS.contains(&name.as_str()));
    let mut read = Vec::new();
    for (name, value) in parameters {
        match resources(name, value.get()) {
            Some(several) => read.extend(several.into_iter().map(|one| (name.clone(), one))),
            None => read.push((name.clone(), text(name, value.get())?)),
        }
    }
    Params::from_pairs(read)
}

/// The one parameter that may be there several times in a form is an array here (RFC 8707 section 2).
fn resources(name: &str, json: &str) -> Option<Vec<String>> {
    (name == "resource").then(|| serde_json::from_str(json).ok()).flatten()
}

fn text(name: &str, json: &str) -> Result<String, Refusal> {
    let standard = AUTHENTICATION_PARAMETERS
        .iter()
        .take(STRINGS)
        .find(|known| **known == name);
    let number = name == "requested_expiry" && json.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    if let Ok(text) = serde_json::from_str::<String>(json) {
        // In a form it would be absent. Whoever signs that it is there, and empty, means something that cannot be shown.
        if text.is_empty() && name == "binding_message" {
            let description = "binding_message is empty in the signed request";
            return Err(Refusal::new(OAuthErrorCode::InvalidBindingMessage, description));
        }
        return Ok(text);
    }
    match standard {
        Some(name) if !number => Err(Refusal::invalid_request(format!("request: {name} is not a string"))),
        _ => Ok(json.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_json(json: &str) -> Result<Params, Refusal> {
        read(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn claims_are_read_as_parameters() {
        let params = read_json(
            r#"{"scope":"openid","login_hint":"\u00e4nna","requested_expiry":30,"acr_values":"","iss":"x","client_secret":"x","sub":"x",
                "request_context":{ "ip" : "1" },"authorization_details":[{"amount":12.10}],"resource":["https://a.example"],"foo":null}"#,
        )
        .unwrap();
        for (name, value) in [
            ("scope", Some("openid")),
            ("login_hint", Some("änna")),
            ("requested_expiry", Some("30")),
            ("acr_values", None),
            ("iss", None),
            ("sub", None),
            ("client_secret", None),
            ("request_context", Some(r#"{ "ip" : "1" }"#)),
            ("authorization_details", Some(r#"[{"amount":12.10}]"#)),
            ("resource", Some("https://a.example")),
            ("foo", Some("null")),
        ] {
            assert_eq!(params.get(name), value, "R-068, R-069, R-099, R-100: {name}");
        }
        let text = read_json(r#"{"requested_expiry":"30"}"#).unwrap();
        assert_eq!(text.get("requested_expiry"), Some("30"), "R-099: as a string");
        for number in ["-5", "1.5", "1e2", "0", "99999999999999999999999"] {
            let params = read_json(&format!(r#"{{"requested_expiry":{number}}}"#)).unwrap();
            assert_eq!(
                params.get("requested_expiry"),
                Some(number),
                "R-065: judged as it was written"
            );
        }
    }

    #[test]
    fn parameters_of_the_standard_are_strings() {
        for name in AUTHENTICATION_PARAMETERS.iter().take(STRINGS) {
            for value in ["null", "true", "[\"x\"]", "{}"] {
                let refused = read_json(&format!(r#"{{"{name}":{value}}}"#)).is_err();
                assert!(refused, "R-099: {name} is {value}");
            }
            let numeric = read_json(&format!(r#"{{"{name}":7}}"#)).is_ok();
            assert_eq!(numeric, *name == "requested_expiry", "R-099: {name} is a number");
        }
        assert!(read_json(r#"{"scope":"a\u0000b"}"#).is_err(), "V-037: U+0000");
        assert!(read_json(r#"{"request":"x"}"#).is_err(), "R-103");
        assert!(read_json(r#"{"request_uri":"urn:x"}"#).is_err(), "R-103");
        let empty = read_json(r#"{"binding_message":""}"#).map(drop).unwrap_err();
        assert_eq!(empty.code, OAuthErrorCode::InvalidBindingMessage, "R-062");
    }

    #[test]
    fn nothing_of_the_request_stands_beside_it() {
        for name in AUTHENTICATION_PARAMETERS {
            let form = Params::parse(format!("client_id=x&request=y&{name}=z").as_bytes()).unwrap();
            assert!(check_outside(&form).is_err(), "R-091: {name}");
            let form = Params::parse(format!("request=y&{name}=").as_bytes()).unwrap();
            assert!(
                check_outside(&form).is_ok(),
                "R-067: {name} without a value counts as absent"
            );
        }
        let form = b"client_id=x&client_secret=x&client_assertion=x&client_assertion_type=x&request=y&foo=bar";
        assert!(check_outside(&Params::parse(form).unwrap()).is_ok(), "R-068, R-092");
    }
}
