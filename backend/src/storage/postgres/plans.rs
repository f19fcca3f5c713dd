//! How PostgreSQL finds rows: whatever is done for every request, or over and over by a sweep, uses an index, with the one plan for all parameters that
//! our connections ask for, on tables that have rows and statistics.

use countersign_postgres_cluster::{Cluster, PowerLoss};

use super::{connect::SETTINGS, migrate::MIGRATIONS};
use crate::storage::{sql, statements::Dialect};

/// Enough rows of each kind that reading all of them would be the dearer way.
const FILL: &str = "
    insert into accounts select 'sub' || n, 'user' || n, 'name', 'hash', 0, n from generate_series(1, 2000) n;
    insert into account_attributes select 'email', 'e' || n, 'sub' || n from generate_series(1, 2000) n;
    insert into clients select 'client' || n, '{}' from generate_series(1, 4000) n;
    insert into devices (id, iss, sub, name, pop_thumbprint, uv_thumbprint, session, push_type, created_at, last_seen_at, mismatches)
        select 'device' || n, 'iss', 'sub' || n, 'name', 'pop' || n, 'uv' || n, sha256(n::text::bytea), 'stream', n, n, 0
        from generate_series(1, 2000) n;
    insert into auth_requests (id_hash, handle, client_id, sub, scope, created_at, expires_at, readable_until, interval, state)
        select sha256(n::text::bytea), 'h' || n, 'client' || n % 4000, 'sub' || n % 2000, 'openid', n, n, n, 5, 'pending'
        from generate_series(1, 10000) n;
    insert into prompts (handle, connector, iss, sub, client_id, client, scopes, match_mode, policy, created_at, expires_at, seq, state, settled_at, tries)
        select 'h' || n, '', 'iss', 'sub' || n % 2000, 'client' || n % 4000, '{}', '[]', 'show', '{}', n, n, n,
            case when n % 10 = 0 then 'pending' else 'approved' end, case when n % 10 <> 0 then n end, 0
        from generate_series(1, 10000) n;
    insert into account_seq select 'iss', 'sub' || n, n from generate_series(1, 2000) n;
    insert into match_attempts select 'h' || n, 'device', 'j', 1, 1 from generate_series(1, 2000) n;
    insert into grant_families (id, client_id, sub, scope, auth_time, amr, acr, created_at, device_id)
        select 'f' || n, 'client' || n % 4000, 'sub' || n % 2000, 'openid', n, '[]', '0', n, 'device' || n % 2000 from generate_series(1, 5000) n;
    insert into codes select sha256(n::text::bytea), 'f' || n, 'uri', 'challenge', null, n, null from generate_series(1, 5000) n;
    insert into access_tokens select sha256(n::text::bytea), 'f' || n, n, n from generate_series(1, 5000) n;
    insert into refresh_tokens select sha256(n::text::bytea), 'f' || n, n, n, null from generate_series(1, 5000) n;
    insert into outbox select 'h' || n, 'ping', 'client' || n % 4000, (array['waiting', 'owed', 'done', 'dead'])[n % 4 + 1], 'sealed', n, n, n, 0, null,
        'error', n from generate_series(1, 8000) n;
    insert into seen select 'jti', 'client', 'j' || n, n from generate_series(1, 5000) n;
    insert into invitations select sha256(n::text::bytea), 'i' || n, n, n, 1 from generate_series(1, 2000) n;
    insert into pushed_requests select sha256(n::text::bytea), 'client', '[]', n from generate_series(1, 5000) n;
    analyze;";

