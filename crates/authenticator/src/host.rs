//! What the device needs from the machine it runs on. The window's shell implements it, and so does a plain program.

use std::sync::Arc;

use async_trait::async_trait;
use countersign_protocol::{Platform, Secret};
use thiserror::Error;
use url::Url;

use crate::view::{InboxView, KeyStoreView, PairingView, StatusView};

/// What the device tells unasked. Each is the whole new state, never a difference.
#[derive(Debug, Clone)]
pub enum AppEvent {
    /// What waits.
    Inbox(InboxView),
    /// Accounts, connections, key store.
    Status(StatusView),
    /// How far pairing is.
    Pairing(PairingView),
}

/// Why a secret could not be read or kept.
#[derive(Debug, Error)]
pub enum SecretStoreError {
    /// The store is there but locked.
    #[error("use a locked store")]
    Locked,
    /// There is no store.
    #[error("find a store")]
    Missing,
    /// The store failed.
    #[error("use the store")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Keeps small secrets by name. A value may be a few kilobytes of text; a host whose store takes less splits it.
#[async_trait]
pub trait SecretStore: Send + Sync {
    /// Finds a secret.
    async fn get(&self, name: &str) -> Result<Option<Secret>, SecretStoreError>;
    /// Keeps a secret, in place of an older one of that name. When it returns, the secret survives a crash.
    async fn set(&self, name: &str, value: &Secret) -> Result<(), SecretStoreError>;
    /// Forgets a secret; one that is not there is no error.
    async fn delete(&self, name: &str) -> Result<(), SecretStoreError>;
}

/// The browser did not open. Pairing goes on: the window offers the address to copy.
#[derive(Debug, Error)]
#[error("open the system browser")]
pub struct BrowserUnavailable;

/// The machine.
#[async_trait]
pub trait Host: Send + Sync {
    /// The key store in use now. Asked each time, because the person may choose or unlock one while the device runs.
    fn secrets(&self) -> Arc<dyn SecretStore>;
    /// What the key store is, for the window.
    fn key_store(&self) -> KeyStoreView;
    /// Opens the system browser; never a web view of the app (RFC 8252 section 8.12).
    async fn open_browser(&self, url: &Url) -> Result<(), BrowserUnavailable>;
    /// Hands an event on. Must not block.
    fn emit(&self, event: AppEvent);
    /// The app's version.
    fn app_version(&self) -> String;
    /// What the app runs on.
    fn platform(&self) -> Platform;
    /// A name for this device that the person would recognise.
    fn suggested_device_name(&self) -> String;
    /// An address of a backend to propose when a device is paired.
    fn suggested_backend(&self) -> Option<String> {
        None
    }
    /// Where the provider sends the person back when that is not a loopback address: a claimed https link or a private scheme
    /// (RFC 8252 sections 7.1 and 7.2). The answer then arrives through `Authenticator::redirected`.
    fn redirect_uri(&self) -> Option<Url> {
        None
    }
}
