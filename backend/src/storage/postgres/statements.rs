use sqlx::{
    Decode, PgConnection, Postgres, Row as _, Type,
    postgres::{PgArguments, PgRow},
    query::Query,
};

use super::StorageError;
use crate::storage::{
    row::{Columns, Row},
    statements::{Dialect, Statements},
    value::Value,
};

impl Statements for PgConnection {
    const DIALECT: Dialect = Dialect::Postgres;

    async fn lock(&mut self, name: &str) -> Result<(), StorageError> {
        // Two names with the same hash wait for each other needlessly, no more.
        let lock = "select pg_advisory_xact_lock(hashtextextended($1, 0))";
        sqlx::query(lock).bind(name).execute(&mut *self).await?;
        Ok(())
    }

    async fn run(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<u64, StorageError> {
        Ok(bound(sql, values).execute(&mut *self).await?.rows_affected())
    }

    async fn one<T: Send>(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        read: impl FnOnce(&Row<'_>) -> Result<T, StorageError> + Send,
    ) -> Result<Option<T>, StorageError> {
        if finds_nothing(sql, values) {
            return Ok(None);
        }
        let row = bound(sql, values).fetch_optional(&mut *self).await?;
        row.map(|row| read(&Row(&row))).transpose()
    }

    async fn all<T: Send>(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, StorageError> + Send,
    ) -> Result<Vec<T>, StorageError> {
        if finds_nothing(sql, values) {
            return Ok(Vec::new());
        }
        let rows = bound(sql, values).fetch_all(&mut *self).await?;
        rows.iter().map(|row| read(&Row(row))).collect()
    }
}

fn bound<'q>(sql: &'static str, values: &[Value<'q>]) -> Query<'q, Postgres, PgArguments> {
    values.iter().fold(sqlx::query(sql), |query, value| match *value {
        Value::Int(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
    })
}

/// PostgreSQL refuses to look for text that it could not hold. No row has it.
fn finds_nothing(sql: &str, values: &[Value<'_>]) -> bool {
    let holds_nul = |value: &Value<'_>| matches!(value, Value::Text(Some(text)) if text.contains('\0'));
    sql.starts_with("select") && values.iter().any(holds_nul)
}

impl Columns for PgRow {
    fn int(&self, column: &str) -> Result<Option<i64>, StorageError> {
        plain(self, column)
    }

    fn text(&self, column: &str) -> Result<Option<String>, StorageError> {
        plain(self, column)
    }

    fn bytes(&self, column: &str) -> Result<Option<Vec<u8>>, StorageError> {
        plain(self, column)
    }
}

fn plain<'r, T: Decode<'r, Postgres> + Type<Postgres>>(
    row: &'r PgRow,
    column: &str,
) -> Result<Option<T>, StorageError> {
    Ok(row.try_get(column)?)
}
