//! base64url without padding (RFC 7515 section 2), the one spelling of each byte string; and base64 as it was before (RFC 4648 section 4), where others ask
//! for it.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::JoseError;

/// Encodes `bytes` without padding.
#[must_use]
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Decodes the canonical spelling only: no padding, no whitespace, no `+` or `/`, no stray low bits in the last character.
///
/// # Errors
/// [`JoseError::Malformed`] for anything [`encode`] would not have written.
pub fn decode(text: &str) -> Result<Vec<u8>, JoseError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| JoseError::Malformed)
}

/// Encodes `bytes` in the alphabet with `+` and `/`, with padding.
#[must_use]
pub fn encode_padded(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// Decodes what [`encode_padded`] writes, and nothing else.
///
/// # Errors
/// [`JoseError::Malformed`].
pub fn decode_padded(text: &str) -> Result<Vec<u8>, JoseError> {
    STANDARD.decode(text).map_err(|_| JoseError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_string_has_one_spelling() {
        assert_eq!(decode(&encode(b"countersign")), Ok(b"countersign".to_vec()));
        for (text, why) in [
            ("YQ==", "padding"),
            ("YR", "the low bits of the last character must be zero"),
            ("Y Q", "whitespace"),
            ("YQ\n", "a newline at the end"),
            ("-_+/", "the standard alphabet"),
            ("A", "a lone character encodes no byte"),
        ] {
            assert_eq!(decode(text), Err(JoseError::Malformed), "{why} is not canonical");
        }
    }

    #[test]
    fn each_byte_string_has_one_padded_spelling() {
        assert_eq!(decode_padded(&encode_padded([0xfb, 0xff])), Ok(vec![0xfb, 0xff]));
        for (text, why) in [
            ("YQ", "no padding"),
            ("YR==", "the low bits of the last character must be zero"),
            ("-_8=", "the other alphabet"),
            ("YQ==\n", "a newline at the end"),
        ] {
            assert_eq!(decode_padded(text), Err(JoseError::Malformed), "{why} is not canonical");
        }
    }
}
