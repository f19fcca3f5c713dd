use std::time::Duration;

use countersign_clock::Random;
use sqlx::{PgConnection, PgPool};
use tokio::time::{sleep, timeout};

use super::{StorageError, error};
use crate::storage::{error::unavailable, statements::Unit};

/// How often a unit starts again because of others. Of many that want the same row one gets through each time, so this is for a crowd.
const CONFLICTS: u32 = 60;
/// How often it starts again because what it found free was taken. Once is enough for a unit that looks before it writes.
const TAKEN: u32 = 2;
/// How often a connection of the pool may turn out to be gone before anything was done on it: a server that starts again ends all of them.
const LOST: u32 = 32;
const SHORTEST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// How long a unit may take in one go. Each statement has a limit of its own on the server; this one is for a server that went silent.
const LIMIT: Duration = Duration::from_secs(15);

/// How a unit that writes is kept together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Isolation {
    /// As if nothing else ran at the same time.
    Serializable,
    /// Each statement sees what was committed before it; the unit takes its own locks.
    ReadCommitted,
    /// The unit is one statement, which PostgreSQL makes a transaction.
    Single,
}

impl Isolation {
    fn begin(self) -> Option<&'static str> {
        match self {
            Self::Serializable => Some("begin isolation level serializable"),
            Self::ReadCommitted => Some("begin isolation level read committed"),
            Self::Single => None,
        }
    }
}

/// Runs a unit that reads.
pub(super) async fn read<I, T>(pool: &PgPool, input: &I, unit: Unit<PgConnection, I, T>) -> Result<T, StorageError> {
    let mut lost = 0;
    loop {
        match plain(pool, input, unit).await {
            Err(error) if error::is_lost(&error) && lost < LOST => lost += 1,
            done => return done,
        }
    }
}

/// Runs a unit that writes, and starts it again when PostgreSQL undid it because of another one.
pub(super) async fn write<I, T>(
    isolation: Isolation,
    pool: &PgPool,
    random: &dyn Random,
    input: &I,
    unit: Unit<PgConnection, I, T>,
) -> Result<T, StorageError> {
    let (mut conflicts, mut taken) = (0, 0);
    loop {
        let done = match isolation.begin() {
            Some(begin) => once(begin, pool, input, unit).await,
            None => plain(pool, input, unit).await,
        };
        let Err(error) = done else {
            return done;
        };
        if error::is_conflict(&error) && conflicts < CONFLICTS {
            conflicts += 1;
        } else if error::is_taken(&error) && taken < TAKEN {
            taken += 1;
        } else {
            return Err(error);
        }
        sleep(pause(conflicts + taken, random)).await;
    }
}

async fn plain<I, T>(pool: &PgPool, input: &I, unit: Unit<PgConnection, I, T>) -> Result<T, StorageError> {
    let mut connection = pool.acquire().await?;
    if let Ok(done) = timeout(LIMIT, unit(&mut connection, input)).await {
        return done;
    }
    connection.close_on_drop();
    Err(silent())
}

async fn once<I, T>(
    statement: &'static str,
    pool: &PgPool,
    input: &I,
    unit: Unit<PgConnection, I, T>,
) -> Result<T, StorageError> {
    let mut transaction = begin(statement, pool).await?;
    let Ok(done) = timeout(LIMIT, unit(&mut transaction, input)).await else {
        return Err(silent());
    };
    // Dropped, a transaction is undone.
    let done = done?;
    fail_point!(CommitBefore);
    timeout(LIMIT, transaction.commit()).await.map_err(|_| silent())??;
    fail_point!(CommitAfter);
    Ok(done)
}

async fn begin(
    statement: &'static str,
    pool: &PgPool,
) -> Result<sqlx::Transaction<'static, sqlx::Postgres>, StorageError> {
    let mut lost = 0;
    loop {
        let begun = timeout(LIMIT, pool.begin_with(statement)).await.map_err(|_| silent())?;
        match begun.map_err(StorageError::from) {
            Err(error) if error::is_lost(&error) && lost < LOST => lost += 1,
            begun => return begun,
        }
    }
}

/// A time to wait before another try, random up to twice as long as after the one before, so that those who met do not meet again.
fn pause(tries: u32, random: &dyn Random) -> Duration {
    let longest = LONGEST_PAUSE.min(SHORTEST_PAUSE.saturating_mul(1 << tries.min(10)));
    let mut byte = [0];
    random.fill(&mut byte);
    longest.mul_f64(f64::from(byte[0]) / 256.0)
}

fn silent() -> StorageError {
    unavailable("the database does not answer")
}

#[cfg(test)]
mod tests {
    use countersign_clock::SeededRandom;

    use super::*;

    #[test]
    fn pauses_grow_up_to_a_limit_and_differ() {
        let random = SeededRandom::new(7);
        let pauses: Vec<_> = (0..200).map(|tries| pause(tries, &random)).collect();
        assert!(pauses.iter().all(|pause| *pause < LONGEST_PAUSE));
        assert!(pauses.iter().take(1).all(|pause| *pause <= SHORTEST_PAUSE));
        assert!(pauses.iter().any(|pause| *pause > LONGEST_PAUSE / 2));
    }
}
