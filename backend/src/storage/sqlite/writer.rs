use std::{
    error::Error,
    iter,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, JoinHandle},
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{StorageError, error::unavailable, touches::Touches};

/// A group is what waits when the last one is on disk, at most this much, so that nobody at its front waits for a long tail.
const LARGEST_GROUP: usize = 256;

/// Does its work, unless there is no transaction to do it in, and returns who tells the caller once it is known whether the group is on disk.
type Unit = Box<dyn FnOnce(Result<&Connection, Failure>) -> Answer + Send>;
type Answer = Box<dyn FnOnce(Result<(), Failure>) + Send>;
type Failure = Arc<dyn Error + Send + Sync>;

/// The one thread that writes.
pub(super) struct Writer {
    units: Option<Sender<Unit>>,
    commits: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection, touches: Arc<Touches>) -> Result<Self, StorageError> {
        let (units, waiting) = channel();
        let commits = Arc::new(AtomicU64::new(0));
        let group = Group {
            connection,
            touches,
            commits: Arc::clone(&commits),
        };
        let thread = thread::Builder::new()
            .name("storage-writer".to_owned())
            .spawn(move || group.run_all(&waiting))
            .map_err(unavailable)?;
        Ok(Self {
            units: Some(units),
            commits,
            thread: Some(thread),
        })
    }

    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Does `unit` and answers when it is on disk. It is done even when nobody waits for the answer any more.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        unit: impl FnOnce(&Connection) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let (tell, told) = oneshot::channel();
        let unit: Unit = Box::new(move |connection| {
            let done = connection
                .map_err(unavailable)
                .and_then(|connection| in_savepoint(connection, unit));
            Box::new(move |on_disk| {
                // The caller may be gone; its work is done all the same.
                let _ = tell.send(on_disk.map_err(unavailable).and(done));
            })
        });
        let units = self.units.as_ref().ok_or_else(stopped)?;
        units.send(unit).map_err(|_| stopped())?;
        told.await.map_err(|_| stopped())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.units = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the writer was reported when it happened.
            let _ = thread.join();
        }
    }
}

fn stopped() -> StorageError {
    unavailable("the writer has stopped")
}

/// Undoes `unit` alone when it fails. Ends the whole transaction when not even that is possible.
fn in_savepoint<T>(
    connection: &Connection,
    unit: impl FnOnce(&Connection) -> Result<T, StorageError>,
) -> Result<T, StorageError> {
    execute(connection, "savepoint unit")?;
    let done = unit(connection);
    // Some failures (a full disk) end the whole transaction by themselves, and the savepoint with it.
    if !connection.is_autocommit() {
        let undone = if done.is_err() {
            execute(connection, "rollback to unit")
        } else {
            Ok(())
        };
        if let Err(error) = undone.and_then(|()| execute(connection, "release unit")) {
            execute(connection, "rollback")?;
            return Err(error.into());
        }
    }
    done
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

struct Group {
    connection: Connection,
    touches: Arc<Touches>,
    commits: Arc<AtomicU64>,
}

impl Group {
    /// Takes group after group until every sender is gone.
    fn run_all(self, waiting: &Receiver<Unit>) {
        while let Ok(first) = waiting.recv() {
            self.run(first, waiting);
        }
        if !self.touches.is_empty() && self.begin().is_ok() {
            self.flush_touches();
            // What is lost here is when a device was last heard of.
            let _ = self.commit();
        }
    }

    fn run(&self, first: Unit, waiting: &Receiver<Unit>) {
        let units = iter::once(first).chain(waiting.try_iter()).take(LARGEST_GROUP);
        if let Err(failure) = self.begin() {
            for unit in units {
                unit(Err(Arc::clone(&failure)))(Ok(()));
            }
            return;
        }
        let mut answers = Vec::new();
        let mut done = Ok(());
        for unit in units {
            answers.push(unit(Ok(&self.connection)));
            if self.connection.is_autocommit() {
                done = Err(Failure::from(Box::from("a failure ended the transaction")));
                break;
            }
        }
        let done = done.and_then(|()| {
            self.flush_touches();
            self.commit()
        });
        if done.is_err() && !self.connection.is_autocommit() {
            // If even this fails, the next `begin` does, and tells its callers.
            let _ = execute(&self.connection, "rollback");
        }
        for answer in answers {
            answer(done.clone());
        }
    }

    fn begin(&self) -> Result<(), Failure> {
        execute(&self.connection, "begin immediate").map_err(failure)
    }

    fn commit(&self) -> Result<(), Failure> {
        execute(&self.connection, "commit").map_err(failure)?;
        self.commits.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn flush_touches(&self) {
        // Not worth failing a group for: it says only when devices were last heard of.
        let _ = in_savepoint(&self.connection, |connection| self.touches.flush(connection));
    }
}

fn failure(error: rusqlite::Error) -> Failure {
    Arc::new(error)
}
