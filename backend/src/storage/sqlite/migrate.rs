use rusqlite::{Connection, TransactionBehavior};

use super::StorageError;

/// Each brings the schema from the version that is its place in the list to the next one. Only ever appended to.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/sqlite/0001_init.sql"),
    include_str!("../../../migrations/sqlite/0002_outbox.sql"),
    include_str!("../../../migrations/sqlite/0003_details.sql"),
    include_str!("../../../migrations/sqlite/0004_user_code.sql"),
    include_str!("../../../migrations/sqlite/0005_pushed_requests.sql"),
    include_str!("../../../migrations/sqlite/0006_registration.sql"),
    include_str!("../../../migrations/sqlite/0007_push_delivery.sql"),
    include_str!("../../../migrations/sqlite/0008_reports.sql"),
    include_str!("../../../migrations/sqlite/0009_connectors.sql"),
    include_str!("../../../migrations/sqlite/0010_token_resources.sql"),
    include_str!("../../../migrations/sqlite/0011_upstream.sql"),
];

/// Whether the file is older than `migrations`.
///
/// # Errors
/// [`StorageError::TooNew`] when it is newer.
pub(super) fn is_due(connection: &Connection, migrations: &[&str]) -> Result<bool, StorageError> {
    let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    let found = version(connection)?;
    if found > known {
        return Err(StorageError::TooNew { found, known });
    }
    Ok(found < known)
}

/// Brings the file up to date, in one transaction: a failure leaves it as it was.
pub(super) fn migrate(connection: &mut Connection, migrations: &[&str]) -> Result<(), StorageError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Asked again inside: another process may have been faster.
    if is_due(&transaction, migrations)? {
        let found = usize::try_from(version(&transaction)?).unwrap_or(0);
        for migration in migrations.iter().skip(found) {
            transaction.execute_batch(migration)?;
        }
        transaction.pragma_update(
            None,
            "user_version",
            i64::try_from(migrations.len()).unwrap_or(i64::MAX),
        )?;
    }
    transaction.commit()?;
    Ok(())
}

/// The schema that the file has; 0 when it has none of ours.
pub(super) fn version(connection: &Connection) -> Result<i64, StorageError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "create table coins (face integer not null) strict; insert into coins values (5);";
    const SECOND: &str = "alter table coins add column worn integer not null default 0;";
    const BROKEN: &str = "create table stamps (face integer) strict; select nonsense from nowhere;";

    fn coins(connection: &Connection, sql: &str) -> rusqlite::Result<i64> {
        connection.query_row(sql, [], |row| row.get(0))
    }

    #[test]
    fn an_older_file_keeps_its_rows_and_gets_what_is_missing() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &[FIRST]).unwrap();
        assert!(is_due(&connection, &[FIRST, SECOND]).unwrap());
        migrate(&mut connection, &[FIRST, SECOND]).unwrap();
        assert_eq!(coins(&connection, "select face + worn from coins").unwrap(), 5);
        assert!(!is_due(&connection, &[FIRST, SECOND]).unwrap());
        migrate(&mut connection, &[FIRST, SECOND]).unwrap();
        assert_eq!(
            coins(&connection, "select count(*) from coins").unwrap(),
            1,
            "done once"
        );
    }

    #[test]
    fn a_newer_file_is_refused_and_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &[FIRST, SECOND]).unwrap();
        let refused = migrate(&mut connection, &[FIRST]);
        assert!(
            matches!(refused, Err(StorageError::TooNew { found: 2, known: 1 })),
            "{refused:?}"
        );
        assert_eq!(version(&connection).unwrap(), 2);
    }

    #[test]
    fn a_migration_that_fails_leaves_nothing_behind() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &[FIRST]).unwrap();
        assert!(migrate(&mut connection, &[FIRST, SECOND, BROKEN]).is_err());
        assert_eq!(version(&connection).unwrap(), 1);
        assert!(
            coins(&connection, "select worn from coins").is_err(),
            "the second one is undone too"
        );
    }

    #[test]
    fn the_schema_of_this_version_loads() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, MIGRATIONS).unwrap();
        assert!(!is_due(&connection, MIGRATIONS).unwrap());
    }
}
