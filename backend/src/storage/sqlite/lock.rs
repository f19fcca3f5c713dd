use std::{
    fs::{File, TryLockError},
    path::Path,
};

use super::{StorageError, connect};
use crate::storage::error::unavailable;

/// The right to be the one server of a database file. The operating system takes it back when the process ends, however it ends.
pub(super) struct FileLock {
    _file: File,
}

impl FileLock {
    pub(super) fn take(database: &Path) -> Result<Self, StorageError> {
        let mut path = database.as_os_str().to_owned();
        path.push(".lock");
        let file = connect::lock_file(Path::new(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StorageError::InUse {
                path: database.display().to_string(),
            }),
            Err(TryLockError::Error(error)) => Err(unavailable(error)),
        }
    }
}
