//! The store in one SQLite file, for one node.
//!
//! One thread writes and commits what is waiting as a group, each unit of work in a savepoint of its own; answers leave when the group is on disk.
//! Readers have connections of their own and answer on the caller's thread, because a read takes microseconds.

mod accounts;
mod auth_requests;
mod clients;
mod connect;
mod decide;
mod devices;
mod error;
mod grants;
mod keys;
mod lock;
mod migrate;
mod outbox;
#[cfg(test)]
mod plans;
mod prompts;
mod readers;
mod replay;
mod rows;
mod settle;
mod statement;
mod touches;
mod writer;

use std::{path::Path, sync::Arc};

use rusqlite::Connection;

use self::{lock::FileLock, readers::Readers, touches::Touches, writer::Writer};
use super::StorageError;

/// Who opens the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The one server. A second one is refused.
    Server,
    /// A command of the operator, perhaps beside the running server.
    Command,
}

/// The store in one SQLite file. Dropping it finishes what is queued.
pub struct SqliteStorage {
    writer: Writer,
    readers: Readers,
    touches: Arc<Touches>,
    // Last, so that the next server gets in only when everything is written and closed.
    _lock: Option<FileLock>,
}

impl SqliteStorage {
    /// Opens the file, makes it when there is none, and brings its schema up to date.
    ///
    /// The file is readable by its owner alone. A [`Role::Server`] holds `<path>.lock` until the store is dropped; a [`Role::Command`] needs it only to migrate.
    ///
    /// # Errors
    /// [`StorageError::InUse`] when another server has the file, [`StorageError::TooNew`] when a newer version wrote it,
    /// [`StorageError::Unavailable`] when it cannot be read or written.
    pub fn open(path: &Path, role: Role) -> Result<Self, StorageError> {
        let mut lock = match role {
            Role::Server => Some(FileLock::take(path)?),
            Role::Command => None,
        };
        let mut connection = connect::writing(path)?;
        if migrate::is_due(&connection, migrate::MIGRATIONS)? {
            // A command never changes the schema under a running server.
            let taken = lock.take().map_or_else(|| FileLock::take(path), Ok)?;
            migrate::migrate(&mut connection, migrate::MIGRATIONS)?;
            lock = (role == Role::Server).then_some(taken);
        }
        let touches = Arc::new(Touches::default());
        Ok(Self {
            readers: Readers::open(path)?,
            writer: Writer::start(connection, Arc::clone(&touches))?,
            touches,
            _lock: lock,
        })
    }

    /// How many groups were committed since the store was opened.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }

    async fn write<T: Send + 'static>(
        &self,
        unit: impl FnOnce(&Connection) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        self.writer.write(unit).await
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StorageError>) -> Result<T, StorageError> {
        self.readers.read(read)
    }
}
