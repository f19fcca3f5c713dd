//! What happens by itself: deadlines are settled, keys are read again, what is over is deleted.
//!
//! Nothing depends on these jobs being on time: every read compares deadlines itself.

mod missed;
mod outbox;

use std::{sync::Arc, time::Duration};

use countersign_clock::{Clock, Millis, Random};
use tokio::time::MissedTickBehavior;

use crate::{
    consent::Consent,
    keys::KeyRing,
    meters::meters,
    storage::{Storage, StorageError},
    wakes::{Heard, Subscription, Topic, Wakes},
};

pub use outbox::OutboxWorker;

use missed::Missed;

/// Rows that one step deletes at most, so that it never holds the writer for long.
const CHUNK: u32 = 500;
/// Days that debts that were given up on stay, for the operator.
const DEAD_DAYS: Millis = 30;
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
    /// Spreads what all nodes do.
    pub random: Arc<dyn Random>,
    /// Who listens on this node.
    pub wakes: Arc<Wakes>,
    /// Between two reads of the keys.
    pub reread_seconds: u32,
    /// Between two looks for requests whose time is over.
    pub expire_seconds: u32,
    /// Requests that one look settles.
    pub expire_rows: u32,
    /// Days that settled requests stay.
    pub history_days: u32,
}

impl Jobs {
    /// Runs until the task is dropped.
    pub async fn run(self) {
        tokio::join!(self.keep_up(), self.tell_what_was_missed());
    }

    async fn keep_up(&self) {
        let mut rotated = self.wakes.subscribe(Topic::Keys).ok();
        let mut deadlines = every(Duration::from_secs(self.expire_seconds.into()));
        let mut keys = every(Duration::from_secs(self.reread_seconds.into()));
        let mut sweep = every(Duration::from_secs(10));
        let mut arrears = every(Duration::from_secs(2));
        loop {
            tokio::select! {
                _ = deadlines.tick() => report("settling deadlines", self.consent.expire(self.expire_rows).await),
                _ = keys.tick() => report("reading keys", self.keys.refresh().await),
                _ = arrears.tick() => report("counting what is owed", self.measure_arrears().await),
                heard = signal(rotated.as_mut()) => match heard {
                    Heard::Changed => report("reading keys", self.keys.refresh().await),
                    Heard::Closed => rotated = None,
                },
                _ = sweep.tick() => report("deleting what is over", self.sweep().await),
            }
        }
    }

    async fn measure_arrears(&self) -> Result<(), StorageError> {
        let arrears = self.storage.arrears().await?;
        let age = arrears.oldest.map_or(0, |since| self.clock.now() - since);
        let age = Duration::from_millis(u64::try_from(age).unwrap_or(0));
        meters().owes(arrears.debts, arrears.dead, age);
        Ok(())
    }

    async fn tell_what_was_missed(&self) {
        let mut missed = Missed::new(self.storage.clone(), self.wakes.clone());
        loop {
            tokio::time::sleep(self.about_a_second()).await;
            report("looking for what listeners were not told", missed.look().await);
        }
    }

    /// From 0.75 s to 1.25 s, so that nodes that started together do not ask together.
    fn about_a_second(&self) -> Duration {
        let mut byte = 0;
        self.random.fill(std::slice::from_mut(&mut byte));
        Duration::from_millis(750 + 2 * u64::from(byte))
    }

    async fn sweep(&self) -> Result<(), StorageError> {
        let now = self.clock.now();
        let history_from = now - Millis::from(self.history_days) * DAY;
        sweep(&*self.storage, history_from, now).await
    }
}

/// Deletes all that is over, step by step: a fixed number at a time would fall behind a busy provider for good.
async fn sweep(storage: &dyn Storage, history_from: Millis, now: Millis) -> Result<(), StorageError> {
    let full = u64::from(CHUNK);
    while storage.sweep_prompts(history_from, now, CHUNK).await? >= full {}
    while storage.sweep_grants(now, CHUNK).await? >= full {}
    while storage.sweep_replay(now, CHUNK).await? >= full {}
    while storage.sweep_pushed(now, CHUNK).await? >= full {}
    while storage.sweep_debts(now - DEAD_DAYS * DAY, now, CHUNK).await? >= full {}
    Ok(())
}

async fn signal(subscription: Option<&mut Subscription>) -> Heard {
    match subscription {
        Some(subscription) => subscription.heard().await,
        None => std::future::pending().await,
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

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;
    use crate::storage::{Replay as _, Role, SqliteStorage};

    #[tokio::test]
    async fn one_sweep_deletes_all_that_is_over_however_much_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let storage = SqliteStorage::open(&folder.path().join("db"), Role::Server).unwrap();
        let ids: Vec<String> = (0..3 * CHUNK).map(|id| id.to_string()).collect();
        join_all(ids.iter().map(|id| storage.remember_once("kind", "owner", id, 1_000))).await;
        sweep(&storage, 0, 1_000).await.unwrap();
        let left = storage.sweep_replay(1_000, CHUNK).await.unwrap();
        assert_eq!(left, 0, "nothing that is over is left");
    }
}
