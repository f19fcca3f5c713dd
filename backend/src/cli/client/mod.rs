//! `countersign client`: OAuth clients of the embedded provider.

mod add;
mod look_alikes;

use std::{
    io::{self, Write},
    sync::Arc,
};

use anyhow::{bail, ensure};
use clap::Subcommand;
use countersign_clock::{Clock as _, SystemClock};
use countersign_protocol::ClientId;

use self::{
    add::{Add, registered},
    look_alikes::are_confusable,
};
use super::ConfigFile;
use crate::{
    app,
    config::Config,
    domain::APP_CLIENT_ID,
    storage::{AddClient, Role, Storage},
};

/// Add, list and remove clients
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add a client
    #[command(after_help = "Examples:\n  \
        countersign client add --id shop --name \"Demo Shop\" --auth client_secret_basic --scope \"openid profile payment\" --grant ciba\n  \
        countersign client add --id bank --name Bank --auth private_key_jwt --jwks bank.jwks.json --scope openid --grant ciba \\\n    \
        --delivery-mode ping --notification-endpoint https://bank.example/ciba\n\n\
        Prefer private_key_jwt: then no secret is sent. A secret that is made here is printed once, as the only line.")]
    Add(Add),
    /// List clients
    List {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Remove a client; its tokens and open requests end with it
    Remove {
        #[command(flatten)]
        config: ConfigFile,
        /// `client_id`
        id: String,
    },
}

/// Runs the command and writes to standard output.
///
/// # Errors
/// With a sentence for the operator.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let out = &mut io::stdout();
    match args.command {
        Command::Add(options) => {
            let config = options.config.load()?;
            let (client, secret) = registered(options, &config)?;
            let storage = open(&config).await?;
            let clients = storage.list_clients().await?;
            let (id, name) = (client.id.clone(), client.name.clone());
            match storage.add_client(client).await? {
                AddClient::Added => {}
                AddClient::Taken => bail!("there is a client {id} already"),
            }
            for known in clients.iter().filter(|known| are_confusable(&known.name, &name)) {
                let (known_id, known) = (&known.id, &known.name);
                writeln!(
                    io::stderr(),
                    "warning: people cannot tell {name:?} ({id}) from {known:?} ({known_id}): their names look alike"
                )?;
            }
            if let Some(secret) = secret {
                writeln!(out, "{}", secret.expose())?;
            }
        }
        Command::List { config } => {
            for client in open(&config.load()?).await?.list_clients().await? {
                let auth = word(&client.auth_method);
                let grants: Vec<String> = client.grant_types.iter().map(word).collect();
                let (id, name) = (&client.id, &client.name);
                writeln!(
                    out,
                    "{id}\t{name}\t{auth}\t{}\topenid {}",
                    grants.join(" "),
                    client.scopes.join(" ")
                )?;
            }
        }
        Command::Remove { config, id } => {
            ensure!(id != APP_CLIENT_ID, "{APP_CLIENT_ID} is built in and cannot be removed");
            let removed = open(&config.load()?)
                .await?
                .remove_client(&ClientId::new(id.as_str()), SystemClock.now())
                .await?;
            ensure!(removed, "there is no client {id}");
        }
    }
    Ok(())
}

async fn open(config: &Config) -> anyhow::Result<Arc<dyn Storage>> {
    app::open_storage(&config.storage, Role::Command).await
}

/// The name of a value in its specification.
fn word(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}
