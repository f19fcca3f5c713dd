use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use countersign_clock::Millis;
use countersign_protocol::DeviceId;

use super::{StorageError, sql, statements::Statements, value::values};

/// When devices were last heard of, until somebody takes it along to the disk: nobody waits for one because of it.
#[derive(Default)]
pub struct Touches(Mutex<HashMap<DeviceId, Noted>>);

/// What is written stays noted until the next flush, because a read that began before may still see the row as it was.
struct Noted {
    at: Millis,
    is_written: bool,
}

impl Touches {
    pub(super) fn note(&self, id: &DeviceId, now: Millis) {
        let mut noted = self.lock();
        let last = noted.entry(id.clone()).or_insert(Noted {
            at: now,
            is_written: false,
        });
        if now > last.at {
            *last = Noted {
                at: now,
                is_written: false,
            };
        }
    }

    /// When `id` was last heard of, if that may not be written yet.
    pub(super) fn noted(&self, id: &DeviceId) -> Option<Millis> {
        self.lock().get(id).map(|noted| noted.at)
    }

    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().values().all(|noted| noted.is_written)
    }

    /// Writes what was noted and returns it, for [`Touches::are_written`] once it is on disk.
    pub(super) async fn flush(
        &self,
        connection: &mut impl Statements,
    ) -> Result<Vec<(DeviceId, Millis)>, StorageError> {
        let noted: Vec<(DeviceId, Millis)> = {
            let mut noted = self.lock();
            noted.retain(|_, noted| !noted.is_written);
            noted.iter().map(|(id, noted)| (id.clone(), noted.at)).collect()
        };
        for (id, at) in &noted {
            connection.run(sql::devices::TOUCH, values![id.as_str(), *at]).await?;
        }
        Ok(noted)
    }

    /// What was flushed need not be written again, unless the device was heard of since.
    pub(super) fn are_written(&self, flushed: &[(DeviceId, Millis)]) {
        let mut noted = self.lock();
        for (id, at) in flushed {
            if let Some(noted) = noted.get_mut(id).filter(|noted| noted.at == *at) {
                noted.is_written = true;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DeviceId, Noted>> {
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
        touches.are_written(&flushed);
        assert!(touches.is_empty());
        assert_eq!(touches.noted(&id), Some(5), "a read may have begun before");
        touches.note(&id, 6);
        touches.are_written(&flushed);
        assert!(!touches.is_empty(), "heard of again");
        let flushed = touches.flush(&mut connection).now_or_never().unwrap().unwrap();
        touches.are_written(&flushed);
        assert_eq!(touches.flush(&mut connection).now_or_never().unwrap().unwrap(), []);
        assert_eq!(touches.noted(&id), None);
    }
}
