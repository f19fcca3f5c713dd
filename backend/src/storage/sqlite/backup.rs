use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use rusqlite::Connection;

use super::{StorageError, connect, lock::FileLock, migrate};
use crate::storage::error::unavailable;

/// Why there is no backup, or nothing was restored from it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Nothing is overwritten unasked.
    #[error("{path} is there already")]
    Exists {
        /// Which file.
        path: PathBuf,
    },
    /// It is no backup, or not whole any more.
    #[error("{path} is not a whole backup of countersign: {problem}")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A file cannot be read or written.
    #[error("{path} cannot be read or written")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database cannot be used.
    #[error("the database cannot be copied or replaced")]
    Storage(#[from] StorageError),
}

/// Copies the database into a new file `to`, readable by its owner alone, as it stands at one moment. A server may go on writing meanwhile.
/// Returns the copy's size in bytes.
///
/// The file appears under its name only when all of it is on disk.
///
/// # Errors
/// When `to` is there already, or one of the files cannot be used.
pub fn back_up(database: &Path, to: &Path) -> Result<u64, BackupError> {
    if exists(to)? {
        return Err(BackupError::Exists { path: to.to_owned() });
    }
    // Where there is none, none is made.
    fs::metadata(database).map_err(|source| file(database, source))?;
    let partial = beside(to, ".partial");
    let copied = copy_at_one_moment(database, &partial).and_then(|()| {
        // Unlike a rename, a link does not replace a file that came in the meantime.
        match fs::hard_link(&partial, to) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(BackupError::Exists { path: to.to_owned() }),
            linked => linked.map_err(|source| file(to, source)),
        }
    });
    let removed = remove(&partial);
    copied?;
    removed?;
    sync_folder(to)?;
    Ok(fs::metadata(to).map_err(|source| file(to, source))?.len())
}

fn copy_at_one_moment(database: &Path, partial: &Path) -> Result<(), BackupError> {
    // What a backup that was cut off has left.
    remove(partial)?;
    connect::make_private(partial)?;
    let text = partial.to_str().ok_or_else(|| {
        let problem = io::Error::new(ErrorKind::InvalidInput, "the name is not Unicode");
        file(partial, problem)
    })?;
    let connection = connect::open(database)?;
    connection
        .execute("vacuum into ?1", [text])
        .map_err(StorageError::from)?;
    sync(partial)
}

/// A backup on its way to be the database. What was staged is removed unless it is installed.
pub struct Restoration {
    database: PathBuf,
    staged: PathBuf,
    // Keeps servers away until the end.
    _lock: FileLock,
}

impl Restoration {
    /// Copies the backup to a place beside the database and looks whether it is whole and of a version that this program knows.
    ///
    /// # Errors
    /// When a server uses the database, it is there and `replace` is not said, or the backup is damaged or too new.
    pub fn stage(backup: &Path, database: &Path, replace: bool) -> Result<Self, BackupError> {
        let lock = FileLock::take(database)?;
        if exists(database)? && !replace {
            return Err(BackupError::Exists {
                path: database.to_owned(),
            });
        }
        let replaced = beside(database, ".replaced");
        if exists(database)? && exists(&replaced)? {
            return Err(BackupError::Exists { path: replaced });
        }
        let restoration = Self {
            database: database.to_owned(),
            staged: beside(database, ".restoring"),
            _lock: lock,
        };
        restoration.clean()?;
        connect::make_private(&restoration.staged)?;
        let copy = || {
            let mut to = File::options().write(true).open(&restoration.staged)?;
            io::copy(&mut File::open(backup)?, &mut to)?;
            to.sync_all()
        };
        copy().map_err(|source| file(backup, source))?;
        check(backup, &restoration.staged)?;
        Ok(restoration)
    }

    /// Where the copy is, to be opened and settled before it is installed.
    #[must_use]
    pub fn staged(&self) -> &Path {
        &self.staged
    }

