//! The store in a PostgreSQL database, for any number of nodes.
//!
//! A unit that writes is one transaction. What happens all the time locks the rows that its answer depends on, so units that meet take turns. What is
//! rare is serializable instead: PostgreSQL refuses whatever no order of one after the other could have brought about. What it refuses is run again.
//! Answers leave when the commit is on disk (`synchronous_commit`).
//!
//! Whoever locks does so in one order: names, prompts (oldest first), the device, the account, the person's change number, the request. Redeeming
//! begins with the request, which nobody else changes once it is approved. Two that wait for each other all the same are told so by PostgreSQL, and
//! one of them starts again.

mod connect;
mod error;
mod inspect;
mod migrate;
#[cfg(test)]
mod plans;
mod signals;
mod statements;
mod transaction;

use std::{sync::Arc, time::Duration};

use countersign_clock::Random;
use sqlx::{PgConnection, PgPool};
use tokio::{
    task::{AbortHandle, JoinHandle},
    time::{Instant, MissedTickBehavior},
};
use tracing::Instrument as _;

use self::transaction::Isolation;
pub use self::{
    inspect::inspect_server,
    signals::{PostgresSignals, SignalListener},
};
use super::{
    StorageError,
    error::unavailable,
    statements::Unit,
    store::{Engine, Store},
    touches::Touches,
};
use crate::{meters::meters, steps::STEPS};

/// How often it is written when devices were last heard of.
const TOUCH_PERIOD: Duration = Duration::from_secs(2);

/// The store in a PostgreSQL database. Needs a Tokio runtime as long as it lives.
pub type PostgresStorage = Store<Postgres>;

/// One PostgreSQL database.
pub struct Postgres {
    pool: PgPool,
    random: Arc<dyn Random>,
    touches: Arc<Touches>,
    flushing: AbortHandle,
}

impl Store<Postgres> {
    /// Connects to `url` (`postgres://user:password@host/database`, what it leaves out comes from the `PG*` variables) with at most `connections` at a
    /// time, and brings the schema up to date. Any number of nodes may do so at the same time. `random` spreads retries.
    ///
    /// # Errors
    /// [`StorageError::TooNew`] when a newer version wrote the schema, [`StorageError::Unavailable`] when `url` cannot be read, the server cannot be
    /// reached, or it refuses. No error repeats the URL.
    pub async fn open(url: &str, connections: u32, random: Arc<dyn Random>) -> Result<Self, StorageError> {
        let options = connect::options(url)?;
        let pool = connect::pool(options, connections);
        migrate::migrate(&pool, migrate::MIGRATIONS).await?;
        let touches = Arc::new(Touches::default());
        let flushing = tokio::spawn(flush_touches(pool.clone(), Arc::clone(&touches)));
        let engine = Postgres {
            pool,
            random,
            touches,
            flushing: flushing.abort_handle(),
        };
        Ok(Self { engine })
    }

    /// Writes what need not be durable and closes every connection.
    ///
    /// # Errors
    /// When that could not be written. The store is closed all the same.
    pub async fn close(&self) -> Result<(), StorageError> {
        self.engine.flushing.abort();
        let flushed = flush(&self.engine.pool, &self.engine.touches).await;
        self.engine.pool.close().await;
        flushed
    }
}

impl Postgres {
    /// In a task of its own, so that it is finished whoever waits for it.
    async fn transact<I: Send + Sync + 'static, T: Send + 'static>(
        &self,
        isolation: Isolation,
        input: I,
        unit: Unit<PgConnection, I, T>,
    ) -> Result<T, StorageError> {
        let (pool, random) = (self.pool.clone(), Arc::clone(&self.random));
        let done = tokio::spawn(async move { transaction::write(isolation, &pool, &*random, &input, unit).await });
        committed(done).await
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.flushing.abort();
    }
}

impl Engine for Postgres {
    type Connection = PgConnection;

    async fn read<I: Send + Sync, T: Send>(&self, input: I, unit: Unit<PgConnection, I, T>) -> Result<T, StorageError> {
        transaction::read(&self.pool, &input, unit).await
    }

    async fn write<I: Send + Sync + 'static, T: Send + 'static>(
        &self,
        input: I,
        unit: Unit<PgConnection, I, T>,
    ) -> Result<T, StorageError> {
        self.transact(Isolation::Serializable, input, unit).await
    }

    async fn write_locking<I: Send + Sync + 'static, T: Send + 'static>(
        &self,
        input: I,
        unit: Unit<PgConnection, I, T>,
    ) -> Result<T, StorageError> {
        self.transact(Isolation::ReadCommitted, input, unit).await
    }

    async fn write_single<I: Send + Sync + 'static, T: Send + 'static>(
        &self,
        input: I,
        unit: Unit<PgConnection, I, T>,
    ) -> Result<T, StorageError> {
        self.transact(Isolation::Single, input, unit).await
    }

    fn touches(&self) -> &Touches {
        &self.touches
    }
}

/// Waits for a unit that writes, and measures it: a group of one.
async fn committed<T>(done: JoinHandle<Result<T, StorageError>>) -> Result<T, StorageError> {
    let began = Instant::now();
    let commit = tracing::trace_span!(target: STEPS, "commit");
    let done = done.instrument(commit).await.map_err(unavailable)??;
    meters().committed(1, began.elapsed());
    Ok(done)
}

async fn flush_touches(pool: PgPool, touches: Arc<Touches>) {
    let mut period = tokio::time::interval(TOUCH_PERIOD);
    period.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        period.tick().await;
        // What is lost here is when a device was last heard of.
        let _ = flush(&pool, &touches).await;
    }
}

/// Each touch is a transaction by itself: together they could wait for each other's rows in a circle with another node's.
async fn flush(pool: &PgPool, touches: &Touches) -> Result<(), StorageError> {
    if touches.is_empty() {
        return Ok(());
    }
    let mut connection = pool.acquire().await?;
    let flushed = touches.flush(&mut *connection).await?;
    touches.are_written(flushed);
    Ok(())
}
