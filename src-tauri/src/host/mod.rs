//! What the authentication device needs from this machine.

mod browser;
mod key_stores;
mod keychain;
mod platform;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use countersign_authenticator::{AppEvent, BrowserUnavailable, Host, SecretStore, view::KeyStoreView};
use countersign_protocol::Platform;
use tauri::{AppHandle, Runtime};
use url::Url;

pub(crate) use key_stores::{KeyStoreError, KeyStores};
pub(crate) use platform::open_store;
#[cfg(test)]
pub(crate) use tests::{cheap_vault, no_store};

use crate::{environment, events};

/// This machine, with its window.
pub(crate) struct TauriHost<R: Runtime> {
    app: AppHandle<R>,
    key_stores: Arc<KeyStores>,
}

impl<R: Runtime> TauriHost<R> {
    /// The machine on which `app` runs.
    pub(crate) fn new(app: AppHandle<R>, key_stores: Arc<KeyStores>) -> Self {
        Self { app, key_stores }
    }
}

#[async_trait]
impl<R: Runtime> Host for TauriHost<R> {
    fn secrets(&self) -> Arc<dyn SecretStore> {
        self.key_stores.secrets()
    }

    fn key_store(&self) -> KeyStoreView {
        self.key_stores.view()
    }

    async fn open_browser(&self, url: &Url) -> Result<(), BrowserUnavailable> {
        browser::open(&self.app, url).await
    }

    fn emit(&self, event: AppEvent) {
        events::forward(&self.app, event);
    }

    fn app_version(&self) -> String {
        self.app.package_info().version.to_string()
    }

    fn platform(&self) -> Platform {
        platform::platform()
    }

    fn suggested_device_name(&self) -> String {
        platform::device_name()
    }

    fn suggested_backend(&self) -> Option<String> {
        environment::suggested_backend()
    }

    fn redirect_uri(&self) -> Option<Url> {
        platform::redirect_uri()
    }
}

/// Runs work that waits for the disk, another program or the person away from the threads that keep everything else going.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> tauri::Result<T> {
    tauri::async_runtime::spawn_blocking(work).await
}
