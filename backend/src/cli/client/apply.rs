//! `countersign client apply`: clients as a file says.

use std::{
    collections::BTreeSet,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use countersign_clock::{Clock as _, SystemClock};
use countersign_protocol::{ClientId, Secret};
use figment::{
    Figment,
    providers::{Format as _, Toml},
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    ConfigFile,
    registry::{Registry, warn_of_look_alikes},
};
use crate::{
    config::secret_variable,
    domain::Client,
    op::{By, NewSecret, write_metadata},
    storage::AddClient,
};

#[derive(Debug, clap::Args)]
pub(super) struct Apply {
    #[command(flatten)]
    config: ConfigFile,
    /// The file, TOML
    file: PathBuf,
    /// Remove clients that are not in the file, besides those that registered themselves
    #[arg(long)]
    prune: bool,
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    client: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    client_id: String,
    /// Where the secret is, relative to the file.
    secret_file: Option<PathBuf>,
    /// The variable that has the secret.
    secret_env: Option<String>,
    /// Where `jwks` is, relative to the file.
    jwks_file: Option<PathBuf>,
    #[serde(flatten)]
    metadata: Map<String, Value>,
}

/// How many clients were or would be changed, and how.
#[derive(Default)]
struct Count {
    added: usize,
    changed: usize,
    removed: usize,
    unchanged: usize,
}

/// Makes the stored clients those of the file. All of it is looked at before the first client is changed; each client is one commit.
pub(super) async fn apply(options: Apply, out: &mut dyn Write) -> anyhow::Result<()> {
    let registry = Registry::open(&options.config).await?;
    let known = registry.storage.list_clients().await?;
    let mut planned = Vec::new();
    let mut named = BTreeSet::new();
    for entry in entries(&options.file)? {
        let id = entry.client_id.clone();
        ensure!(named.insert(id.clone()), "{id} is in the file twice");
        let before = known.iter().find(|client| client.id.as_str() == id).cloned();
        let folder = options.file.parent().unwrap_or(Path::new(""));
        let (after, made) = planned_for(&registry, entry, before.as_ref(), folder)
            .await
            .with_context(|| format!("client {id}, nothing was changed"))?;
        planned.push((before, after, made));
    }
    let mut count = Count::default();
    for (before, after, made) in planned {
        tell(before.as_ref(), &after, &mut count, out)?;
        if before.as_ref() == Some(&after) {
            continue;
        }
        warn_of_look_alikes(&after, &known)?;
        if options.dry_run {
            continue;
        }
        let id = after.id.clone();
        match before {
            Some(before) => registry.replace(before, after).await?,
            None => match registry.storage.add_client(after).await? {
                AddClient::Added => {}
                AddClient::Taken => bail!("{id} was added by somebody else at the same time: try again"),
            },
        }
        if let Some(secret) = made {
            writeln!(out, "    client_secret: {}", secret.expose())?;
        }
    }
    if options.prune {
        let theirs = |client: &&Client| client.registration.token_sha256.is_some();
        for client in known
            .iter()
            .filter(|client| !theirs(client) && !named.contains(client.id.as_str()))
        {
            writeln!(out, "- {}", client.id)?;
            count.removed += 1;
            if !options.dry_run {
                registry.storage.remove_client(&client.id, SystemClock.now()).await?;
            }
        }
    }
    let Count {
        added,
        changed,
        removed,
        unchanged,
    } = count;
    let would = if options.dry_run { " (nothing was done)" } else { "" };
    writeln!(
        out,
        "{added} added, {changed} changed, {removed} removed, {unchanged} unchanged{would}"
    )?;
    Ok(())
}

fn entries(file: &Path) -> anyhow::Result<Vec<Entry>> {
    let file: File = Figment::from(Toml::file_exact(file))
        .extract()
        .with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(file.client)
}

async fn planned_for(
    registry: &Registry,
    entry: Entry,
    before: Option<&Client>,
    folder: &Path,
) -> anyhow::Result<(Client, Option<Secret>)> {
    let mut metadata = entry.metadata;
    if let Some(file) = entry.jwks_file {
        ensure!(!metadata.contains_key("jwks"), "jwks_file is there beside jwks");
        let text = read(&folder.join(file))?;
        metadata.insert(
            "jwks".to_owned(),
            serde_json::from_str(&text).context("jwks_file is not JSON")?,
        );
    }
    let secret = match (entry.secret_file, entry.secret_env) {
        (Some(_), Some(_)) => bail!("secret_file is there beside secret_env"),
        (Some(file), None) => NewSecret::Given(trimmed(&read(&folder.join(file))?)),
        (None, Some(name)) => {
            let secret = secret_variable(&name).with_context(|| format!("secret_env: {name} is not set"))?;
            NewSecret::Given(trimmed(secret.expose()))
        }
        (None, None) => NewSecret::Kept,
    };
    let id = ClientId::new(entry.client_id.as_str());
    let base = before
        .cloned()
        .unwrap_or_else(|| Client::new(id, entry.client_id, SystemClock.now()));
    registry.described(&metadata, base, secret).await
}

fn read(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

fn trimmed(text: &str) -> Secret {
    Secret::new(text.trim_end_matches(['\r', '\n']))
}

/// Prints what changes: `+` a client that is new, `~` one that changes, with each member.
fn tell(before: Option<&Client>, after: &Client, count: &mut Count, out: &mut dyn Write) -> anyhow::Result<()> {
    let Some(before) = before else {
        count.added += 1;
        writeln!(out, "+ {}", after.id)?;
        return Ok(());
    };
    if before == after {
        count.unchanged += 1;
        return Ok(());
    }
    count.changed += 1;
    writeln!(out, "~ {}", after.id)?;
    let (old, new) = (
        write_metadata(before, By::Operator),
        write_metadata(after, By::Operator),
    );
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        let (old, new) = (old.get(name), new.get(name));
        if old != new {
            let shown = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
            writeln!(out, "    {name}: {} -> {}", shown(old), shown(new))?;
        }
    }
    if before.secret_sha256 != after.secret_sha256 {
        writeln!(out, "    client_secret: another one")?;
    }
    Ok(())
}
