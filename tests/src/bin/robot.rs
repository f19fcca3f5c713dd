//! Many paired authentication devices in one process, decided by a control port on loopback. See `countersign_e2e::robot`.

use std::{io::Write as _, sync::Arc};

use anyhow::{Context as _, ensure};
use axum::serve::ListenerExt as _;
use clap::Parser as _;
use countersign_e2e::robot::{Arguments, Fleet, routes};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|_| "warn".into()))
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    let everybody = arguments.everybody()?;
    ensure!(
        arguments.listen.ip().is_loopback(),
        "the control port decides for everybody, so it listens on loopback alone"
    );
    let listener = TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("cannot listen on {}", arguments.listen))?;
    let fleet = Fleet::pair(&arguments.backend, everybody, arguments.wait()).await?;
    println!("listening on http://{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    let at_once = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(at_once, routes(Arc::new(fleet))).await?;
    Ok(())
}
