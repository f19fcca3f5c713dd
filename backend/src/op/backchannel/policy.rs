//! What the operator's rules say of a request that is otherwise good: which authentication context class its approval has to meet.
//!
//! A class that nobody can meet here ends the request before anybody is asked: 403 `access_denied` (CIBA Core section 13).

use countersign_protocol::OAuthErrorCode;
use serde::Deserialize;

use super::{Asked, Checked};
use crate::op::{Refusal, acr::Class};

pub(super) fn check(asked: &Asked<'_>, checked: &mut Checked) -> Result<(), Refusal> {
    let rules = &asked.provider.parts.config.required_acr;
    let types = asked
        .params
        .get("authorization_details")
        .map(types_of)
        .unwrap_or_default();
    let what = checked.scope.split(' ').chain(types.iter().map(String::as_str));
    let required = what
        .filter_map(|what| rules.get(what))
        .chain(&asked.client.requests.required_acr);
    let mut strongest = None;
    for acr in required {
        let class = Class::named(acr).ok_or_else(|| {
            let description = "the authentication that this request requires is not possible here";
            Refusal::new(OAuthErrorCode::AccessDenied, description)
        })?;
        strongest = strongest.max(Some(class));
    }
    // Voluntary, in order of preference: the first that is known here is aimed at.
    let wished = checked
        .acr_values
        .as_deref()
        .and_then(|values| values.split(' ').find_map(Class::named));
    checked.needs_user_verification = strongest.max(wished) >= Some(Class::DeviceVerified);
    Ok(())
}

/// The types of authorization details (RFC 9396 section 2). Whether they are good is another rule's.
fn types_of(json: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Detail {
        r#type: String,
    }
    let details: Vec<Detail> = serde_json::from_str(json).unwrap_or_default();
    details.into_iter().map(|detail| detail.r#type).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_from_details() {
        let types = types_of(r#"[{"type":"payment","amount":12.10},{"type":"account"}]"#);
        assert_eq!(types, ["payment", "account"], "R-204");
        for none in ["", "{}", "[{}]", "[1]"] {
            assert!(types_of(none).is_empty(), "{none}");
        }
    }
}
