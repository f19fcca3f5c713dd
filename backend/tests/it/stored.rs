//! What a store of SQLite holds, to see that a refusal changed nothing.

use std::path::Path;

use rusqlite::{Connection, types::ValueRef};

/// Every row of every table as text.
pub fn rows(database: &Path) -> Vec<String> {
    let database = Connection::open(database).unwrap();
    let tables = "select name from sqlite_master where type = 'table' order by name";
    let mut statement = database.prepare(tables).unwrap();
    let tables: Vec<String> = statement
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut stored = Vec::new();
    for table in tables {
        let mut statement = database.prepare(&format!("select * from {table}")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<String> = (0..columns)
                .map(|at| match row.get_ref(at).unwrap() {
                    ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                    other => format!("{other:?}"),
                })
                .collect();
            stored.push(format!("{table}: {}", values.join(", ")));
        }
    }
    stored
}
