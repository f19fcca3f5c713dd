//! The operator's commands.

mod backup;
mod client;
mod connector;
mod doctor;
mod keys;
mod logging;
mod outbox;
mod typed;
mod user;
mod user_code;
pub mod verify;

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};
use countersign_clock::Millis;

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
    /// Copy the database into a file, while the server runs or not
    #[command(
        after_help = "Example:\n  countersign backup /var/backups/countersign-monday.db --config countersign.toml\n\n\
        The file is new, whole and readable by its owner alone. The key-encryption key is not in it: keep that file in another place."
    )]
    Backup(backup::BackupArgs),
    /// Put a backup in the place of the database, and end everything that was open in it
    #[command(
        after_help = "Example:\n  countersign restore /var/backups/countersign-monday.db --replace --config countersign.toml\n\n\
        Stop the server first. What was open when the backup was made is ended, because what became of it since is not known."
    )]
    Restore(backup::RestoreArgs),
    /// End everything that was open in a database that was restored by other means
    #[command(name = "after-restore")]
    AfterRestore(backup::AfterRestoreArgs),
    /// Look whether everything a server needs is as it should be
    #[command(
        after_help = "Examples:\n  countersign doctor --config countersign.toml\n  countersign doctor --json --config countersign.toml\n\n\
        Works beside a running server and changes nothing. Ends with 1 when something is wrong."
    )]
    Doctor(doctor::Args),
    /// List the providers outside, and how they fare
    Connector(connector::Args),
    /// List what clients and providers could not be told, and try again
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
    fn path(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    fn load(&self) -> anyhow::Result<Config> {
        Ok(Config::load(self.config.as_deref())?)
    }
}

/// A length of time in its largest whole unit.
fn ago(millis: Millis) -> String {
    let seconds = millis.max(0) / 1000;
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Runs the command that was given.
///
/// # Errors
/// With a sentence for the operator.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    // The HTTP client takes it from here. An error means that the program around us has installed one.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    match cli.command {
        Command::Serve(file) => {
            let config = file.load()?;
            let telemetry = logging::start(&config)?;
            let ran = app::run(config).await;
            if let Some(telemetry) = telemetry {
                telemetry.shut_down().await;
            }
            ran
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
        Command::Backup(args) => backup::back_up_to(&args),
        Command::Restore(args) => backup::restore(args).await,
        Command::AfterRestore(args) => backup::after_restore(args).await,
        Command::Doctor(args) => doctor::run(args).await,
        Command::Connector(args) => connector::run(args).await,
        Command::Outbox(args) => outbox::run(args).await,
        Command::Verify(args) => verify::run(&args, &mut std::io::stdout().lock()),
    }
}
