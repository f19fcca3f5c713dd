//! The backend program in a build that fails at named points when it is told to. For tests; a program of its own, so that it never takes the place
//! of the real one.

use clap::Parser as _;
use countersign::cli::{self, Cli};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    cli::run(Cli::parse()).await
}
