use crate::storage::statements::Dialect;

/// A statement that keeps what it finds as it is until the unit is done: whoever wants to change it waits, and what somebody else was changing is
/// found as they left it. SQLite runs one unit at a time and knows no such locks.
pub(in crate::storage) struct Locking {
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
}

impl Locking {
    pub(in crate::storage) const fn text(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::Postgres => self.postgres,
        }
    }
}

/// A statement (text, or a macro that comes to one) and the lock that PostgreSQL takes with it.
macro_rules! locking {
    ($sql:expr, $lock:literal) => {
        $crate::storage::sql::locking::Locking {
            sqlite: $sql,
            postgres: concat!($sql, " ", $lock),
        }
    };
}
pub(super) use locking;
