use std::{
    collections::HashMap,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use countersign_clock::Millis;
use countersign_protocol::DeviceId;

use super::{StorageError, sql, statements::Statements, value::values};

/// When devices were last heard of, until somebody takes it along to the disk: nobody waits for one because of it.
#[derive(Default)]
pub struct Touches(Mutex<HashMap<DeviceId, Millis>>);

impl Touches {
    pub(super) fn note(&self, id: &DeviceId, now: Millis) {
        let mut noted = self.lock();
        let last = noted.entry(id.clone()).or_insert(now);
        *last = now.max(*last);
    }

    /// When `id` was last heard of, if that is not written yet.
    pub(super) fn noted(&self, id: &DeviceId) -> Option<Millis> {
        self.lock().get(id).copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Writes and forgets what was noted.
    pub(super) async fn flush(&self, connection: &mut impl Statements) -> Result<(), StorageError> {
        let noted = mem::take(&mut *self.lock());
        for (id, at) in noted {
            connection.run(sql::devices::TOUCH, values![id.as_str(), at]).await?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DeviceId, Millis>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
