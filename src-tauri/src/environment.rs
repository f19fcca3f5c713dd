//! What the environment decides: the one place of the app that reads it.

use tracing::level_filters::LevelFilter;

/// Names the level of the log: `error`, `warn`, `info`, `debug` or `trace`.
const LOG: &str = "COUNTERSIGN_LOG";
/// Fills in the address when a device is paired.
const BACKEND: &str = "COUNTERSIGN_BACKEND";

/// How much this app logs. Only a level, never a filter by target: the libraries below would log headers and bodies.
pub(crate) fn log_level() -> LevelFilter {
    read(LOG)
        .and_then(|level| level.parse().ok())
        .unwrap_or(LevelFilter::INFO)
}

/// The address that the window proposes for pairing. The person still sees it and starts.
pub(crate) fn suggested_backend() -> Option<String> {
    read(BACKEND)
}

#[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
fn read(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}
