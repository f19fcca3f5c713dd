//! A PostgreSQL server of one's own for as long as this process lives: a fresh cluster in a temporary folder whose commits wait for the disk.
//! Prints `listening on URL` with the URL of an empty database; the end of this process, however it comes, is the end of the server.

use std::io::Write as _;

use countersign_postgres_cluster::{Cluster, PowerLoss};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let cluster = Cluster::start(PowerLoss::Survived);
    println!("listening on {}", cluster.database());
    std::io::stdout().flush()?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    drop(cluster);
    Ok(())
}
