use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use countersign_clock::Millis;
use countersign_protocol::DeviceId;

use super::{StorageError, sql, statements::Statements, value::values};

/// When devices were last heard of, until somebody takes it along to the disk: nobody waits for one because of it.
#[derive(Default)]
pub struct Touches(Mutex<Noted>);

#[derive(Default)]
struct Noted {
    waiting: HashMap<DeviceId, Millis>,
    /// What the last flush wrote, because a read that began before may still see a row as it was.
    written: HashMap<DeviceId, Millis>,
}

impl Touches {
    pub(super) fn note(&self, id: &DeviceId, now: Millis) {
        let mut noted = self.lock();
        let last = noted.waiting.entry(id.clone()).or_insert(now);
        *last = now.max(*last);
    }

    /// When `id` was last heard of, if a read may not see that yet.
    pub(super) fn noted(&self, id: &DeviceId) -> Option<Millis> {
        let noted = self.lock();
        noted.waiting.get(id).max(noted.written.get(id)).copied()
    }

    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().waiting.is_empty()
    }

    /// Writes what was noted and returns it, for [`Touches::are_written`] once it is on disk.
    pub(super) async fn flush(
        &self,
        connection: &mut impl Statements,
    ) -> Result<Vec<(DeviceId, Millis)>, StorageError> {
        let waiting: Vec<(DeviceId, Millis)> = {
            let mut noted = self.lock();
            noted.written.clear();
            noted.waiting.iter().map(|(id, at)| (id.clone(), *at)).collect()
        };
        for (id, at) in &waiting {
            connection.run(sql::devices::TOUCH, values![id.as_str(), *at]).await?;
        }
        Ok(waiting)
    }

    /// What was flushed need not be written again, unless the device was heard of since.
    pub(super) fn are_written(&self, flushed: Vec<(DeviceId, Millis)>) {
        let mut noted = self.lock();
        for (id, at) in flushed {
            if noted.waiting.get(&id) == Some(&at) {
                noted.waiting.remove(&id);
            }
            noted.written.insert(id, at);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn a_touch_shows_while_it_is_written() {
        let mut connection = Connection::open_in_memory().unwrap();
        let schema = "create table devices (id text, last_seen_at integer); insert into devices values ('d', 1)";
        connection.execute_batch(schema).unwrap();
        let (touches, id) = (Touches::default(), DeviceId::from("d"));
        touches.note(&id, 5);
        let flushed = touches.flush(&mut connection).now_or_never().unwrap().unwrap();
        assert_eq!(touches.noted(&id), Some(5), "another connection does not see it yet");
        touches.are_written(flushed);
        assert!(touches.is_empty());
        assert_eq!(touches.noted(&id), Some(5), "a read may have begun before");
        touches.note(&id, 6);
        let flushed = touches.flush(&mut connection).now_or_never().unwrap().unwrap();
        touches.note(&id, 7);
        touches.are_written(flushed);
        assert!(!touches.is_empty(), "heard of again");
        let flushed = touches.flush(&mut connection).now_or_never().unwrap().unwrap();
        touches.are_written(flushed);
        assert_eq!(touches.flush(&mut connection).now_or_never().unwrap().unwrap(), []);
        assert_eq!(touches.noted(&id), None);
    }
}
