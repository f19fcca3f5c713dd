//! What happens by itself: deadlines are settled, keys are read again, what is over is deleted.
//!
//! Nothing depends on these jobs being on time: every read compares deadlines itself.

use std::{sync::Arc, time::Duration};

use countersign_clock::{Clock, Millis};
use tokio::time::MissedTickBehavior;

use crate::{consent::Consent, keys::KeyRing, storage::Storage};

/// Rows that one step deletes at most, so that it never holds the writer for long.
const CHUNK: u32 = 500;
const DAY: Millis = 24 * 60 * 60 * 1000;

/// What the jobs work on.
pub struct Jobs {
    /// Settles prompts.
    pub consent: Arc<Consent>,
    /// Read again.
    pub keys: Arc<KeyRing>,
    /// Swept.
    pub storage: Arc<dyn Storage>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Days that settled requests stay.
    pub history_days: u32,
}

impl Jobs {
    /// Runs until the task is dropped.
    pub async fn run(self) {
        let mut deadlines = every(Duration::from_secs(1));
        let mut keys = every(Duration::from_secs(30));
        let mut sweep = every(Duration::from_secs(10));
        loop {
            tokio::select! {
                _ = deadlines.tick() => report("settling deadlines", self.consent.expire(CHUNK).await),
                _ = keys.tick() => report("reading keys", self.keys.refresh().await),
                _ = sweep.tick() => report("deleting what is over", self.sweep().await),
            }
        }
    }

    async fn sweep(&self) -> Result<(), crate::storage::StorageError> {
        let now = self.clock.now();
        let history_from = now - Millis::from(self.history_days) * DAY;
        let prompts = self.storage.sweep_prompts(history_from, now, CHUNK).await?;
        let grants = self.storage.sweep_grants(now, CHUNK).await?;
        let replay = self.storage.sweep_replay(now, CHUNK).await?;
        tracing::trace!(prompts, grants, replay, "deleted what is over");
        Ok(())
    }
}

fn every(period: Duration) -> tokio::time::Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

fn report<T, E: std::error::Error>(job: &str, result: Result<T, E>) {
    if let Err(error) = result {
        let mut chain = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            chain.push_str(": ");
            chain.push_str(&cause.to_string());
            source = cause.source();
        }
        tracing::warn!(job, error = chain, "a job failed and will be tried again");
    }
}