/// What is done for every request or by a sweep.
const FREQUENT: &[&str] = &[
    sql::accounts::FIND,
    sql::accounts::FIND_BY_USERNAME,
    sql::accounts::FIND_SUB_BY_ATTRIBUTE,
    sql::accounts::ATTRIBUTES,
    sql::accounts::IS_ENABLED.text(Dialect::Postgres),
    sql::auth_requests::FIND,
    sql::auth_requests::FIND_TO_REDEEM.text(Dialect::Postgres),
    sql::auth_requests::SETTLE,
    sql::auth_requests::MAY_REDEEM.text(Dialect::Postgres),
    sql::auth_requests::REDEEM,
    sql::auth_requests::SWEEP,
    sql::auth_requests::DENY_OF_CLIENT,
    sql::changes::MARKS_POSTGRES,
    sql::changes::SETTLED_POSTGRES,
    sql::clients::FIND,
    sql::invitations::IS_GOOD,
    sql::devices::FIND,
    sql::devices::FIND_BY_SESSION,
    sql::devices::FIND_BY_POP,
    sql::devices::FIND_KEYLESS,
    sql::devices::LIST,
    sql::devices::KEY_IN_USE,
    sql::devices::TOUCH,
    sql::grants::FIND_CODE.text(Dialect::Postgres),
    sql::grants::FIND_REFRESH.text(Dialect::Postgres),
    sql::grants::FIND_TOKEN,
    sql::grants::USE_CODE,
    sql::grants::USE_REFRESH,
    sql::grants::REVOKE_OF_CLIENT,
    sql::grants::REVOKE_OF_DEVICE,
    sql::grants::REVOKE_ACCESS,
    sql::grants::SWEEP_CODES,
    sql::grants::SWEEP_ACCESS,
    sql::grants::SWEEP_REFRESH,
    sql::grants::SWEEP_FAMILY,
    sql::outbox::OWE,
    sql::outbox::CLAIM_POSTGRES,
    sql::outbox::DONE,
    sql::outbox::RETRY,
    sql::outbox::DEAD,
    sql::outbox::HOLDS.text(Dialect::Postgres),
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
    sql::prompts::FIND_TO_SETTLE.text(Dialect::Postgres),
    sql::prompts::PENDING,
    sql::prompts::SINCE,
    sql::prompts::REPORTED,
    sql::prompts::HISTORY,
    sql::prompts::TO_SUPERSEDE.text(Dialect::Postgres),
    sql::prompts::OVERDUE.text(Dialect::Postgres),
    sql::prompts::PENDING_OF_CLIENT.text(Dialect::Postgres),
    sql::prompts::SETTLE,
    sql::prompts::SWEEP,
    sql::prompts::FIND_ATTEMPT,
    sql::prompts::DEVICE_LEFT,
    sql::prompts::LAST_SEQ,
    sql::replay::SWEEP,
    sql::user_codes::HAS,
    sql::user_codes::FIND_TO_TRY.text(Dialect::Postgres),
    sql::user_codes::TRY,
    sql::user_codes::RIGHT,
    sql::changes::MARKS_POSTGRES,
    sql::changes::SETTLED_POSTGRES,
];

fn plan(cluster: &Cluster, database: &str, sql: &str) -> String {
    let settings: Vec<_> = SETTINGS.map(|(name, value)| format!("set {name} = '{value}';")).into();
    let parameters = (1..20).take_while(|n| sql.contains(&format!("${n}"))).count();
    let nulls = vec!["null"; parameters].join(", ");
    let execute = if parameters == 0 {
        "explain execute asked".to_owned()
    } else {
        format!("explain execute asked({nulls})")
    };
    cluster.query(
        database,
        &format!("{}prepare asked as {sql}; {execute}", settings.concat()),
    )
}

#[test]
fn no_frequent_statement_reads_a_whole_table() {
    let cluster = Cluster::start(PowerLoss::Ignored);
    let database = cluster.database();
    for migration in MIGRATIONS {
        cluster.sql(&database, migration);
    }
    cluster.sql(&database, FILL);
    for sql in FREQUENT {
        let plan = plan(&cluster, &database, sql);
        assert!(!plan.contains("Seq Scan"), "{sql}\n{plan}");
        // A scan of an index without a condition reads all of it.
        let count = |what: &str| plan.lines().filter(|line| line.contains(what)).count();
        assert_eq!(
            count("Index Scan") + count("Index Only Scan"),
            count("Index Cond"),
            "{sql}\n{plan}"
        );
    }
    for (sql, index) in [
        (sql::prompts::PENDING, "prompts_pending_by_person"),
        (
            sql::prompts::OVERDUE.text(Dialect::Postgres),
            "prompts_pending_by_deadline",
        ),
        (sql::prompts::SINCE, "prompts_by_change"),
        (sql::prompts::REPORTED, "prompts_reported"),
        (sql::prompts::HISTORY, "prompts_settled_by_person"),
        (sql::prompts::SWEEP, "prompts_settled_by_time"),
        (sql::auth_requests::SWEEP, "auth_requests_by_readable_until"),
        (sql::replay::SWEEP, "seen_by_deadline"),
        (sql::outbox::CLAIM_POSTGRES, "outbox_due"),
        (sql::outbox::GIVE_UP, "outbox_due"),
        (sql::outbox::ERASE, "outbox_sealed"),
        (sql::outbox::SWEEP, "outbox_over"),
        (sql::outbox::SWEEP_DEAD, "outbox_dead"),
    ] {
        let plan = plan(&cluster, &database, sql);
        assert!(plan.contains(index), "{index} in\n{sql}\n{plan}");
    }
}
