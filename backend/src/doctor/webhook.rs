use std::{fs, ops::RangeInclusive};

use super::{Verdict, ill, ok, skipped, store::open_to_others};
use crate::{config::ConnectorConfig, outbound::Outbound};

/// Bytes of a secret (Standard Webhooks, symmetric).
const SECRET_BYTES: RangeInclusive<usize> = 24..=64;
const REMEDY: &str = "make one for both sides: (printf whsec_; openssl rand -base64 32) > FILE; chmod 600 FILE";

/// Whether the secret that signs both ways is there, is one, and is nobody else's to read.
pub(super) fn secret(connector: &ConnectorConfig) -> Verdict {
    let Some(path) = &connector.secret_file else {
        return skipped("there is none");
    };
    let name = path.display();
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return ill(format!("{name} cannot be read: {error}"), REMEDY),
    };
    // Secrets that an orchestrator mounts are often for a group.
    if let Some(mode) = open_to_others(path, 0o007) {
        return ill(
            format!("{name} can be read by others (mode {mode:o})"),
            format!("chmod 600 {name}; if strangers could read it, make a new one on both sides"),
        );
    }
    match length(text.trim()) {
        None => ill(format!("{name} does not hold `whsec_` and base64 after it"), REMEDY),
        Some(bytes) if !SECRET_BYTES.contains(&bytes) => {
            ill(format!("{name} holds {bytes} bytes instead of 24 to 64"), REMEDY)
        }
        Some(bytes) => ok(format!("{name} holds {bytes} bytes, which sign both ways")),
    }
}

/// Bytes of the secret; none when it is not written as one.
fn length(secret: &str) -> Option<usize> {
    let digits = secret.strip_prefix("whsec_")?;
    let bare = digits.trim_end_matches('=');
    let padding = digits.len() - bare.len();
    let written = bare
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/');
    let whole = digits.len().is_multiple_of(4) && padding <= 2 && !bare.is_empty();
    (written && whole).then(|| bare.len() * 3 / 4)
}

/// Whether the provider takes results, and takes none that nobody signed.
pub(super) async fn callback(connector: &ConnectorConfig, outbound: &Outbound) -> Verdict {
    let Some(url) = &connector.callback_url else {
        return skipped("there is none");
    };
    match outbound.knock_at(url).await.map(|sight| sight.status) {
        Err(error) => ill(
            format!("{url} does not answer: {error}"),
            "look whether the provider runs, and whether a firewall is between it and this machine",
        ),
        Ok(status @ 200..=299) => ill(
            format!("{url} takes what nobody signed: answered {status} to an empty call without a signature"),
            "at once: let it verify `webhook-signature` before anything else, or anybody can approve for anybody",
        ),
        Ok(status @ (404 | 405 | 410)) => ill(
            format!("nothing takes results at {url}: answered {status}"),
            "set callback_url to where the provider takes them, by POST",
        ),
        Ok(status @ 400..=499) => ok(format!("{url} refuses what nobody signed, with {status}")),
        Ok(status @ 300..=399) => ill(
            format!("{url} leads elsewhere: answered {status}"),
            "set callback_url to the last address; no redirect is followed",
        ),
        Ok(status) => ill(
            format!("{url} fails: answered {status} to an empty call without a signature, where 401 is due"),
            "look at the provider's log",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_a_prefix_and_24_to_64_bytes() {
        for (secret, bytes) in [
            ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", Some(24)),
            ("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", Some(32)),
            ("whsec_AA==", Some(1)),
            ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", None),
            ("whsec_", None),
            ("whsec_====", None),
            ("whsec_AAA", None),
            ("whsec_AA-_", None),
        ] {
            assert_eq!(length(secret), bytes, "{secret}");
        }
    }
}
