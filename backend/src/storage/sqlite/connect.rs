use std::{
    fs::{File, OpenOptions},
    io::ErrorKind,
    path::Path,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::StorageError;
use crate::storage::error::unavailable;

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Enough that a whole group stays in memory until its commit.
const WRITER_CACHE_KIB: i64 = 64 * 1024;
/// A page that many groups change is copied into the database once for all of them; 4 KiB each, so the log stays below about 32 MiB.
const CHECKPOINT_PAGES: i64 = 8000;
/// More than there are statements.
const CACHED_STATEMENTS: usize = 128;

/// The connection that writes; makes the file when there is none.
pub(super) fn writing(path: &Path) -> Result<Connection, StorageError> {
    // Made here, not by SQLite, so that it is private from its first byte. SQLite gives its side files the same mode.
    make_private(path)?;
    let connection = open(path)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // In WAL mode only `full` syncs at every commit, and an answer promises that the commit is on disk.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Each savepoint keeps pages to go back to. By default they go through a temporary file, which was most of the system calls of a write.
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    Ok(connection)
}

/// A connection that cannot write.
pub(super) fn reading(path: &Path) -> Result<Connection, StorageError> {
    let connection = open(path)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Makes sure that there is a file and that only its owner may read it.
///
/// One that is there is not opened: closing it would give up the locks that this process has on it by another connection.
pub(super) fn make_private(path: &Path) -> Result<(), StorageError> {
    match private().create_new(true).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => restrict(path),
        Err(error) => Err(unavailable(error)),
    }
}

/// Opens or makes the file that servers lock.
pub(super) fn lock_file(path: &Path) -> Result<File, StorageError> {
    private().create(true).truncate(false).open(path).map_err(unavailable)
}

#[cfg(unix)]
fn private() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;

    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

#[cfg(unix)]
fn restrict(path: &Path) -> Result<(), StorageError> {
    use std::os::unix::fs::PermissionsExt as _;

    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(unavailable)
}

#[cfg(not(unix))]
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    options
}

#[cfg(not(unix))]
fn restrict(_: &Path) -> Result<(), StorageError> {
    Ok(())
}

/// A connection as both kinds need it; fails when there is no file.
pub(super) fn open(path: &Path) -> Result<Connection, StorageError> {
    // No `SQLITE_OPEN_URI`: a path is a path, whatever characters it has.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // One plan for all parameters. Without this a statement with `limit $1` or a range is compiled anew whenever its parameters are, which took
    // longer than running it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    Ok(connection)
}
