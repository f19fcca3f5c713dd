//! The clients that are stored, and what a command does to them. Every rule of a registration is the provider's.

use std::{
    io::{self, Write as _},
    sync::Arc,
};

use anyhow::{Context as _, bail, ensure};
use countersign_clock::{Clock as _, OsRandom, SystemClock};
use countersign_jose::seal::SealingKey;
use countersign_protocol::{ClientId, Secret};
use serde_json::{Map, Value};

use super::ConfigFile;
use crate::{
    app,
    config::Config,
    domain::{APP_CLIENT_ID, Client, ClientAuthMethod},
    keys::key_encryption_key,
    op::{
        NewSecret, Offer, are_confusable, check_sector, has_secret, is_long_enough, read_metadata, seal_client_secret,
        set_secret,
    },
    outbound::{Outbound, SystemLookup},
    storage::{ReplaceClient, Replacement, Role, Storage},
};

const MAX_ID: usize = 128;

pub(super) struct Registry {
    pub(super) config: Config,
    pub(super) storage: Arc<dyn Storage>,
}

impl Registry {
    pub(super) async fn open(file: &ConfigFile) -> anyhow::Result<Self> {
        let config = file.load()?;
        let storage = app::open_storage(&config.storage, Role::Command).await?;
        Ok(Self { config, storage })
    }

    pub(super) async fn get(&self, id: &str) -> anyhow::Result<Client> {
        ensure!(id != APP_CLIENT_ID, "{APP_CLIENT_ID} is built in");
        let client = self.storage.find_client(&ClientId::new(id)).await?;
        client.with_context(|| format!("there is no client {id}"))
    }

    /// The client that `metadata` make of `base`, and the secret that was made for it.
    pub(super) async fn described(
        &self,
        metadata: &Map<String, Value>,
        base: Client,
        secret: NewSecret,
    ) -> anyhow::Result<(Client, Option<Secret>)> {
        let mut client = described(&self.config, metadata, base)?;
        if client.tokens.pairwise || client.tokens.sector_identifier_uri.is_some() {
            let outbound = Outbound::new(&self.config.outbound, Arc::new(SystemLookup))?;
            check_sector(&outbound, &client).await?;
        }
        let sealing = if client.auth_method == ClientAuthMethod::ClientSecretJwt {
            Some(self.sealing().await?)
        } else {
            None
        };
        let made = with_secret(&mut client, secret, sealing.as_ref())?;
        Ok((client, made))
    }

    pub(super) async fn replace(&self, before: Client, after: Client) -> anyhow::Result<()> {
        let id = before.id.clone();
        let now = SystemClock.now();
        match self.storage.replace_client(Replacement { before, after, now }).await? {
            ReplaceClient::Replaced => Ok(()),
            ReplaceClient::Changed => bail!("{id} was changed by somebody else at the same time: try again"),
            ReplaceClient::Unknown => bail!("{id} was removed by somebody else at the same time"),
        }
    }

    async fn sealing(&self) -> anyhow::Result<SealingKey> {
        let sealed = !self.storage.list_keys().await?.is_empty();
        let file = self.config.storage.secret_file();
        ensure!(
            !self.config.storage.is_postgres() || file.exists(),
            "{} is missing: a secret that signs is sealed with the key in it",
            file.display()
        );
        Ok(key_encryption_key(&file, sealed, &OsRandom)?)
    }
}

/// The client that `metadata` make of `base`, without regard to its secret.
pub(super) fn described(config: &Config, metadata: &Map<String, Value>, base: Client) -> anyhow::Result<Client> {
    let plain = |c: char| c.is_ascii_graphic() && !":\"\\".contains(c);
    let id = base.id.as_str();
    ensure!(
        !id.is_empty() && id.len() <= MAX_ID && id.chars().all(plain),
        "client_id: {id:?} is not 1 to {MAX_ID} printable ASCII characters"
    );
    ensure!(id != APP_CLIENT_ID, "{APP_CLIENT_ID} is built in");
    Ok(read_metadata(
        metadata,
        base,
        &Offer::to_operator(&config.op, &config.outbound.allow, &config.mtls),
    )?)
}

/// Leaves `client` with its secret; returns one that was made.
pub(super) fn with_secret(
    client: &mut Client,
    secret: NewSecret,
    sealing: Option<&SealingKey>,
) -> anyhow::Result<Option<Secret>> {
    if let NewSecret::Given(secret) = &secret {
        ensure!(
            has_secret(client.auth_method),
            "a secret is for clients that authenticate with one"
        );
        ensure!(
            is_long_enough(secret, client),
            "the secret is shorter than 16 characters, or the digest of client_secret_jwt: it has to be random, leave it out to get one"
        );
    }
    set_secret(client, secret, &OsRandom, |id, secret| {
        let sealing = sealing.context("there is no key to seal a secret with")?;
        Ok(seal_client_secret(sealing, id, secret)?)
    })
}

/// Tells the operator which of `clients` people could take for `client`.
pub(super) fn warn_of_look_alikes(client: &Client, clients: &[Client]) -> io::Result<()> {
    let (id, name) = (&client.id, &client.name);
    let others = clients
        .iter()
        .filter(|other| other.id != *id && are_confusable(&other.name, name));
    for other in others {
        let (other_id, other) = (&other.id, &other.name);
        writeln!(
            io::stderr(),
            "warning: people cannot tell {name:?} ({id}) from {other:?} ({other_id}): their names look alike"
        )?;
    }
    Ok(())
}
