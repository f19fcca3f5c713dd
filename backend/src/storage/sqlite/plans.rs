//! How SQLite finds rows: whatever is done for every request, or over and over by a sweep, uses an index.

use rusqlite::Connection;

use super::migrate::{MIGRATIONS, migrate};
use crate::storage::{sql, statements::Dialect};

fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection
        .prepare(&format!("explain query plan {}", sql.replace('$', "?")))
        .unwrap();
    let nulls = vec![rusqlite::types::Null; statement.parameter_count()];
    let rows = statement
        .query_map(rusqlite::params_from_iter(nulls), |row| row.get("detail"))
        .unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn no_frequent_statement_reads_a_whole_table() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, MIGRATIONS).unwrap();
    for sql in [
        sql::accounts::FIND,
        sql::accounts::FIND_BY_USERNAME,
        sql::accounts::FIND_SUB_BY_ATTRIBUTE,
        sql::accounts::ATTRIBUTES,
        sql::accounts::IS_ENABLED.text(Dialect::Sqlite),
        sql::auth_requests::FIND,
        sql::auth_requests::SETTLE,
        sql::auth_requests::MAY_REDEEM.text(Dialect::Sqlite),
        sql::auth_requests::REDEEM,
        sql::auth_requests::SWEEP,
        sql::changes::MARKS_SQLITE,
        sql::changes::SETTLED_SQLITE,
        sql::clients::FIND,
        sql::invitations::IS_GOOD,
        sql::devices::FIND,
        sql::devices::FIND_BY_SESSION,
        sql::devices::FIND_BY_POP,
        sql::devices::FIND_KEYLESS,
        sql::devices::LIST,
        sql::devices::KEY_IN_USE,
        sql::grants::FIND_CODE.text(Dialect::Sqlite),
        sql::grants::FIND_REFRESH.text(Dialect::Sqlite),
        sql::grants::FIND_TOKEN,
        sql::grants::REVOKE_OF_CLIENT,
        sql::grants::REVOKE_OF_DEVICE,
        sql::grants::SWEEP_CODES,
        sql::grants::SWEEP_ACCESS,
        sql::grants::SWEEP_REFRESH,
        sql::grants::SWEEP_FAMILY,
        sql::outbox::OWE,
        sql::outbox::CLAIM_SQLITE,
        sql::outbox::DONE,
        sql::outbox::RETRY,
        sql::outbox::DEAD,
        sql::outbox::HOLDS.text(Dialect::Sqlite),
        sql::outbox::SEAL,
        sql::grants::REVOKE_FAMILY,
        sql::auth_requests::FAIL,
        sql::outbox::DROP_OF_CREDITOR,
        sql::outbox::GIVE_UP,
        sql::outbox::ERASE,
        sql::outbox::SWEEP,
        sql::outbox::SWEEP_DEAD,
        sql::prompts::FIND,
        sql::pushed_requests::TAKE,
        sql::pushed_requests::SWEEP,
        sql::grants::PEEK_CODE,
        sql::prompts::FIND_TO_SETTLE.text(Dialect::Sqlite),
        sql::prompts::PENDING,
        sql::prompts::SINCE,
        sql::prompts::REPORTED,
        sql::prompts::HISTORY,
        sql::prompts::TO_SUPERSEDE.text(Dialect::Sqlite),
        sql::prompts::OVERDUE.text(Dialect::Sqlite),
        sql::prompts::PENDING_OF_CLIENT.text(Dialect::Sqlite),
        sql::prompts::SETTLE,
        sql::prompts::SWEEP,
        sql::prompts::DEVICE_LEFT,
        sql::replay::REMEMBER,
        sql::replay::SWEEP,
        sql::user_codes::HAS,
        sql::user_codes::FIND_TO_TRY.text(Dialect::Sqlite),
        sql::user_codes::TRY,
        sql::user_codes::RIGHT,
    ] {
        let plan = plan(&connection, sql);
        // A scan of a `t` or a subquery is over the few rows that an index found.
        let scan = plan
            .iter()
            .find(|step| step.starts_with("SCAN") && !step.contains("SCAN t") && !step.contains("(subquery"));
        assert!(scan.is_none(), "{scan:?} in\n{sql}\n{plan:#?}");
    }
}

#[test]
fn what_waits_and_what_is_overdue_is_found_by_the_indexes_of_what_is_pending() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, MIGRATIONS).unwrap();
    for (sql, index) in [
        (sql::prompts::PENDING, "prompts_pending_by_person"),
        (
            sql::prompts::OVERDUE.text(Dialect::Sqlite),
            "prompts_pending_by_deadline",
        ),
        (sql::prompts::SINCE, "prompts_by_change"),
        (sql::prompts::REPORTED, "prompts_reported"),
        (sql::prompts::HISTORY, "prompts_settled_by_person"),
        (sql::prompts::SWEEP, "prompts_settled_by_time"),
        (sql::auth_requests::SWEEP, "auth_requests_by_readable_until"),
        (sql::replay::SWEEP, "seen_by_deadline"),
        (sql::outbox::CLAIM_SQLITE, "outbox_due"),
        (sql::outbox::GIVE_UP, "outbox_due"),
        (sql::outbox::ERASE, "outbox_sealed"),
        (sql::outbox::SWEEP, "outbox_over"),
        (sql::outbox::SWEEP_DEAD, "outbox_dead"),
    ] {
        let plan = plan(&connection, sql);
        assert!(
            plan.iter().any(|step| step.contains(index)),
            "{index} in\n{sql}\n{plan:#?}"
        );
    }
}
