use super::StorageError;
use crate::storage::error::unavailable;

/// Two units could not both have run in any order: one of them has to start again (class 40, `serialization_failure`).
const SERIALIZATION_FAILURE: &str = "40001";
/// Two units waited for each other's rows.
const DEADLOCK_DETECTED: &str = "40P01";
/// What a unit had found to be free was taken by another one before it could take it: it finds it taken when it starts again.
const UNIQUE_VIOLATION: &str = "23505";
/// As before, with a row that something was just going to belong to.
const FOREIGN_KEY_VIOLATION: &str = "23503";

/// The server said goodbye on a connection that rested (`admin_shutdown`, `crash_shutdown`), which is read when the connection is next used.
const SHUTDOWN: [&str; 2] = ["57P01", "57P02"];

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Corrupt { what: "value" },
            other => unavailable(other),
        }
    }
}

fn of_library(error: &StorageError) -> Option<&sqlx::Error> {
    match error {
        StorageError::Unavailable(source) => source.downcast_ref(),
        StorageError::TooNew { .. } | StorageError::InUse { .. } | StorageError::Corrupt { .. } => None,
    }
}

fn code(error: &StorageError) -> Option<String> {
    let database = of_library(error)?.as_database_error()?;
    database.code().map(std::borrow::Cow::into_owned)
}

/// Whether the unit may well succeed when it starts again.
pub(super) fn is_conflict(error: &StorageError) -> bool {
    code(error).is_some_and(|code| [SERIALIZATION_FAILURE, DEADLOCK_DETECTED].contains(&code.as_str()))
}

/// Whether a unit found something free and it was taken.
pub(super) fn is_taken(error: &StorageError) -> bool {
    code(error).is_some_and(|code| [UNIQUE_VIOLATION, FOREIGN_KEY_VIOLATION].contains(&code.as_str()))
}

/// Whether the connection is gone, or the server was going when it was last heard of.
pub(super) fn is_lost(error: &StorageError) -> bool {
    let is_going = code(error).is_some_and(|code| SHUTDOWN.contains(&code.as_str()));
    is_going || matches!(of_library(error), Some(sqlx::Error::Io(_)))
}
