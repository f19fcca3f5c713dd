//! `client_notification_token` (CIBA Core section 7.1): clients that are called need it, poll clients need not send it and it is not looked at.
//!
//! It goes into a header of ours as it is, so its syntax is that of a bearer token and nothing else (RFC 6750 section 2.1).

use countersign_protocol::{DeliveryMode, Secret};

use super::{Asked, Checked};
use crate::op::refusal::Refusal;

const MAX_LEN: usize = 1024;
/// A token of 128 bits has at least this many characters, whatever its alphabet (of the 70 that it may use).
const MIN_LEN: usize = 21;

pub(super) fn check(asked: &Asked<'_>, checked: &mut Checked) -> Result<(), Refusal> {
    match asked.client.delivery_mode {
        Some(DeliveryMode::Ping | DeliveryMode::Push) => {}
        Some(DeliveryMode::Poll) | None => return Ok(()),
    }
    let token = asked.params.required("client_notification_token", MAX_LEN)?;
    if !is_b64token(token) {
        return Err(Refusal::invalid_request(
            "client_notification_token is not a bearer token: letters, digits and -._~+/, then =",
        ));
    }
    if token.len() < MIN_LEN {
        return Err(Refusal::invalid_request(
            "client_notification_token is too short to be unguessable",
        ));
    }
    checked.notification_token = Some(Secret::new(token));
    Ok(())
}

/// `b64token` of RFC 6750 section 2.1.
fn is_b64token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !body.is_empty() && body.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// V-007: nothing that a header could be split with.
    #[test]
    fn a_notification_token_has_the_syntax_of_a_bearer_token() {
        for good in [
            "a",
            "aZ09-._~+/",
            "a=",
            "a=====",
            "8d67dc78-7faa-4d41-aabd-67707b374255",
        ] {
            assert!(is_b64token(good), "R-054: {good}");
        }
        for bad in [
            "",
            "=",
            "=a",
            "a=b",
            "a b",
            "a\r\nx-evil: 1",
            "a\n",
            "a\r",
            "a\t",
            "a\0",
            "\u{e4}",
            "a\u{2028}",
            "a\"",
            "a,",
            "a;",
            "a:",
            "a%0d",
            "a*",
            "a\u{ff21}",
        ] {
            assert!(!is_b64token(bad), "R-054, V-007: {bad:?}");
        }
    }

    #[test]
    fn no_byte_beside_the_alphabet_passes() {
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/";
        for byte in 0..=255_u8 {
            let character = char::from(byte);
            let passes = is_b64token(&format!("a{character}a"));
            assert_eq!(passes, alphabet.contains(character), "R-054, V-007: {byte:#x}");
        }
    }
}
