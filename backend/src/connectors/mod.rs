//! Providers whose people decide here: each hands over a question (intake) and is told how it ended (completion), by rules that are data.
//!
//! The embedded provider is connector zero: its questions go the same way, and it knows the end in the same commit. Every other one is owed the
//! end: what is owed is stored with the question, becomes due in the commit of the decision, and is paid by the worker of the outbox.

mod complete;
mod embedded;
mod generic;
mod hand_over;
mod keycloak;
mod rules;
mod upstream;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use countersign_clock::Clock;

use crate::{
    config::{ConnectorsConfig, DetailsType},
    consent::Consent,
    issuers::Issuers,
    keys::KeyRing,
    outbound::Outbound,
    storage::{SettledQuestion, Storage},
};

pub use complete::Paid;
pub use embedded::Embedded;
pub use generic::{Authentic, RequestBody, SecretError, SignedCall};
pub use hand_over::{HandedOver, IntakeError, Waits, handle_of};
pub use rules::{Rules, Told};
pub use upstream::{UpstreamParts, UpstreamSetupError, Upstreams};

use generic::Generic;
use keycloak::Keycloak;

/// What the connectors are made of.
pub struct Parts {
    /// `[connectors]`
    pub config: ConnectorsConfig,
    /// Seconds for which a client cannot ask a person who denied a request of it as "not me".
    pub report_seconds: u32,
    /// Greatest length of a message, characters.
    pub message_length: usize,
    /// Words for types of authorization details.
    pub details_types: BTreeMap<String, DetailsType>,
    /// Asks people.
    pub consent: Arc<Consent>,
    /// Metadata and keys of the providers.
    pub issuers: Arc<Issuers>,
    /// Seals what telling a provider needs.
    pub keys: Arc<KeyRing>,
    /// Calls providers.
    pub outbound: Outbound,
    /// The store.
    pub storage: Arc<dyn Storage>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// One way of telling a provider how a question ended.
#[async_trait]
trait OpConnector: Send + Sync {
    /// What it may do when.
    fn rules(&self) -> &'static Rules;

    /// Tells the provider once. `callback` is what the intake kept for it.
    async fn complete(&self, ended: &SettledQuestion, callback: &str) -> Told;
}

/// All providers outside.
pub struct Connectors {
    parts: Parts,
    by_name: BTreeMap<String, Arc<dyn OpConnector>>,
    generic: BTreeMap<String, Arc<Generic>>,
}

impl Connectors {
    /// The connectors of the configuration.
    ///
    /// # Errors
    /// When a secret cannot be used.
    pub fn new(parts: Parts) -> Result<Self, SecretError> {
        let mut by_name: BTreeMap<String, Arc<dyn OpConnector>> = BTreeMap::new();
        for realm in &parts.config.keycloak {
            let connector = Keycloak::new(realm.issuer.clone(), parts.outbound.clone());
            by_name.insert(realm.name.clone(), Arc::new(connector));
        }
        let mut generic = BTreeMap::new();
        for provider in &parts.config.generic {
            if let Some(connector) = Generic::open(provider, parts.outbound.clone(), parts.clock.clone())? {
                let connector = Arc::new(connector);
                by_name.insert(provider.name.clone(), connector.clone());
                generic.insert(provider.name.clone(), connector);
            }
        }
        Ok(Self {
            parts,
            by_name,
            generic,
        })
    }
}
