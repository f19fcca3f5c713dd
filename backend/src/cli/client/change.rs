//! Clients that are there already: looked at and changed.

use std::io::Write;

use anyhow::{Context as _, ensure};
use countersign_protocol::Secret;
use serde_json::{Map, Value, json};

use super::{
    ConfigFile,
    registry::{Registry, warn_of_look_alikes},
};
use crate::{
    domain::Client,
    op::{By, NewSecret, write_metadata},
};

#[derive(Debug, clap::Args)]
pub(super) struct Set {
    #[command(flatten)]
    config: ConfigFile,
    /// `client_id`
    id: String,
    /// A member of the metadata and its value: text, or JSON where it is no text; an empty value takes the member away
    #[arg(value_name = "MEMBER=VALUE")]
    members: Vec<String>,
    /// Make a new secret and print it; the old one is worth nothing from now on
    #[arg(long)]
    new_secret: bool,
}

/// Changes members of a client.
pub(super) async fn set(options: Set, out: &mut dyn Write) -> anyhow::Result<()> {
    ensure!(
        options.new_secret || !options.members.is_empty(),
        "nothing to change: name a MEMBER=VALUE or --new-secret"
    );
    let registry = Registry::open(&options.config).await?;
    let before = registry.get(&options.id).await?;
    let mut metadata = write_metadata(&before, By::Operator);
    assign(&mut metadata, &options.members)?;
    let secret = if options.new_secret {
        NewSecret::Fresh
    } else {
        NewSecret::Kept
    };
    let (after, made) = registry.described(&metadata, before.clone(), secret).await?;
    if after.name != before.name {
        warn_of_look_alikes(&after, &registry.storage.list_clients().await?)?;
    }
    if after != before {
        registry.replace(before, after).await?;
    }
    print_secret(made.as_ref(), out)
}

/// Switches a client off or on.
pub(super) async fn set_disabled(config: &ConfigFile, id: &str, disabled: bool) -> anyhow::Result<()> {
    let registry = Registry::open(config).await?;
    let before = registry.get(id).await?;
    if before.disabled != disabled {
        let after = Client {
            disabled,
            ..before.clone()
        };
        registry.replace(before, after).await?;
    }
    Ok(())
}

/// Prints all that is registered of a client, without its secrets.
pub(super) async fn show(config: &ConfigFile, id: &str, out: &mut dyn Write) -> anyhow::Result<()> {
    let client = Registry::open(config).await?.get(id).await?;
    let mut metadata = write_metadata(&client, By::Operator);
    metadata.insert("client_id".to_owned(), json!(client.id));
    metadata.insert(
        "client_id_issued_at".to_owned(),
        json!(client.created_at.div_euclid(1000)),
    );
    writeln!(out, "{}", serde_json::to_string_pretty(&metadata)?)?;
    Ok(())
}

/// Lays `NAME=VALUE` over the metadata.
pub(super) fn assign(metadata: &mut Map<String, Value>, members: &[String]) -> anyhow::Result<()> {
    for member in members {
        let (name, text) = member
            .split_once('=')
            .with_context(|| format!("{member:?} is not MEMBER=VALUE"))?;
        // It follows from the grants where nobody says otherwise.
        if name == "grant_types" {
            metadata.remove("response_types");
        }
        if text.is_empty() {
            metadata.remove(name);
            continue;
        }
        let value = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
        metadata.insert(name.to_owned(), value);
    }
    Ok(())
}

/// Prints a secret that was made, as a line of its own.
pub(super) fn print_secret(secret: Option<&Secret>, out: &mut dyn Write) -> anyhow::Result<()> {
    if let Some(secret) = secret {
        writeln!(out, "{}", secret.expose())?;
    }
    Ok(())
}
