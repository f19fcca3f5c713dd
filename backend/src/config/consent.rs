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
        require(self.history_days > 0, "consent", "history_days", || {
            "greater than 0".to_owned()
        })
    }
}
