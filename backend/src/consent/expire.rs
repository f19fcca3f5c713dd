use super::Consent;
use crate::{
    meters::{Outcome, meters},
    storage::StorageError,
};

impl Consent {
    /// Settles prompts whose time is over, at most `limit`, and tells their people. Returns how many. Verdicts do not wait for it: a
    /// prompt past its deadline is expired, settled or not.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn expire(&self, limit: u32) -> Result<usize, StorageError> {
        let now = self.parts.clock.now();
        let expired = self.parts.storage.expire_prompts(now, limit).await?;
        for prompt in &expired {
            tracing::info!(prompt.handle = %prompt.handle, "prompt {} is expired", prompt.handle);
            self.tell_settled(&prompt.account, &prompt.handle);
        }
        meters().count_many(Outcome::Expired, expired.len());
        Ok(expired.len())
    }
}
