use std::time::Duration;

use sqlx::{Connection as _, PgConnection, Row as _};

use super::{StorageError, connect, migrate};
use crate::storage::{
    error::unavailable,
    inspection::{Inspection, LATEST, StoreKind},
};

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
const NOW: &str = "select (extract(epoch from clock_timestamp()) * 1000)::bigint as now";

/// Looks at the database `url` from outside, beside running servers or without one.
///
/// # Errors
/// When it cannot be reached or read. No error repeats the URL.
pub async fn inspect_server(url: &str) -> Result<Inspection, StorageError> {
    let looked = tokio::time::timeout(PATIENCE, look(url)).await;
    looked.map_err(|_| unavailable("the server does not answer within 10 seconds"))?
}

async fn look(url: &str) -> Result<Inspection, StorageError> {
    let mut connection = PgConnection::connect_with(&connect::options(url)?).await?;
    let schema = migrate::version(&mut connection).await?;
    let latest = if schema == 0 {
        None
    } else {
        sqlx::query(LATEST)
            .fetch_one(&mut connection)
            .await?
            .try_get("latest")?
    };
    let now = sqlx::query(NOW).fetch_one(&mut connection).await?.try_get("now")?;
    connection.close().await?;
    Ok(Inspection {
        schema,
        known: migrate::known(migrate::MIGRATIONS.len()),
        latest,
        kind: StoreKind::Server { now },
    })
}
