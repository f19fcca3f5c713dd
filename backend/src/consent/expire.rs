use countersign_clock::Millis;

use super::{Consent, ConsentError};

const DAY_MILLIS: Millis = 24 * 60 * 60 * 1000;

/// What a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expired {
    /// Prompts that are expired now.
    pub prompts: usize,
    /// Rows of the history that are deleted now.
    pub deleted: u64,
}

impl Consent {
    /// Settles prompts whose time is over, tells their people, and deletes what the history no longer keeps; at most `limit` of each.
    /// Verdicts do not wait for it: a prompt past its deadline is expired, swept or not.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn sweep(&self, limit: u32) -> Result<Expired, ConsentError> {
        let now = self.parts.clock.now();
        let swept = self.parts.storage.expire_prompts(now, limit).await?;
        for prompt in &swept {
            tracing::info!(prompt.handle = %prompt.handle, "prompt {} is expired", prompt.handle);
            self.parts.wakes.notify(&prompt.account);
        }
        let oldest = now - Millis::from(self.parts.config.history_days) * DAY_MILLIS;
        let deleted = self.parts.storage.sweep_prompts(oldest, now, limit).await?;
        Ok(Expired {
            prompts: swept.len(),
            deleted,
        })
    }
}
