//! HTTP Basic as OAuth uses it: id and secret are form-encoded before they are joined (RFC 6749 section 2.3.1, RFC 7617).

use countersign_jose::b64;

use crate::op::form;

/// Id and secret of an `Authorization` header; none when it is not well-formed Basic.
pub(in crate::op) fn credentials(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") || encoded.contains(['-', '_']) {
        return None;
    }
    // The decoder at hand reads the other alphabet without padding.
    let url_safe = encoded.trim_end_matches('=').replace('+', "-").replace('/', "_");
    let joined = String::from_utf8(b64::decode(&url_safe).ok()?).ok()?;
    let (id, secret) = joined.split_once(':')?;
    let (id, secret) = (form::decode(id)?, form::decode(secret)?);
    (!id.is_empty() && !secret.is_empty()).then_some((id, secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_and_secret_are_form_encoded() {
        // a%3Ab:x%2By+z
        let decoded = credentials("basic YSUzQWI6eCUyQnkreg==");
        assert_eq!(decoded, Some(("a:b".to_owned(), "x+y z".to_owned())));
    }

    #[test]
    fn what_is_not_basic_is_no_credential() {
        for header in [
            "Bearer YTpi",
            "Basic",
            "Basic YWI=",
            "Basic Og==",
            "Basic YTo=",
            "Basic !",
            "Basic YTol",
        ] {
            assert_eq!(credentials(header), None, "{header}");
        }
    }
}
