use std::pin::Pin;

use super::{StorageError, row::Row, value::Value};

/// Whose SQL a database understands. Nearly everything is understood by both; where it is not, both texts stand side by side in `sql`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// What a unit of work can do with the database it runs on. Placeholders are `$1`, `$2`, ...; each parameter may appear more than once.
pub trait Statements: Send {
    /// Whose SQL this understands.
    const DIALECT: Dialect;

    /// Keeps every other unit that locks the same name waiting until this one is done. For what is not there yet and so cannot be locked itself.
    fn lock(&mut self, name: &str) -> impl Future<Output = Result<(), StorageError>> + Send;

    /// Changes rows and says how many.
    fn run(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> impl Future<Output = Result<u64, StorageError>> + Send;

    /// Reads the first row, if there is one.
    fn one<T: Send>(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T, StorageError> + Send,
    ) -> impl Future<Output = Result<Option<T>, StorageError>> + Send;

    /// Reads all rows.
    fn all<T: Send>(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, StorageError> + Send,
    ) -> impl Future<Output = Result<Vec<T>, StorageError>> + Send;

    /// Whether there is a row.
    fn any(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> impl Future<Output = Result<bool, StorageError>> + Send {
        async move { Ok(self.one(sql, values, |_| Ok(())).await?.is_some()) }
    }
}

/// A unit of work under way.
pub type Doing<'t, T> = Pin<Box<dyn Future<Output = Result<T, StorageError>> + Send + 't>>;

/// A unit of work: statements that belong together. It may be run again from the start after its statements were undone, so it changes nothing
/// but the database.
pub type Unit<C, I, T> = for<'t> fn(&'t mut C, &'t I) -> Doing<'t, T>;
