//! Everything a backend keeps, to show that something changed nothing.

use std::{collections::BTreeMap, fmt::Write as _};

use rusqlite::{Connection, OpenFlags, types::Value};

use crate::Backend;

/// Every row of every table, by table. When a device was last heard of is left out: being refused is being heard.
pub type Snapshot = BTreeMap<String, Vec<String>>;

/// Reads what `backend` keeps now.
#[must_use]
pub fn take(backend: &Backend) -> Snapshot {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let store = Connection::open_with_flags(backend.database(), flags).expect("the database can be read");
    let mut names = store
        .prepare("select name from sqlite_master where type = 'table' order by name")
        .expect("SQLite lists its tables");
    let names: Vec<String> = names
        .query_map((), |row| row.get(0))
        .and_then(Iterator::collect)
        .expect("names are text");
    names
        .into_iter()
        .map(|name| (name.clone(), rows(&store, &name)))
        .collect()
}

fn rows(store: &Connection, table: &str) -> Vec<String> {
    let mut select = store
        .prepare(&format!("select * from {table}"))
        .expect("a table can be read");
    let columns: Vec<String> = select.column_names().into_iter().map(str::to_owned).collect();
    let mut found = select.query(()).expect("a table can be read");
    let mut rows = Vec::new();
    while let Some(row) = found.next().expect("a row can be read") {
        let mut text = String::new();
        for (index, column) in columns
            .iter()
            .enumerate()
            .filter(|(_, column)| *column != "last_seen_at")
        {
            let value: Value = row.get(index).expect("any value can be read");
            write!(text, "{column}={value:?} ").expect("a string takes any text");
        }
        rows.push(text);
    }
    rows
}
