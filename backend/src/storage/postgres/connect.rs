use std::{str::FromStr as _, time::Duration};

use sqlx::{
    ConnectOptions as _, Connection as _, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::StorageError;
use crate::storage::error::unavailable;

/// How long a unit waits for a connection of the pool before it is told that there is none.
const ACQUIRE: Duration = Duration::from_secs(5);
/// A connection that rested longer is asked whether it still lives before a unit gets it.
const RESTED: Duration = Duration::from_secs(1);
/// More than there are statements.
const CACHED_STATEMENTS: usize = 256;

/// What every connection is told.
pub(super) const SETTINGS: [(&str, &str); 9] = [
    // An answer promises that the commit is on disk, whatever the server is set to.
    ("synchronous_commit", "on"),
    // A statement takes milliseconds; one that hangs ends before who waits for it gives up.
    ("statement_timeout", "5s"),
    ("lock_timeout", "5s"),
    // A node that stops in the middle of a unit keeps nobody else from the rows.
    ("idle_in_transaction_session_timeout", "10s"),
    // One plan for all parameters, and whatever can use an index does: plans that were made for a table without statistics were ten times slower.
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    // Compiling a statement takes longer than running it.
    ("jit", "off"),
];

pub(super) fn options(url: &str) -> Result<PgConnectOptions, StorageError> {
    // The library's error may repeat what it could not read, and the URL holds the password.
    let options = PgConnectOptions::from_str(url).map_err(|_| unavailable("the URL of the database cannot be read"))?;
    let options = if options.get_application_name().is_none() {
        options.application_name("countersign")
    } else {
        options
    };
    Ok(options
        .options(SETTINGS)
        .statement_cache_capacity(CACHED_STATEMENTS)
        .disable_statement_logging())
}

pub(super) fn pool(options: PgConnectOptions, connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE)
        // A round trip for every unit would be too much; see below.
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for < RESTED {
                    return Ok(true);
                }
                Ok(connection.ping().await.is_ok())
            })
        })
        .connect_lazy_with(options)
}
