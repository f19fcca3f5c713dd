pub(in crate::storage) const MARKS: &str = "select name, told_at, failed_at, error from connector_marks order by name";

pub(in crate::storage) const ADD_MARK: &str =
    "insert into connector_marks (name) values ($1) on conflict (name) do nothing";

/// Rarely: a row that every completion writes would make them wait for each other.
pub(in crate::storage) const MARK_TOLD: &str = "update connector_marks set told_at = $2
    where name = $1 and (told_at is null or told_at < $2 - 2000)";

pub(in crate::storage) const MARK_FAILED: &str =
    "update connector_marks set failed_at = $2, error = $3 where name = $1";
