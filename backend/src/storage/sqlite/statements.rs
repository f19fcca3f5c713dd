use std::cell::Cell;

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

    /// One unit runs at a time.
    async fn lock(&mut self, _: &str) -> Result<(), StorageError> {
        Ok(())
    }

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
        let first = rows.next()?.map(|row| read(&Row(&InOrder::of(row)))).transpose()?;
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
            found.push(read(&Row(&InOrder::of(row)))?);
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

/// A row whose columns are looked for where the last one was found: who reads them in the order of the statement finds each at once, where SQLite
/// would be asked for the name of every column before it.
struct InOrder<'r, 's> {
    row: &'r rusqlite::Row<'s>,
    next: Cell<usize>,
}

impl<'r, 's> InOrder<'r, 's> {
    fn of(row: &'r rusqlite::Row<'s>) -> Self {
        let next = Cell::new(0);
        Self { row, next }
    }

    fn index(&self, column: &str) -> Result<usize, StorageError> {
        let statement = self.row.as_ref();
        let (count, next) = (statement.column_count(), self.next.get());
        for index in (next..count).chain(0..next) {
            if statement.column_name(index)? == column {
                self.next.set(index + 1);
                return Ok(index);
            }
        }
        Err(rusqlite::Error::InvalidColumnName(column.to_owned()).into())
    }
}

impl Columns for InOrder<'_, '_> {
    fn int(&self, column: &str) -> Result<Option<i64>, StorageError> {
        Ok(self.row.get(self.index(column)?)?)
    }

    fn text(&self, column: &str) -> Result<Option<String>, StorageError> {
        Ok(self.row.get(self.index(column)?)?)
    }

    fn bytes(&self, column: &str) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(self.row.get(self.index(column)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_in_any_order() {
        let connection = Connection::open_in_memory().unwrap();
        let mut statement = connection.prepare("select 1 as a, 2 as b, 3 as c").unwrap();
        let mut rows = statement.query([]).unwrap();
        let row = InOrder::of(rows.next().unwrap().unwrap());
        for (column, value) in [("a", 1), ("c", 3), ("b", 2), ("b", 2), ("a", 1)] {
            assert_eq!(row.int(column).unwrap(), Some(value), "{column}");
        }
        assert!(row.int("d").is_err());
    }
}
