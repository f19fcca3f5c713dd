use rusqlite::{CachedStatement, Connection, ToSql, params_from_iter, types::ToSqlOutput};

use super::StorageError;
use crate::storage::{
    row::{Columns, Row},
    statements::{Dialect, Statements},
    value::Value,
};

/// Each statement is done when it is called: no future here ever waits.
impl Statements for Connection {
    const DIALECT: Dialect = Dialect::Sqlite;

    async fn run(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<u64, StorageError> {
        let changed = prepare(self, sql)?.execute(params_from_iter(values))?;
        Ok(u64::try_from(changed).unwrap_or(u64::MAX))
    }

    async fn one<T: Send>(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T, StorageError> + Send,
    ) -> Result<Option<T>, StorageError> {
        let mut statement = prepare(self, sql)?;
        let mut rows = statement.query(params_from_iter(values))?;
        let first = rows.next()?.map(|row| read(&Row(row))).transpose()?;
        // A changing statement with `returning` is done only when it has no more rows.
        while rows.next()?.is_some() {}
        Ok(first)
    }

    async fn all<T: Send>(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, StorageError> + Send,
    ) -> Result<Vec<T>, StorageError> {
        let mut statement = prepare(self, sql)?;
        let mut rows = statement.query(params_from_iter(values))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(read(&Row(row))?);
        }
        Ok(found)
    }
}

/// SQLite binds `$1` in order of appearance, as a name, so each becomes `?1`, which means the first parameter.
fn prepare<'c>(connection: &'c Connection, sql: &str) -> Result<CachedStatement<'c>, StorageError> {
    Ok(connection.prepare_cached(&sql.replace('$', "?"))?)
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Int(value) => value.to_sql(),
            Self::Text(value) => value.to_sql(),
            Self::Bytes(value) => value.to_sql(),
        }
    }
}

impl Columns for rusqlite::Row<'_> {
    fn int(&self, column: &str) -> Result<Option<i64>, StorageError> {
        Ok(self.get(column)?)
    }

    fn text(&self, column: &str) -> Result<Option<String>, StorageError> {
        Ok(self.get(column)?)
    }

    fn bytes(&self, column: &str) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(self.get(column)?)
    }
}
