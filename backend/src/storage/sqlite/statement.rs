use rusqlite::{CachedStatement, Connection, Params, Row};

use super::StorageError;

/// Runs the shared statements. SQLite binds `$1` in order of appearance, as a name, so each becomes `?1`, which means the first parameter.
pub(super) trait Statements {
    /// Changes rows and says how many.
    fn run(&self, sql: &str, params: impl Params) -> Result<usize, StorageError>;

    /// Reads the first row, if there is one.
    fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<Option<T>, StorageError>;

    /// Reads all rows.
    fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<Vec<T>, StorageError>;

    /// Whether there is a row.
    fn any(&self, sql: &str, params: impl Params) -> Result<bool, StorageError> {
        Ok(self.one(sql, params, |_| Ok(()))?.is_some())
    }
}

impl Statements for Connection {
    fn run(&self, sql: &str, params: impl Params) -> Result<usize, StorageError> {
        Ok(prepare(self, sql)?.execute(params)?)
    }

    fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<Option<T>, StorageError> {
        let mut statement = prepare(self, sql)?;
        let mut rows = statement.query(params)?;
        let first = rows.next()?.map(read).transpose()?;
        // A changing statement with `returning` is done only when it has no more rows.
        while rows.next()?.is_some() {}
        Ok(first)
    }

    fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<T, StorageError>,
    ) -> Result<Vec<T>, StorageError> {
        let mut statement = prepare(self, sql)?;
        let mut rows = statement.query(params)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(read(row)?);
        }
        Ok(found)
    }
}

fn prepare<'c>(connection: &'c Connection, sql: &str) -> Result<CachedStatement<'c>, StorageError> {
    Ok(connection.prepare_cached(&sql.replace('$', "?"))?)
}
