//! Standard Webhooks 1.0.0, symmetric signatures (`v1`): HMAC-SHA-256 of `id.timestamp.body` under a secret that both sides have.

use countersign_clock::Millis;
use countersign_jose::{MacKey, b64};

/// Seconds that a call may be early or late.
pub(super) const TOLERANCE_SECONDS: i64 = 300;
/// Bytes of a secret.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Longest `webhook-id`, bytes.
const MAX_ID_BYTES: usize = 256;
/// Longest `webhook-signature`, bytes: room for ten signatures, because a sender that changes its secret signs with both.
const MAX_SIGNATURE_BYTES: usize = 512;
const VERSION: &str = "v1,";

/// What a call carries to show who makes it.
#[derive(Clone, Copy)]
pub struct SignedCall<'a> {
    /// `webhook-id`: the same each time the call is made.
    pub id: &'a str,
    /// `webhook-timestamp`: seconds since the Unix epoch.
    pub timestamp: &'a str,
    /// `webhook-signature`: signatures with a space between them.
    pub signature: &'a str,
    /// The body, byte by byte.
    pub body: &'a [u8],
}

/// Why a call is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignatureError {
    Id,
    Timestamp,
    Signature,
    Time,
}

impl SignatureError {
    /// For the developer at the other side.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Id => "webhook-id is not 1 to 256 characters of ASCII without a full stop",
            Self::Timestamp => "webhook-timestamp is not a number of seconds",
            Self::Signature => "no signature in webhook-signature is right",
            Self::Time => "webhook-timestamp is more than 300 seconds off: compare the clocks",
        }
    }
}

/// The secret of one connector.
pub(super) struct WebhookSecret(MacKey);

impl WebhookSecret {
    /// Reads `whsec_` and base64 of 24 to 64 bytes; none when it is anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = b64::decode_padded(text.trim().strip_prefix("whsec_")?).ok()?;
        SECRET_BYTES.contains(&bytes.len()).then(|| Self(MacKey::new(bytes)))
    }

    /// The value of `webhook-signature`.
    pub(super) fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        let tag = self.0.tag(&signed(id, &timestamp.to_string(), body.as_bytes()));
        format!("{VERSION}{}", b64::encode_padded(tag))
    }

    /// Verifies a call. Only who has the secret learns whether the time was right.
    pub(super) fn verify(&self, call: SignedCall<'_>, now: Millis) -> Result<(), SignatureError> {
        // What is signed has full stops between its parts.
        let id = !call.id.is_empty()
            && call.id.len() <= MAX_ID_BYTES
            && call.id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.');
        if !id {
            return Err(SignatureError::Id);
        }
        let timestamp = seconds(call.timestamp).ok_or(SignatureError::Timestamp)?;
        let message = signed(call.id, call.timestamp, call.body);
        if call.signature.len() > MAX_SIGNATURE_BYTES {
            return Err(SignatureError::Signature);
        }
        let tags = call.signature.split(' ').filter_map(|one| one.strip_prefix(VERSION));
        let mut tags = tags.filter_map(|tag| b64::decode_padded(tag).ok());
        if !tags.any(|tag| self.0.is_tag(&tag, &message)) {
            return Err(SignatureError::Signature);
        }
        let off = timestamp.abs_diff(now.div_euclid(1000));
        if off > TOLERANCE_SECONDS.unsigned_abs() {
            return Err(SignatureError::Time);
        }
        Ok(())
    }
}

fn signed(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat()
}

