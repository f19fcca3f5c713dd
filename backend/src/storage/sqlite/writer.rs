use std::{
    error::Error,
    iter, mem,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{StorageError, at_once::at_once};
use crate::{
    meters::meters,
    storage::{error::unavailable, touches::Touches},
};

/// A group is what waits when the last one is on disk, at most this much, so that nobody at its front waits for a long tail.
const LARGEST_GROUP: usize = 256;

/// A unit of work in the queue.
trait Queued: Send {
    /// Does the work and says whether it went well.
    fn work(&mut self, connection: &mut Connection) -> bool;
    /// Does the work in a savepoint, so that a failure undoes it alone.
    fn work_apart(&mut self, connection: &mut Connection);
    /// Tells the caller, once it is known whether the group is on disk.
    fn answer(self: Box<Self>, on_disk: Result<(), Failure>);
}

type Failure = Arc<dyn Error + Send + Sync>;

struct Work<T, F> {
    unit: F,
    done: Option<Result<T, StorageError>>,
    tell: oneshot::Sender<Result<T, StorageError>>,
}

impl<T: Send, F: Fn(&mut Connection) -> Result<T, StorageError> + Send> Queued for Work<T, F> {
    fn work(&mut self, connection: &mut Connection) -> bool {
        self.done.insert((self.unit)(connection)).is_ok()
    }

    fn work_apart(&mut self, connection: &mut Connection) {
        self.done = Some(in_savepoint(connection, &self.unit));
    }

    fn answer(self: Box<Self>, on_disk: Result<(), Failure>) {
        let done = self.done.unwrap_or_else(|| Err(stopped()));
        // The caller may be gone; its work is done all the same.
        let _ = self.tell.send(on_disk.map_err(unavailable).and(done));
    }
}

/// The one thread that writes.
pub(super) struct Writer {
    units: Option<Sender<Box<dyn Queued>>>,
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

    /// Does `unit` and answers when it is on disk. It is done even when nobody waits for the answer any more, and it is done again from the start
    /// when a neighbour of its group fails.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        unit: impl Fn(&mut Connection) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let (tell, told) = oneshot::channel();
        let work = Box::new(Work { unit, done: None, tell });
        let units = self.units.as_ref().ok_or_else(stopped)?;
        units.send(work).map_err(|_| stopped())?;
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
    connection: &mut Connection,
    unit: impl FnOnce(&mut Connection) -> Result<T, StorageError>,
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
    fn run_all(mut self, waiting: &Receiver<Box<dyn Queued>>) {
        while let Ok(first) = waiting.recv() {
            self.run(first, waiting);
        }
        if !self.touches.is_empty() && self.begin().is_ok() {
            // What is lost here is when a device was last heard of.
            let _ = self.commit_with_touches();
        }
    }

    fn run(&mut self, first: Box<dyn Queued>, waiting: &Receiver<Box<dyn Queued>>) {
        let mut units = iter::once(first).chain(waiting.try_iter()).take(LARGEST_GROUP);
        let mut taken = Vec::new();
        let began = Instant::now();
        let done = self
            .work(&mut units, &mut taken)
            .and_then(|went_well| {
                if went_well {
                    Ok(())
                } else {
                    self.work_apart(&mut units, &mut taken)
                }
            })
            .and_then(|()| self.commit_with_touches());
        if done.is_err() && !self.connection.is_autocommit() {
            // If it fails, the next group tries again before it begins.
            let _ = execute(&self.connection, "rollback");
        }
        if done.is_ok() {
            meters().committed(taken.len(), began.elapsed());
        }
        for unit in taken {
            unit.answer(done.clone());
        }
    }

    /// Does one unit after the other in one transaction. Nearly always all of them go well, and then savepoints are work for nothing. Stops at the
    /// first that does not.
    fn work(
        &mut self,
        units: &mut impl Iterator<Item = Box<dyn Queued>>,
        taken: &mut Vec<Box<dyn Queued>>,
    ) -> Result<bool, Failure> {
        if let Err(failure) = self.begin() {
            taken.extend(units);
            return Err(failure);
        }
        for mut unit in units {
            let went_well = unit.work(&mut self.connection);
            taken.push(unit);
            if !went_well || self.connection.is_autocommit() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Begins anew, each unit apart from its neighbours. A unit that ends the transaction ends it for those before it too.
    fn work_apart(
        &mut self,
        units: &mut impl Iterator<Item = Box<dyn Queued>>,
        taken: &mut Vec<Box<dyn Queued>>,
    ) -> Result<(), Failure> {
        self.begin()?;
        let mut again = mem::take(taken).into_iter();
        while let Some(mut unit) = again.next().or_else(|| units.next()) {
            unit.work_apart(&mut self.connection);
            taken.push(unit);
            if self.connection.is_autocommit() {
                taken.extend(again);
                return Err(Failure::from(Box::from("a failure ended the transaction")));
            }
        }
        Ok(())
    }

    fn begin(&self) -> Result<(), Failure> {
        if !self.connection.is_autocommit() {
            execute(&self.connection, "rollback").map_err(failure)?;
        }
        execute(&self.connection, "begin immediate").map_err(failure)
    }

    fn commit(&self) -> Result<(), Failure> {
        fail_point!(CommitBefore);
        execute(&self.connection, "commit").map_err(failure)?;
        fail_point!(CommitAfter);
        self.commits.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn commit_with_touches(&mut self) -> Result<(), Failure> {
        if self.touches.is_empty() {
            return self.commit();
        }
        // Not worth failing a group for: it says only when devices were last heard of.
        let flushed = in_savepoint(&mut self.connection, |connection| {
            at_once(self.touches.flush(connection))
        });
        self.commit()?;
        self.touches.are_written(flushed.unwrap_or_default());
        Ok(())
    }
}

fn failure(error: rusqlite::Error) -> Failure {
    Arc::new(error)
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::pin, task::Context};

    use super::*;

    fn writer(schema: &str) -> Writer {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(schema).unwrap();
        Writer::start(connection, Arc::default()).unwrap()
    }

    fn insert(connection: &Connection, face: i64) -> Result<(), StorageError> {
        connection.execute("insert into coins values (?1)", [face])?;
        Ok(())
    }

    async fn faces(writer: &Writer) -> i64 {
        let sum = |connection: &mut Connection| {
            Ok(connection.query_row("select coalesce(sum(face), 0) from coins", [], |row| row.get(0))?)
        };
        writer.write(sum).await.unwrap()
    }

    /// Puts a unit into the queue without waiting for its answer.
    fn queue<T>(unit: &mut (impl Future<Output = Result<T, StorageError>> + Unpin)) {
        let polled = std::pin::Pin::new(unit).poll(&mut Context::from_waker(std::task::Waker::noop()));
        assert!(polled.is_pending());
    }

    /// Keeps the writer busy until the returned end is dropped, so that what is queued meanwhile becomes one group.
    fn hold(writer: &Writer) -> (Sender<()>, impl Future<Output = Result<(), StorageError>> + '_) {
        let (release, held) = channel::<()>();
        let unit = move |_: &mut Connection| {
            let _ = held.recv();
            Ok(())
        };
        (release, writer.write(unit))
    }

    #[tokio::test]
    async fn a_unit_that_fails_is_undone_alone() {
        let writer = writer("create table coins (face integer unique)");
        let (release, held) = hold(&writer);
        let mut held = pin!(held);
        queue(&mut held);
        let mut before = pin!(writer.write(|connection| insert(connection, 1)));
        let mut failing = pin!(writer.write(|connection| {
            insert(connection, 2)?;
            insert(connection, 1)
        }));
        let mut after = pin!(writer.write(|connection| insert(connection, 4)));
        queue(&mut before);
        queue(&mut failing);
        queue(&mut after);
        drop(release);
        held.await.unwrap();
        before.await.unwrap();
        assert!(matches!(failing.await, Err(StorageError::Unavailable(_))));
        after.await.unwrap();
        assert_eq!(writer.commits(), 1, "one group");
        assert_eq!(
            faces(&writer).await,
            5,
            "the failing unit's first coin is gone, its neighbours' are there"
        );
    }

    #[tokio::test]
    async fn nobody_in_a_group_that_is_not_on_disk_hears_that_it_is() {
        // A deferred foreign key is checked by the commit.
        let writer = writer(
            "pragma foreign_keys = on; create table mints (id integer primary key);
            create table coins (face integer references mints deferrable initially deferred)",
        );
        let (release, held) = hold(&writer);
        let mut held = pin!(held);
        queue(&mut held);
        let mut innocent = pin!(writer.write(|_| Ok(())));
        let mut culprit = pin!(writer.write(|connection| insert(connection, 1)));
        queue(&mut innocent);
        queue(&mut culprit);
        drop(release);
        for answer in [held.await, innocent.await, culprit.await] {
            assert!(matches!(answer, Err(StorageError::Unavailable(_))), "{answer:?}");
        }
        assert_eq!(writer.commits(), 0);
        assert_eq!(faces(&writer).await, 0, "and the writer goes on");
    }

    #[tokio::test]
    async fn a_failure_that_ends_the_transaction_fails_its_whole_group() {
        let writer = writer("create table coins (face integer)");
        let (release, held) = hold(&writer);
        let mut held = pin!(held);
        queue(&mut held);
        let mut innocent = pin!(writer.write(|connection| insert(connection, 1)));
        let mut ending = pin!(writer.write(|connection| Ok(connection.execute_batch("rollback")?)));
        let mut next = pin!(writer.write(|connection| insert(connection, 2)));
        queue(&mut innocent);
        queue(&mut ending);
        queue(&mut next);
        drop(release);
        for answer in [held.await, innocent.await, ending.await] {
            assert!(matches!(answer, Err(StorageError::Unavailable(_))), "{answer:?}");
        }
        next.await.unwrap();
        assert_eq!(faces(&writer).await, 2, "what comes after it is in a group of its own");
    }

    #[tokio::test]
    async fn a_group_is_never_larger_than_allowed() {
        let writer = writer("create table coins (face integer)");
        let (release, held) = hold(&writer);
        let mut held = pin!(held);
        queue(&mut held);
        let mut units: Vec<_> = (0..LARGEST_GROUP)
            .map(|_| Box::pin(writer.write(|connection| insert(connection, 1))))
            .collect();
        units.iter_mut().for_each(queue);
        drop(release);
        held.await.unwrap();
        for unit in units {
            unit.await.unwrap();
        }
        assert_eq!(writer.commits(), 2, "one more unit than fits into one group");
    }
}
