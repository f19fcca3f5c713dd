use std::{
    fs::{File, OpenOptions},
    path::Path,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};

use super::{StorageError, error::unavailable};

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// More than there are statements.
const CACHED_STATEMENTS: usize = 128;

/// The connection that writes; makes the file when there is none.
pub(super) fn writing(path: &Path) -> Result<Connection, StorageError> {
    // Made here, not by SQLite, so that it is private from its first byte. SQLite gives its side files the same mode.
    private_file(path)?;
    let connection = open(path)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // In WAL mode only `full` syncs at every commit, and an answer promises that the commit is on disk.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// A connection that cannot write.
pub(super) fn reading(path: &Path) -> Result<Connection, StorageError> {
    let connection = open(path)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Opens or makes a file that only its owner may read.
pub(super) fn private_file(path: &Path) -> Result<File, StorageError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let file = options.mode(0o600).open(path).map_err(unavailable)?;
        file.set_permissions(std::fs::Permissions::from_mode(0o600))
            .map_err(unavailable)?;
        Ok(file)
    }
    #[cfg(not(unix))]
    options.open(path).map_err(unavailable)
}

fn open(path: &Path) -> Result<Connection, StorageError> {
    // No `SQLITE_OPEN_URI`: a path is a path, whatever characters it has.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    Ok(connection)
}
