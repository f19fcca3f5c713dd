//! `countersign keys`: the keys that sign.

use std::io::{self, Write};

use anyhow::ensure;
use clap::{
    Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use countersign_clock::{Clock as _, Millis, SystemClock};

use super::ConfigFile;
use crate::{
    app,
    config::Config,
    domain::{KeyPurpose, KeyState},
    keys::Rotation,
    storage::Role,
    wakes::Topic,
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
        after_help = "A key is published before it signs, so that everybody knows it by then. Run the command once, wait until clients, \
        devices and other nodes have fetched the new key ([keys] announce_seconds at least, a day is plenty), and run it again. Too early, \
        it says so and changes nothing.\n\n\
        With --now a new key signs at once, as when the old one may be known to somebody. Until they fetch the keys again, clients reject \
        what it signs.\n\n\
        Examples:\n  countersign keys rotate\n  countersign keys rotate --purpose id-token-es256"
    )]
    Rotate {
        #[command(flatten)]
        config: ConfigFile,
        /// Which key; all that there are when left out
        #[arg(long, value_parser = purpose())]
        purpose: Option<KeyPurpose>,
        /// In an emergency: let a new key sign before everybody knows it
        #[arg(long)]
        now: bool,
    },
    /// List keys
    List {
        #[command(flatten)]
        config: ConfigFile,
    },
}

fn purpose() -> impl TypedValueParser<Value = KeyPurpose> {
    PossibleValuesParser::new(KeyPurpose::ALL.map(KeyPurpose::word)).try_map(|word| {
        let named = KeyPurpose::ALL.into_iter().find(|purpose| purpose.word() == word);
        named.ok_or("no such purpose")
    })
}

/// Runs the command and writes to standard output.
///
/// # Errors
/// With a sentence for the operator.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let out = &mut io::stdout();
    match args.command {
        Command::Rotate { config, purpose, now } => {
            let config = config.load()?;
            let (_, keys) = app::open(&config, Role::Command, origin(&config)?).await?;
            let purposes = purpose.map_or_else(|| keys.purposes(), |purpose| vec![purpose]);
            let announce = Millis::from(config.keys.announce_seconds) * 1000;
            for purpose in purposes {
                let mut rotation = keys.rotate(purpose, if now { 0 } else { announce }).await?;
                if now && rotation != Rotation::Promoted {
                    rotation = keys.rotate(purpose, 0).await?;
                }
                writeln!(out, "{}: {}", purpose.word(), words(rotation))?;
            }
            // Who is not told now reads them within `reread_seconds`.
            app::tell_nodes(&config.storage, &Topic::Keys).await.ok();
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

fn words(rotation: Rotation) -> String {
    let seconds = |from: Millis| (from - SystemClock.now()).max(0).div_euclid(1000) + 1;
    match rotation {
        Rotation::Promoted => "the next key signs now".to_owned(),
        Rotation::Published { signs_from } => format!(
            "the next key is published; rotate again in {} s or later to let it sign",
            seconds(signs_from)
        ),
        Rotation::TooEarly { signs_from } => format!(
            "nothing changed: the next key is not known to everybody yet; rotate again in {} s or later to let it sign",
            seconds(signs_from)
        ),
    }
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
