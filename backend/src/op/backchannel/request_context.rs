//! `request_context` (FAPI-CIBA section 5.3): what the client says of the place where the request began. The person sees it as something that the client
//! reported, so nothing in it may look like something else.

use countersign_jose::unique;
use serde_json::{Map, Value};

use super::{Asked, Checked};
use crate::{domain::is_plain_context, op::refusal::Refusal};

const MAX_LEN: usize = 2048;

pub(super) fn check(asked: &Asked<'_>, checked: &mut Checked) -> Result<(), Refusal> {
    let context = asked
        .params
        .bounded("request_context", MAX_LEN)?
        .map(read)
        .transpose()?;
    let context = context.filter(|context| !context.is_empty());
    if context.is_none() && asked.provider.parts.config.require_request_context {
        return Err(Refusal::invalid_request("request_context is missing"));
    }
    checked.context = context;
    Ok(())
}

fn read(json: &str) -> Result<Map<String, Value>, Refusal> {
    let members = unique::object(json.as_bytes())
        .map_err(|_| Refusal::invalid_request("request_context is not one JSON object without repeated members"))?;
    if is_plain_context(&members) {
        Ok(members)
    } else {
        Err(Refusal::invalid_request(
            "request_context is nested too deeply or has characters that are not plain text",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_reports_is_a_small_object_of_plain_text() {
        for good in [
            "{}",
            r#"{"device":"Firefox 143 on Windows","ip":"203.0.113.7","location":"Zürich","order":{"id":"A-4711","items":3}}"#,
            r#"{"a":[{"b":1}]}"#,
        ] {
            assert!(read(good).is_ok(), "R-207: {good}");
        }
        for bad in [
            "",
            "null",
            "[]",
            "\"x\"",
            "{",
            r#"{"a":1,"a":2}"#,
            r#"{"a":[[[[1]]]]}"#,
            r#"{"a":"\u202eevil"}"#,
            r#"{"a\u200b":"x"}"#,
            r#"{"a":"line\nbreak"}"#,
            r#"{"a":{"b":["\u0000"]}}"#,
        ] {
            assert!(read(bad).is_err(), "R-207: {bad}");
        }
    }
}
