//! `countersign verify`: looks at a receipt offline and says in plain words what it proves.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use countersign_jose::{Jwk, JwkSet};
use countersign_protocol::{DenyReason, Match, Receipt, UvMethod, Verdict};

use crate::{
    consent::{Pins, VerifiedReceipt, verify_receipt},
    domain::is_deceptive,
};

/// Verify a receipt offline: was this shown, and was this decided?
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  countersign verify receipt.json\n  \
    countersign verify receipt.json --request-key request-keys.json --device-key device.json")]
pub struct VerifyArgs {
    /// The receipt, as the app saves it.
    pub receipt: PathBuf,
    /// JWK Set (or one JWK) with the backend's request keys. Without it the key in the receipt is taken.
    #[arg(long, value_name = "FILE")]
    pub request_key: Option<PathBuf>,
    /// JWK of the device. Without it the key in the receipt is taken.
    #[arg(long, value_name = "FILE")]
    pub device_key: Option<PathBuf>,
}

/// Verifies the receipt and writes what it proves to `out`.
///
/// # Errors
/// When a file cannot be read, the receipt does not verify, or `out` cannot be written.
pub fn run(args: &VerifyArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let receipt: Receipt = serde_json::from_str(&read(&args.receipt)?)
        .with_context(|| format!("{} is not a receipt", args.receipt.display()))?;
    let pins = Pins {
        request_keys: args.request_key.as_deref().map(key_set).transpose()?,
        device_key: args.device_key.as_deref().map(one_key).transpose()?,
    };
    let verified = verify_receipt(&receipt, &pins).context("the receipt is NOT good")?;
    tell(&verified, &pins, out).context("the result cannot be written")
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

fn one_key(path: &Path) -> anyhow::Result<Jwk> {
    Jwk::parse(&read(path)?).with_context(|| format!("{} is not a public JWK", path.display()))
}

fn key_set(path: &Path) -> anyhow::Result<JwkSet> {
    let text = read(path)?;
    if let Ok(set) = serde_json::from_str::<JwkSet>(&text) {
        return Ok(set);
    }
    let key = Jwk::parse(&text).with_context(|| format!("{} is neither a JWK Set nor a JWK", path.display()))?;
    Ok(JwkSet { keys: vec![key] })
}

fn tell(verified: &VerifiedReceipt, pins: &Pins, out: &mut dyn Write) -> io::Result<()> {
    let (request, decision) = (&verified.request, &verified.decision);
    writeln!(
        out,
        "The receipt is good: both signatures verify and belong to the same request."
    )?;
    writeln!(out)?;
    writeln!(out, "Shown by   {}", plain(&request.iss))?;
    writeln!(
        out,
        "Client     {} ({})",
        plain(&request.client.name),
        plain(request.client.id.as_str())
    )?;
    writeln!(
        out,
        "Person     {} at {}",
        plain(request.sub.as_str()),
        plain(&request.op)
    )?;
    writeln!(out, "Device     {}", plain(request.aud.as_str()))?;
    writeln!(out, "Request    {}", plain(request.req.as_str()))?;
    for scope in &request.scopes {
        writeln!(out, "Scope      {}: {}", plain(&scope.name), plain(&scope.text))?;
    }
    if let Some(details) = &request.authorization_details {
        writeln!(out, "Details    {}", plain(details.text()))?;
    }
    match &request.matching {
        Match::Show { message: Some(message) } => writeln!(out, "Message    \"{}\"", plain(message))?,
        Match::Show { message: None } => writeln!(out, "Message    none")?,
        Match::Type => writeln!(out, "Message    a number that was read on the other screen and typed")?,
    }
    writeln!(
        out,
        "Asked      {}, to be decided before {}",
        utc(request.iat),
        utc(request.exp)
    )?;
    let decided = match decision.dec {
        Verdict::Approve => "APPROVED",
        Verdict::Deny => "DENIED",
    };
    writeln!(out, "Decided    {decided} at {}", utc(decision.iat))?;
    if let Some(reason) = decision.reason {
        writeln!(out, "Reason     {}", reason_text(reason))?;
    }
    match &decision.uv {
        Some(uv) => writeln!(out, "Verified   by {} at {}", method_text(uv.method), utc(uv.time))?,
        None => writeln!(out, "Verified   not: the device alone decided")?,
    }
    writeln!(out)?;
    tell_key("Backend key", &verified.request_kid, pins.request_keys.is_some(), out)?;
    tell_key("Device key ", &verified.device_kid, pins.device_key.is_some(), out)
}

fn tell_key(name: &str, kid: &str, pinned: bool, out: &mut dyn Write) -> io::Result<()> {
    let trust = if pinned {
        "is the one you gave"
    } else {
        "comes from the receipt itself: compare it with one you trust"
    };
    writeln!(out, "{name} {kid} {trust}.")
}

fn reason_text(reason: DenyReason) -> &'static str {
    match reason {
        DenyReason::NotMe => "the person did not start this",
        DenyReason::ChangedMind => "the person does not want it any more",
        DenyReason::TooMany => "the person gets too many of these",
    }
}

fn method_text(method: UvMethod) -> &'static str {
    match method {
        UvMethod::Pin => "PIN",
        UvMethod::Bio => "biometrics",
    }
}

/// Text of others, with everything escaped that could move the cursor or hide what stands around it.
fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        if is_deceptive(char) {
            shown.extend(char.escape_unicode());
        } else {
            shown.push(char);
        }
    }
    shown
}

/// Seconds since the Unix epoch as UTC (proleptic Gregorian calendar).
pub(super) fn utc(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days are counted from 0000-03-01, so that the leap day is the last of its year; 400 years have 146,097 days.
    let shifted = days.saturating_add(719_468);
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(utc(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(utc(951_827_696), "2000-02-29 12:34:56 UTC");
        assert_eq!(utc(1_795_261_206), "2026-11-21 11:40:06 UTC");
        assert_eq!(utc(-1), "1969-12-31 23:59:59 UTC");
    }

    #[test]
    fn text_of_others_cannot_play_tricks() {
        assert_eq!(plain("Pay 42 € \u{1b}[2J\u{202e}"), "Pay 42 € \\u{1b}[2J\\u{202e}");
        assert_eq!(plain("Größe 電話"), "Größe 電話");
    }
}
