use super::{
    StorageError,
    statements::{Statements, Unit},
    touches::Touches,
};

/// A database that runs units of work.
pub trait Engine: Send + Sync + 'static {
    /// What units run on.
    type Connection: Statements + 'static;

    /// Runs a unit that changes nothing. It sees everything that was answered before it began.
    fn read<I: Send + Sync, T: Send>(
        &self,
        input: I,
        unit: Unit<Self::Connection, I, T>,
    ) -> impl Future<Output = Result<T, StorageError>> + Send;

    /// Runs a unit as one transaction, as if nothing else ran at the same time, and answers when it is on disk. A unit that fails is undone. It is
    /// finished even when nobody waits for the answer any more.
    fn write<I: Send + Sync + 'static, T: Send + 'static>(
        &self,
        input: I,
        unit: Unit<Self::Connection, I, T>,
    ) -> impl Future<Output = Result<T, StorageError>> + Send;

    /// As [`Engine::write`], but each statement of the unit sees what others have committed before it, and the unit itself locks whatever its answer
    /// depends on (`sql::locking`, [`Statements::lock`]). For what happens all the time: units that meet wait for each other, where
    /// [`Engine::write`] would start one of them again, and also many that only seemed to meet.
    ///
    /// A unit that shares rows with one of these is one of these.
    fn write_locking<I: Send + Sync + 'static, T: Send + 'static>(
        &self,
        input: I,
        unit: Unit<Self::Connection, I, T>,
    ) -> impl Future<Output = Result<T, StorageError>> + Send {
        self.write(input, unit)
    }

    /// As [`Engine::write`], for a unit that is one statement, which is a transaction by itself, and right whatever runs at the same time.
    fn write_single<I: Send + Sync + 'static, T: Send + 'static>(
        &self,
        input: I,
        unit: Unit<Self::Connection, I, T>,
    ) -> impl Future<Output = Result<T, StorageError>> + Send {
        self.write(input, unit)
    }

    /// When devices were last heard of.
    fn touches(&self) -> &Touches;
}

/// The store, on whichever database. What it does is written once, in `units`.
pub struct Store<E> {
    pub(super) engine: E,
}
