//! The store in one SQLite file, for one node.
//!
//! One thread writes and commits what is waiting as a group; when a unit of work fails, the group is done again with each unit in a savepoint of its
//! own, so that it fails alone. Answers leave when the group is on disk.
//! Readers have connections of their own and answer on the caller's thread, because a read takes microseconds.

mod at_once;
mod backup;
mod connect;
mod error;
mod inspect;
mod lock;
mod migrate;
#[cfg(test)]
mod plans;
mod readers;
mod statements;
mod writer;

use std::{path::Path, sync::Arc};

use rusqlite::Connection;
use tracing::Instrument as _;

use self::{at_once::at_once, lock::FileLock, readers::Readers, writer::Writer};
pub use self::{
    backup::{BackupError, Restoration, back_up},
    inspect::inspect_file,
};
use super::{
    StorageError,
    statements::Unit,
    store::{Engine, Store},
    touches::Touches,
};
use crate::steps::STEPS;

/// Who opens the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The one server. A second one is refused.
    Server,
    /// A command of the operator, perhaps beside the running server.
    Command,
}

/// The store in one SQLite file. Dropping it finishes what is queued.
pub type SqliteStorage = Store<Sqlite>;

/// One SQLite file.
pub struct Sqlite {
    writer: Writer,
    readers: Readers,
    touches: Arc<Touches>,
    // Last, so that the next server gets in only when everything is written and closed.
    _lock: Option<FileLock>,
}

impl Store<Sqlite> {
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
        let engine = Sqlite {
            readers: Readers::open(path)?,
            writer: Writer::start(connection, Arc::clone(&touches))?,
            touches,
            _lock: lock,
        };
        Ok(Self { engine })
    }

    /// How many groups were committed since the store was opened.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.engine.writer.commits()
    }

    /// How often something was looked up since the store was opened.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.engine.readers.reads()
    }
}

impl Engine for Sqlite {
    type Connection = Connection;

    async fn read<I: Send + Sync, T: Send>(&self, input: I, unit: Unit<Connection, I, T>) -> Result<T, StorageError> {
        self.readers.read(|connection| at_once(unit(connection, &input)))
    }

    async fn write<I: Send + Sync + 'static, T: Send + 'static>(
        &self,
        input: I,
        unit: Unit<Connection, I, T>,
    ) -> Result<T, StorageError> {
        self.writer
            .write(move |connection| at_once(unit(connection, &input)))
            .instrument(tracing::trace_span!(target: STEPS, "commit"))
            .await
    }

    fn touches(&self) -> &Touches {
        &self.touches
    }
}
