//! Feeds one target with inputs that libFuzzer makes: `scripts/fuzz.sh` builds and runs it.
//!
//! A target is a place that reads the network before anybody is known. It fails on a panic, on an answer that blames the server, and on an answer that its own,
//! independent understanding of the input does not allow.

#![no_main]

mod server;
mod targets;

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

/// Which target: the environment says it, because the arguments are libFuzzer's.
const CHOICE: &str = "COUNTERSIGN_FUZZ";

static TARGET: OnceLock<targets::Target> = OnceLock::new();

#[expect(clippy::disallowed_methods, reason = "a program for tests, without configuration")]
fn chosen() -> targets::Target {
    let name = std::env::var(CHOICE).unwrap_or_default();
    targets::named(&name).unwrap_or_else(|| panic!("{CHOICE} is one of: {}", targets::NAMES.join(" ")))
}

fuzz_target!(
    init: {
        TARGET.get_or_init(chosen);
    },
    |data: &[u8]| TARGET.get_or_init(chosen)(data)
);
