//! The backend program.

use std::process::ExitCode;

use clap::Parser as _;
use countersign::cli::{self, Cli};

#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli::run(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

/// The whole chain in one sentence, for the operator.
#[expect(clippy::print_stderr, reason = "this is where the operator looks")]
fn report(error: &anyhow::Error) {
    eprintln!("countersign: {error:#}");
}
