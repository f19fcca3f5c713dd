//! Providers that are asked by plain CIBA on behalf of the embedded one: they have people, but no device of ours. To them we are a client like any other.
//!
//! What is asked is owed in the commit that opens the question, so it waits for devices of the person here as well; the first answer wins. An answer
//! counts as far as the other provider signed it.

mod answer;
mod ask;
mod client;
mod errand;

use std::{collections::BTreeMap, sync::Arc};

use countersign_clock::{Clock, Millis, Random};

pub use client::UpstreamSetupError;

use client::Client;
use errand::Errand;

use crate::{
    config::{UpstreamConfig, UpstreamLink},
    consent::Consent,
    domain::{DebtId, DebtKind, NewDebt},
    issuers::Issuers,
    keys::KeyRing,
    op::Triggered,
    outbound::Outbound,
    storage::{Storage, StorageError},
};

/// Time after a deadline in which what is owed for a question is still settled.
const AFTERMATH: Millis = 60_000;

/// What the providers that are asked need.
pub struct UpstreamParts {
    /// `[[connectors.upstream]]`
    pub config: Vec<UpstreamConfig>,
    /// Hears how questions end.
    pub consent: Arc<Consent>,
    /// Their metadata and keys.
    pub issuers: Arc<Issuers>,
    /// Seals what was asked.
    pub keys: Arc<KeyRing>,
    /// Calls them.
    pub outbound: Outbound,
    /// The store.
    pub storage: Arc<dyn Storage>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Names of client assertions.
    pub random: Arc<dyn Random>,
}

/// The providers that are asked.
pub struct Upstreams {
    parts: UpstreamParts,
    clients: BTreeMap<String, Client>,
}

impl Upstreams {
    /// The providers of the configuration, with what we authenticate by there.
    ///
    /// # Errors
    /// When a secret or a key cannot be read.
    pub fn open(parts: UpstreamParts) -> Result<Self, UpstreamSetupError> {
        let mut clients = BTreeMap::new();
        for config in &parts.config {
            clients.insert(config.name.clone(), Client::open(config.clone())?);
        }
        Ok(Self { parts, clients })
    }

    /// What is owed so that another provider is asked the same: the first one of the configuration that the person is linked to.
    pub(super) async fn plan(&self, triggered: &Triggered) -> Result<Option<NewDebt>, StorageError> {
        if self.clients.is_empty() {
            return Ok(None);
        }
        let account = self.parts.storage.find_account(&triggered.account.sub).await?;
        let attributes = account.map(|account| account.attributes).unwrap_or_default();
        let linked = self.parts.config.iter().find_map(|upstream| {
            let hint = attributes.get(&upstream.login_hint_attribute)?;
            let sub = attributes.get(&upstream.sub_attribute());
            let known = sub.is_some() || upstream.link == UpstreamLink::LoginHint;
            known.then(|| (upstream, hint.clone(), sub.cloned()))
        });
        let Some((upstream, login_hint, sub)) = linked else {
            return Ok(None);
        };
        let (handle, request) = (&triggered.handle, &triggered.request);
        let errand = Errand::new(triggered, login_hint, sub);
        let Ok(payload) = errand.seal(self.parts.keys.sealing(), handle) else {
            tracing::error!(prompt.handle = %handle, connector = upstream.name, "prompt {handle} is not asked at {}: it cannot be sealed", upstream.name);
            return Ok(None);
        };
        Ok(Some(NewDebt {
            id: DebtId {
                reference: handle.as_str().to_owned(),
                kind: DebtKind::Ask,
            },
            creditor: upstream.name.clone(),
            payload,
            not_before: triggered.now,
            deadline: request.expires_at + AFTERMATH,
        }))
    }
}
