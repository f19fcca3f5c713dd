//! `countersign keys`: the keys that sign.

use std::io::{self, Write};

use anyhow::ensure;
use clap::{Subcommand, ValueEnum};

use super::ConfigFile;
use crate::{
    app,
    config::Config,
    domain::{KeyPurpose, KeyState},
    keys::PURPOSES,
    storage::Role,
};

/// List and rotate signing keys
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One step of rotation: publish the next key, or let the published one sign
    #[command(
        after_help = "A key is published before it signs, so that everybody knows it by then. Run the command once, wait until clients and \
        devices have fetched the new key (a day is plenty), and run it again.\n\n\
        Examples:\n  countersign keys rotate\n  countersign keys rotate --purpose id-token-es256"
    )]
    Rotate {
        #[command(flatten)]
        config: ConfigFile,
        /// Which key; all of them when left out
        #[arg(long)]
        purpose: Option<Purpose>,
    },
    /// List keys
    List {
        #[command(flatten)]
        config: ConfigFile,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Purpose {
    /// ID tokens, ES256
    IdTokenEs256,
    /// ID tokens, RS256
    IdTokenRs256,
    /// What devices show and sign
    RequestObject,
}

/// Runs the command and writes to standard output.
///
/// # Errors
/// With a sentence for the operator.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let out = &mut io::stdout();
    match args.command {
        Command::Rotate { config, purpose } => {
            let config = config.load()?;
            let purposes = purpose.map_or_else(|| PURPOSES.to_vec(), |purpose| vec![named(purpose)]);
            let (_, keys) = app::open(&config, Role::Command, origin(&config)?).await?;
            for purpose in purposes {
                let promoted = keys.rotate(purpose).await?;
                let what = if promoted {
                    "the next key signs now"
                } else {
                    "the next key is published; rotate again to let it sign"
                };
                writeln!(out, "{}: {what}", purpose.word())?;
            }
        }
        Command::List { config } => {
            let config = config.load()?;
            let (storage, _) = app::open(&config, Role::Command, config.server.origin(config.server.listen)).await?;
            for key in storage.list_keys().await? {
                let state = match key.state {
                    KeyState::Next => "next",
                    KeyState::Active => "active",
                    KeyState::Retiring => "retiring",
                    KeyState::Dropped => continue,
                };
                writeln!(out, "{}\t{}\t{state}", key.kid, key.purpose.word())?;
            }
        }
    }
    Ok(())
}

/// The origin that announcements of request keys name.
fn origin(config: &Config) -> anyhow::Result<String> {
    let known = !config.server.public_url.is_empty() || config.server.listen.port() != 0;
    ensure!(
        known,
        "set [server] public_url: devices believe a new key only when it is announced for the address they know"
    );
    Ok(config.server.origin(config.server.listen))
}

fn named(purpose: Purpose) -> KeyPurpose {
    match purpose {
        Purpose::IdTokenEs256 => KeyPurpose::IdTokenEs256,
        Purpose::IdTokenRs256 => KeyPurpose::IdTokenRs256,
        Purpose::RequestObject => KeyPurpose::RequestObject,
    }
}
