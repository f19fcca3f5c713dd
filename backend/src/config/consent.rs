use countersign_protocol::UserVerificationPolicy;
use serde::Deserialize;

use super::{ConfigError, require};

/// `[consent]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentConfig {
    /// Newer requests take the place of older ones.
    pub supersede: bool,
    /// What an approval needs.
    pub user_verification: UserVerificationPolicy,
    /// Seconds.
    pub user_verification_seconds: u32,
    /// Wrong numbers a request allows.
    pub match_tries: u32,
    /// Days.
    pub history_days: u32,
    /// Seconds between two looks for requests whose time is over.
    pub expire_seconds: u32,
    /// Requests that one such look settles at once.
    pub expire_rows: u32,
}

impl ConsentConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        require((1..=2).contains(&self.match_tries), "consent", "match_tries", || {
            "1 or 2".to_owned()
        })?;
        let verified = (1..=3600).contains(&self.user_verification_seconds);
        require(verified, "consent", "user_verification_seconds", || {
            "1 to 3600".to_owned()
        })?;
        require(
            (1..=60).contains(&self.expire_seconds),
            "consent",
            "expire_seconds",
            || "1 to 60".to_owned(),
        )?;
        require(
            (1..=10_000).contains(&self.expire_rows),
            "consent",
            "expire_rows",
            || "1 to 10000".to_owned(),
        )?;
        require(self.history_days > 0, "consent", "history_days", || {
            "greater than 0".to_owned()
        })
    }
}
