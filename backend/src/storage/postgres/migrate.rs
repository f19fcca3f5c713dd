use sqlx::{PgConnection, PgPool, Row as _};

use super::StorageError;

/// Each brings the schema from the version that is its place in the list to the next one. Only ever appended to.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/postgres/0001_init.sql"),
    include_str!("../../../migrations/postgres/0002_outbox.sql"),
    include_str!("../../../migrations/postgres/0003_details.sql"),
    include_str!("../../../migrations/postgres/0004_user_code.sql"),
    include_str!("../../../migrations/postgres/0005_pushed_requests.sql"),
    include_str!("../../../migrations/postgres/0006_registration.sql"),
    include_str!("../../../migrations/postgres/0007_push_delivery.sql"),
    include_str!("../../../migrations/postgres/0008_reports.sql"),
    include_str!("../../../migrations/postgres/0009_connectors.sql"),
    include_str!("../../../migrations/postgres/0010_token_resources.sql"),
    include_str!("../../../migrations/postgres/0011_upstream.sql"),
];

/// Held by whoever changes the schema, so that nodes that start together take turns. ("countersi" in ASCII, as far as it fits.)
const LOCK: &str = "select pg_advisory_xact_lock(7165065848958481523)";
/// A turn may take as long as another node's migration.
const PATIENCE: &str = "set local lock_timeout = '10min'; set local statement_timeout = '10min'";
const VERSION_TABLE: &str = "create table if not exists schema_version (version bigint not null)";

/// Our tables alone: the database may hold others.
const ANALYZE: &str = "do $$
    declare name regclass;
    begin
        for name in select oid from pg_class where relkind = 'r' and relnamespace = to_regnamespace(current_schema()) loop
            execute format('analyze %s', name);
        end loop;
    end $$";

/// Brings the schema up to date, in one transaction: a failure leaves it as it was.
pub(super) async fn migrate(pool: &PgPool, migrations: &'static [&'static str]) -> Result<(), StorageError> {
    let mut connection = pool.acquire().await?;
    if !is_due(&mut connection, migrations.len()).await? {
        return Ok(());
    }
    drop(connection);
    let mut transaction = pool.begin().await?;
    sqlx::raw_sql(PATIENCE).execute(&mut *transaction).await?;
    sqlx::raw_sql(LOCK).execute(&mut *transaction).await?;
    // Asked again under the lock: another node may have been faster.
    if is_due(&mut transaction, migrations.len()).await? {
        sqlx::raw_sql(VERSION_TABLE).execute(&mut *transaction).await?;
        let found = usize::try_from(version(&mut transaction).await?).unwrap_or(0);
        for migration in migrations.iter().skip(found) {
            sqlx::raw_sql(*migration).execute(&mut *transaction).await?;
        }
        sqlx::raw_sql("delete from schema_version")
            .execute(&mut *transaction)
            .await?;
        sqlx::query("insert into schema_version (version) values ($1)")
            .bind(known(migrations.len()))
            .execute(&mut *transaction)
            .await?;
        // Plans are made from statistics; a table that has none is planned as if it were small.
        sqlx::raw_sql(ANALYZE).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}

pub(super) fn known(migrations: usize) -> i64 {
    i64::try_from(migrations).unwrap_or(i64::MAX)
}

/// Whether the schema is older than `migrations`.
async fn is_due(connection: &mut PgConnection, migrations: usize) -> Result<bool, StorageError> {
    let (found, known) = (version(connection).await?, known(migrations));
    if found > known {
        return Err(StorageError::TooNew { found, known });
    }
    Ok(found < known)
}

/// 0 where there is no schema yet.
pub(super) async fn version(connection: &mut PgConnection) -> Result<i64, StorageError> {
    let exists = sqlx::query("select to_regclass('schema_version') is not null as found")
        .fetch_one(&mut *connection)
        .await?;
    if !exists.try_get::<bool, _>("found")? {
        return Ok(0);
    }
    let row = sqlx::query("select coalesce(max(version), 0) as version from schema_version")
        .fetch_one(&mut *connection)
        .await?;
    Ok(row.try_get("version")?)
}
