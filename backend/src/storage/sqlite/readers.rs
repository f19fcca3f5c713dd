use std::{
    path::Path,
    sync::{
        Mutex, MutexGuard, PoisonError, TryLockError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread::available_parallelism,
};

use rusqlite::Connection;

use super::{StorageError, connect};
use crate::storage::error::unavailable;

/// Connections that read, one for each thread that can run at a time.
pub(super) struct Readers {
    slots: Vec<Mutex<Connection>>,
    turn: AtomicUsize,
    reads: AtomicU64,
}

impl Readers {
    pub(super) fn open(path: &Path) -> Result<Self, StorageError> {
        let count = available_parallelism().map_or(2, usize::from).clamp(2, 16);
        let slots = (0..count)
            .map(|_| connect::reading(path).map(Mutex::new))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            slots,
            turn: AtomicUsize::new(0),
            reads: AtomicU64::new(0),
        })
    }

    /// Reads on this thread. `read` sees everything that was answered before it began.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&mut Connection) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        read(&mut *self.take()?)
    }

    pub(super) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    fn take(&self) -> Result<MutexGuard<'_, Connection>, StorageError> {
        let free = self.slots.iter().find_map(|slot| match slot.try_lock() {
            Ok(connection) => Some(connection),
            // A reader that panicked left nothing half done: its statement was reset when it unwound.
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        });
        if let Some(connection) = free {
            return Ok(connection);
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.slots.len().max(1);
        let slot = self.slots.get(turn).ok_or_else(|| unavailable("there is no reader"))?;
        Ok(slot.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
