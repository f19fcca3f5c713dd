use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use super::{StorageError, connect, migrate};
use crate::storage::{
    error::unavailable,
    inspection::{Inspection, LATEST, StoreKind},
};

/// Looks at the file from outside, beside a running server or without one.
///
/// # Errors
/// When there is none, or it cannot be read as a database.
pub fn inspect_file(path: &Path) -> Result<Inspection, StorageError> {
    let bytes = fs::metadata(path).map_err(unavailable)?.len();
    let connection = connect::reading(path)?;
    let schema = migrate::version(&connection)?;
    // From here on the file is known to be a database, so what fails is its contents.
    let said = connection.query_row("pragma quick_check(1)", [], |row| row.get(0));
    let said: String = said.unwrap_or_else(|error| error.to_string());
    let latest = connection.query_row(LATEST, [], |row| row.get(0)).unwrap_or(None);
    Ok(Inspection {
        schema,
        known: i64::try_from(migrate::MIGRATIONS.len()).unwrap_or(i64::MAX),
        latest,
        kind: StoreKind::File {
            fault: (said != "ok").then_some(said),
            bytes,
            log_bytes: fs::metadata(with(path, "-wal")).map_or(0, |log| log.len()),
            in_use: is_locked(&with(path, ".lock"))?,
        },
    })
}

fn is_locked(path: &Path) -> Result<bool, StorageError> {
    let Ok(file) = File::open(path) else {
        return Ok(false);
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(unavailable(error)),
    }
}

fn with(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
