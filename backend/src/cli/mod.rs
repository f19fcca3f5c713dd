//! The operator's commands.

mod client;
mod keys;
mod logging;
mod outbox;
mod user;
pub mod verify;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::{app, config::Config};

/// Countersign: asks a person on their own device, and completes OpenID CIBA grants with the signed answer.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the consent backend with its embedded OpenID Provider
    #[command(after_help = "Example:\n  countersign serve --config countersign.toml\n\n\
        Without --config the documented defaults hold: 127.0.0.1:8480 and ./countersign.db.\n\
        Every setting can be given in the environment: COUNTERSIGN_SERVER__LISTEN=127.0.0.1:9000.")]
    Serve(ConfigFile),
    /// Print the documented defaults: the start of a configuration file of your own
    Defaults,
    /// Add, import, disable and list people
    User(user::Args),
    /// Add, list and remove clients
    Client(client::Args),
    /// List and rotate signing keys
    Keys(keys::Args),
    /// List what clients could not be told, and try again
    Outbox(outbox::Args),
    /// Check a receipt offline
    Verify(verify::VerifyArgs),
}

/// Which settings.
#[derive(Debug, clap::Args)]
pub struct ConfigFile {
    /// Configuration file (TOML), laid over the defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigFile {
    fn load(&self) -> anyhow::Result<Config> {
        Ok(Config::load(self.config.as_deref())?)
    }
}

/// Runs the command that was given.
///
/// # Errors
/// With a sentence for the operator.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Serve(file) => {
            let config = file.load()?;
            logging::start(&config.log)?;
            app::run(config).await
        }
        Command::Defaults => {
            #[expect(clippy::print_stdout, reason = "the defaults are this command's output")]
            {
                print!("{}", crate::config::DEFAULTS);
            }
            Ok(())
        }
        Command::User(args) => user::run(args).await,
        Command::Client(args) => client::run(args).await,
        Command::Keys(args) => keys::run(args).await,
        Command::Outbox(args) => outbox::run(args).await,
        Command::Verify(args) => verify::run(&args, &mut std::io::stdout().lock()),
    }
}
