//! A host without a machine: for the robot device and for tests. It keeps nothing when it ends.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use countersign_protocol::{KeyLevel, Platform, Secret};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use url::Url;

use crate::{
    host::{AppEvent, BrowserUnavailable, Host, SecretStore, SecretStoreError},
    sync::held,
    view::{KeyStoreKind, KeyStoreState, KeyStoreView},
};

/// Secrets in memory. Clones of the `Arc` survive the host, so a test can restart a device with the same store.
#[derive(Debug, Default)]
pub struct MemorySecrets(Mutex<BTreeMap<String, Secret>>);

impl MemorySecrets {
    /// The names that are taken, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        held(&self.0).keys().cloned().collect()
    }
}

#[async_trait]
impl SecretStore for MemorySecrets {
    async fn get(&self, name: &str) -> Result<Option<Secret>, SecretStoreError> {
        Ok(held(&self.0).get(name).cloned())
    }

    async fn set(&self, name: &str, value: &Secret) -> Result<(), SecretStoreError> {
        held(&self.0).insert(name.to_owned(), value.clone());
        Ok(())
    }

    async fn delete(&self, name: &str) -> Result<(), SecretStoreError> {
        held(&self.0).remove(name);
        Ok(())
    }
}

/// A host in memory. What it opens and what it is told comes out of the channels of [`MemoryChannels`].
pub struct MemoryHost {
    secrets: Arc<MemorySecrets>,
    name: String,
    opened: UnboundedSender<Url>,
    events: UnboundedSender<AppEvent>,
}

/// The other ends of a [`MemoryHost`].
#[derive(Debug)]
pub struct MemoryChannels {
    /// Addresses that a browser would have opened.
    pub opened: UnboundedReceiver<Url>,
    /// Events.
    pub events: UnboundedReceiver<AppEvent>,
}

impl MemoryHost {
    /// A host whose device is called `name`.
    #[must_use]
    pub fn new(name: impl Into<String>) -> (Arc<Self>, MemoryChannels) {
        Self::with_secrets(name, Arc::default())
    }

    /// A host over secrets that are already there: the same device after a restart.
    #[must_use]
    pub fn with_secrets(name: impl Into<String>, secrets: Arc<MemorySecrets>) -> (Arc<Self>, MemoryChannels) {
        let (opened, opened_receiver) = unbounded_channel();
        let (events, events_receiver) = unbounded_channel();
        let host = Arc::new(Self {
            secrets,
            name: name.into(),
            opened,
            events,
        });
        let channels = MemoryChannels {
            opened: opened_receiver,
            events: events_receiver,
        };
        (host, channels)
    }

    /// The secrets, to keep them beyond this host.
    #[must_use]
    pub fn memory_secrets(&self) -> Arc<MemorySecrets> {
        Arc::clone(&self.secrets)
    }
}

#[async_trait]
impl Host for MemoryHost {
    fn secrets(&self) -> Arc<dyn SecretStore> {
        let secrets: Arc<MemorySecrets> = Arc::clone(&self.secrets);
        secrets
    }

    fn key_store(&self) -> KeyStoreView {
        KeyStoreView {
            kind: KeyStoreKind::Memory,
            state: KeyStoreState::Ready,
            level: KeyLevel::Software,
        }
    }

    async fn open_browser(&self, url: &Url) -> Result<(), BrowserUnavailable> {
        self.opened.send(url.clone()).map_err(|_| BrowserUnavailable)
    }

    fn emit(&self, event: AppEvent) {
        // Who dropped the channels does not listen.
        drop(self.events.send(event));
    }

    fn app_version(&self) -> String {
        env!("CARGO_PKG_VERSION").to_owned()
    }

    fn platform(&self) -> Platform {
        Platform::Linux
    }

    fn suggested_device_name(&self) -> String {
        self.name.clone()
    }
}
