use serde::Deserialize;

use super::{ConfigError, require};

/// `[keys]`. Times are seconds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysConfig {
    /// Least time between the publication of a key and its first signature.
    pub announce_seconds: u32,
    /// Between two reads of the keys.
    pub reread_seconds: u32,
}

impl KeysConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        require(
            (1..=120).contains(&self.reread_seconds),
            "keys",
            "reread_seconds",
            || "1 to 120".to_owned(),
        )?;
        let learnt = self.reread_seconds * 2 <= self.announce_seconds && self.announce_seconds <= 30 * 24 * 60 * 60;
        require(learnt, "keys", "announce_seconds", || {
            "at least two times reread_seconds, so that every node has published the key; at most 30 days".to_owned()
        })
    }
}
