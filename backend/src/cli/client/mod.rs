//! `countersign client`: OAuth clients of the embedded provider.

mod add;
mod apply;
mod change;
mod invite;
mod registry;

use std::io::{self, Write as _};

use anyhow::{bail, ensure};
use clap::Subcommand;
use countersign_clock::{Clock as _, SystemClock};

use self::{
    add::{Add, metadata, secret},
    apply::Apply,
    change::Set,
    invite::Invite,
    registry::{Registry, warn_of_look_alikes},
};
use super::ConfigFile;
use crate::{domain::Client, storage::AddClient};

/// Add, change, list and remove clients, and invite them
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
        --delivery-mode ping --notification-endpoint https://bank.example/ciba\n  \
        countersign client add --id till --name Till --auth private_key_jwt --grant ciba --set jwks_uri=https://till.example/jwks \\\n    \
        --set backchannel_authentication_request_signing_alg=ES256 --set require_signed_backchannel_request=true\n\n\
        Prefer private_key_jwt: then no secret is sent. A secret that is made here is printed once, as the only line.")]
    Add(Box<Add>),
    /// Make the clients those of a file; say what changes
    #[command(
        after_help = "The file has one table [[client]] for each client, with client_id and the members of its metadata:\n\n  \
        [[client]]\n  client_id = \"shop\"\n  client_name = \"Demo Shop\"\n  grant_types = [\"urn:openid:params:grant-type:ciba\"]\n  \
        backchannel_token_delivery_mode = \"poll\"\n  scope = \"openid profile\"\n  secret_file = \"shop.secret\"\n\n\
        Without secret_file and secret_env a secret is made and printed once. The same file again changes nothing."
    )]
    Apply(Apply),
    /// Show all that is registered of a client
    Show {
        #[command(flatten)]
        config: ConfigFile,
        /// `client_id`
        id: String,
    },
    /// Change members of a client, or its secret
    #[command(after_help = "Examples:\n  \
        countersign client set shop scope=\"openid profile\" request_max_expiry=60\n  \
        countersign client set shop redirect_uris='[\"https://shop.example/cb\"]'\n  \
        countersign client set shop --new-secret")]
    Set(Set),
    /// Switch a client off: refused everywhere, its requests and tokens worth nothing meanwhile
    Disable {
        #[command(flatten)]
        config: ConfigFile,
        /// `client_id`
        id: String,
    },
    /// Switch a client on again
    Enable {
        #[command(flatten)]
        config: ConfigFile,
        /// `client_id`
        id: String,
    },
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
    /// Make an initial access token, with which clients can be registered over HTTP
    Invite(Invite),
    /// List invitations
    Invitations {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Take an invitation back
    Uninvite {
        #[command(flatten)]
        config: ConfigFile,
        /// Name of the invitation
        name: String,
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
            let (metadata, secret) = (metadata(&options)?, secret(&options)?);
            let registry = Registry::open(&options.config).await?;
            let base = Client::new(options.id.as_str(), options.id.as_str(), SystemClock.now());
            let (client, secret) = registry.described(&metadata, base, secret).await?;
            match registry.storage.add_client(client.clone()).await? {
                AddClient::Added => {}
                AddClient::Taken => bail!("there is a client {} already", client.id),
            }
            warn_of_look_alikes(&client, &registry.storage.list_clients().await?)?;
            change::print_secret(secret.as_ref(), out)?;
        }
        Command::Apply(options) => apply::apply(options, out).await?,
        Command::Show { config, id } => change::show(&config, &id, out).await?,
        Command::Set(options) => change::set(options, out).await?,
        Command::Disable { config, id } => change::set_disabled(&config, &id, true).await?,
        Command::Enable { config, id } => change::set_disabled(&config, &id, false).await?,
        Command::List { config } => {
            for client in Registry::open(&config).await?.storage.list_clients().await? {
                let auth = word(&client.auth_method);
                let grants: Vec<String> = client.grant_types.iter().map(word).collect();
                let (id, name) = (&client.id, &client.name);
                let state = if client.disabled { "\tdisabled" } else { "" };
                writeln!(
                    out,
                    "{id}\t{name}\t{auth}\t{}\topenid {}{state}",
                    grants.join(" "),
                    client.scopes.join(" ")
                )?;
            }
        }
        Command::Remove { config, id } => {
            let registry = Registry::open(&config).await?;
            let client = registry.get(&id).await?;
            let removed = registry.storage.remove_client(&client.id, SystemClock.now()).await?;
            ensure!(removed, "there is no client {id}");
        }
        Command::Invite(options) => invite::invite(options, out).await?,
        Command::Invitations { config } => invite::list(&config, out).await?,
        Command::Uninvite { config, name } => invite::take_back(&config, &name).await?,
    }
    Ok(())
}

/// The name of a value in its specification.
fn word(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}