/// Digits alone: no sign, no space, no fraction.
fn seconds(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.len() <= 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"test": 2432232314}"#;
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: i64 = 1_614_265_330;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const WRONG: &str = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";

    fn secret() -> WebhookSecret {
        WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap()
    }

    fn call(signature: &str) -> SignedCall<'_> {
        SignedCall {
            id: ID,
            timestamp: "1614265330",
            signature,
            body: BODY.as_bytes(),
        }
    }

    fn verify(call: SignedCall<'_>) -> Result<(), SignatureError> {
        secret().verify(call, AT * 1000)
    }

    /// The vectors of the libraries that the specification's authors publish.
    #[test]
    fn signatures_are_those_of_the_reference_libraries() {
        assert_eq!(secret().sign(ID, AT, BODY), SIGNATURE);
        let other = WebhookSecret::parse("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
        let body = r#"{"email":"test@example.com","username":"test_user"}"#;
        assert_eq!(
            other.sign("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553, body),
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="
        );
        assert_eq!(verify(call(SIGNATURE)), Ok(()));
    }

    #[test]
    fn one_right_signature_among_several_is_enough() {
        let other_version = SIGNATURE.replace("v1,", "v1a,");
        let several = format!("{WRONG} {other_version} {SIGNATURE} {WRONG}");
        assert_eq!(verify(call(&several)), Ok(()), "a sender that changes its secret");
        for none in [
            "",
            " ",
            "v1,",
            "v1",
            &SIGNATURE[3..],
            &SIGNATURE[..20],
            WRONG,
            &other_version,
            &SIGNATURE.replace('=', ""),
            &SIGNATURE.replace("v1,", "v2,"),
            &SIGNATURE.replace(',', "="),
            &SIGNATURE.replace('+', "-"),
            &format!("{SIGNATURE}x"),
            &format!("{WRONG},{SIGNATURE}"),
            &format!("{}{SIGNATURE}", format!("{WRONG} ").repeat(20)),
        ] {
            assert_eq!(
                verify(call(none)),
                Err(SignatureError::Signature),
                "S-092, V-013: {none:?}"
            );
        }
    }

    #[test]
    fn a_signature_is_for_one_id_one_time_and_one_body() {
        let good = call(SIGNATURE);
        let other = |call| verify(call).unwrap_err();
        assert_eq!(
            other(SignedCall {
                id: "msg_other",
                ..good
            }),
            SignatureError::Signature
        );
        let later = SignedCall {
            timestamp: "1614265331",
            ..good
        };
        assert_eq!(other(later), SignatureError::Signature, "V-013");
        let body = SignedCall {
            body: br#"{"test": 2432232315}"#,
            ..good
        };
        assert_eq!(other(body), SignatureError::Signature, "S-092");
        let long = "a".repeat(257);
        for id in ["", "a.b", "a b", "ä", "a\n", &long] {
            assert_eq!(other(SignedCall { id, ..good }), SignatureError::Id, "{id:?}");
        }
        for timestamp in [
            "",
            "-1614265330",
            "+1614265330",
            "1614265330.0",
            " 1614265330",
            "1e9",
            "0x1",
            "9999999999999",
        ] {
            assert_eq!(
                other(SignedCall { timestamp, ..good }),
                SignatureError::Timestamp,
                "{timestamp:?}"
            );
        }
    }

    /// Proves V-013: what was said five minutes ago is not said now.
    #[test]
    fn a_call_is_good_for_five_minutes_either_way() {
        for (off, expected) in [
            (0, Ok(())),
            (300, Ok(())),
            (-300, Ok(())),
            (301, Err(SignatureError::Time)),
            (-301, Err(SignatureError::Time)),
        ] {
            let verdict = secret().verify(call(SIGNATURE), (AT + off) * 1000);
            assert_eq!(verdict, expected, "V-013: {off} s off");
        }
        let stale_and_wrong = secret().verify(call(WRONG), (AT + 999) * 1000);
        assert_eq!(
            stale_and_wrong,
            Err(SignatureError::Signature),
            "strangers learn nothing of the clock"
        );
    }

    #[test]
    fn a_secret_is_24_to_64_bytes_after_its_prefix() {
        let of = |bytes: usize| format!("whsec_{}", b64::encode_padded(vec![7; bytes]));
        for (text, good) in [
            (of(24), true),
            (of(64), true),
            (format!("{}\n", of(32)), true),
            (of(23), false),
            (of(65), false),
            (b64::encode_padded([7; 32]), false),
            ("whsec_".to_owned(), false),
            ("whsec_!".to_owned(), false),
            (of(32).replace("whsec_", "WHSEC_"), false),
            (String::new(), false),
        ] {
            assert_eq!(WebhookSecret::parse(&text).is_some(), good, "{text:?}");
        }
    }
}