    /// Puts the copy, which must be closed, in the place of the database. Returns where the one before it is now, if there was one.
    ///
    /// # Errors
    /// When a file cannot be moved; the database is then the one it was.
    pub fn install(self) -> Result<Option<PathBuf>, BackupError> {
        sync(&self.staged)?;
        let before = exists(&self.database)?;
        let replaced = beside(&self.database, ".replaced");
        if before {
            self.set_aside(&replaced)?;
        }
        fs::rename(&self.staged, &self.database).map_err(|source| file(&self.database, source))?;
        sync_folder(&self.database)?;
        Ok(before.then_some(replaced))
    }

    /// Gives the old database a second name, and takes its log away: SQLite would add the log to whichever file has the first one.
    fn set_aside(&self, replaced: &Path) -> Result<(), BackupError> {
        let (log, index, kept) = (
            beside(&self.database, "-wal"),
            beside(&self.database, "-shm"),
            beside(replaced, "-wal"),
        );
        // A database that cannot be read, perhaps the reason for all this, keeps its log. Copied first: whoever opens such a file may empty its log.
        if exists(&log)? {
            fs::copy(&log, &kept).map_err(|source| file(&kept, source))?;
        }
        let merged = connect::open(&self.database).and_then(|connection| {
            // Reads the file, which the next statement does not when it has nothing to merge.
            migrate::version(&connection)?;
            Ok(connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))?)
        });
        if merged.is_ok() {
            remove(&kept)?;
        }
        fs::hard_link(&self.database, replaced).map_err(|source| file(replaced, source))?;
        remove(&log)?;
        remove(&index)
    }

    fn clean(&self) -> Result<(), BackupError> {
        for suffix in ["", "-wal", "-shm", "-journal", ".lock"] {
            remove(&beside(&self.staged, suffix))?;
        }
        Ok(())
    }
}

impl Drop for Restoration {
    fn drop(&mut self) {
        // What stays is removed by the next try.
        let _ = self.clean();
    }
}

/// Whether `staged`, a copy of `backup`, is whole, and this program's.
fn check(backup: &Path, staged: &Path) -> Result<(), BackupError> {
    let damaged = |problem: String| BackupError::Damaged {
        path: backup.to_owned(),
        problem,
    };
    let connection = connect::open(staged)?;
    let ask = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0));
    let whole = ask("pragma integrity_check(1)").map_err(|error| damaged(error.to_string()))?;
    if whole != "ok" {
        return Err(damaged(whole));
    }
    if migrate::version(&connection)? == 0 || !is_ours(&connection) {
        return Err(damaged("it is a database of another program".to_owned()));
    }
    migrate::is_due(&connection, migrate::MIGRATIONS)?;
    Ok(())
}

fn is_ours(connection: &Connection) -> bool {
    ["auth_requests", "prompts", "grant_families", "devices", "signing_keys"]
        .iter()
        .all(|table| connection.table_exists(None, *table).unwrap_or(false))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn exists(path: &Path) -> Result<bool, BackupError> {
    // A link that leads nowhere is something that is there, too.
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(source) => Err(file(path, source)),
    }
}

fn remove(path: &Path) -> Result<(), BackupError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(file(path, error)),
        _ => Ok(()),
    }
}

fn sync(path: &Path) -> Result<(), BackupError> {
    let synced = File::options()
        .write(true)
        .open(path)
        .and_then(|opened| opened.sync_all());
    synced.map_err(|source| file(path, source))
}

/// A new name is on disk when its folder is.
fn sync_folder(path: &Path) -> Result<(), BackupError> {
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let synced = File::open(folder).and_then(|opened| opened.sync_all());
    synced.map_err(|source| file(folder, source))
}

fn file(path: &Path, source: io::Error) -> BackupError {
    BackupError::File {
        path: path.to_owned(),
        source,
    }
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(unavailable(error))
    }
}
