//! What all parts of a running device share, and how they tell the host.

use std::sync::{Arc, Mutex, RwLock};

use countersign_clock::{Clock, Millis, Random};
use countersign_protocol::{Handle, ProblemCode};
use tokio::sync::Notify;

use crate::{
    account::Account,
    api::ApiError,
    error::AuthenticatorError,
    host::{AppEvent, Host},
    options::Options,
    sync::{held, read},
    view::{ConnectionView, InboxView, StatusView},
};

/// The request that is in view.
pub(crate) struct Presented {
    pub(crate) account: String,
    pub(crate) handle: Handle,
    pub(crate) since: Millis,
}

/// The shared parts.
pub(crate) struct Core {
    pub(crate) host: Arc<dyn Host>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) http: reqwest::Client,
    pub(crate) options: Options,
    pub(crate) accounts: RwLock<Vec<Arc<Account>>>,
    pub(crate) presented: Mutex<Option<Presented>>,
    // Events leave in the order of the states they describe.
    emitting: Mutex<()>,
    pub(crate) accounts_changed: Notify,
}

impl Core {
    pub(crate) fn new(
        host: Arc<dyn Host>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        http: reqwest::Client,
        options: Options,
    ) -> Self {
        Self {
            host,
            clock,
            random,
            http,
            options,
            accounts: RwLock::default(),
            presented: Mutex::default(),
            emitting: Mutex::default(),
            accounts_changed: Notify::new(),
        }
    }

    pub(crate) fn all(&self) -> Vec<Arc<Account>> {
        read(&self.accounts).clone()
    }

    /// The account with this local id.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub(crate) fn account(&self, id: &str) -> Result<Arc<Account>, AuthenticatorError> {
        read(&self.accounts)
            .iter()
            .find(|account| account.id == id)
            .cloned()
            .ok_or(AuthenticatorError::NotFound)
    }

    pub(crate) fn status(&self) -> StatusView {
        StatusView {
            app_version: self.host.app_version(),
            suggested_device_name: self.host.suggested_device_name(),
            suggested_backend: self.host.suggested_backend(),
            key_store: self.host.key_store(),
            accounts: self.all().iter().map(|account| account.view()).collect(),
        }
    }

    pub(crate) fn inbox(&self) -> InboxView {
        let accounts = self.all();
        let now = self.clock.now();
        let loaded = accounts
            .iter()
            .all(|account| account.is_removed() || held(&account.inbox).is_loaded());
        let mut requests: Vec<_> = accounts
            .iter()
            .flat_map(|account| held(&account.inbox).views(account, now))
            .collect();
        requests.sort_by_key(|(arrived, _)| *arrived);
        InboxView {
            loaded,
            requests: requests.into_iter().map(|(_, view)| view).collect(),
        }
    }

    pub(crate) fn emit_status(&self) {
        let _in_order = held(&self.emitting);
        self.host.emit(AppEvent::Status(self.status()));
    }

    pub(crate) fn emit_inbox(&self) {
        let _in_order = held(&self.emitting);
        self.host.emit(AppEvent::Inbox(self.inbox()));
    }

    /// Shows how `account` hears of requests, when that changed.
    pub(crate) fn connected(&self, account: &Account, connection: ConnectionView) {
        if !matches!(connection, ConnectionView::Offline { .. } | ConnectionView::Connecting) {
            *held(&account.last_contact) = Some(self.clock.now());
        }
        let changed = {
            let mut current = held(&account.connection);
            let changed = *current != connection;
            *current = connection;
            changed
        };
        if changed {
            self.emit_status();
        }
    }

    /// Acts on an answer that ends the device: keys are wiped at once.
    pub(crate) async fn heed(&self, account: &Account, error: &ApiError) {
        if error.code() == Some(ProblemCode::DeviceRemoved) {
            self.removed(account).await;
        }
    }

    /// The backend says that this device is revoked.
    pub(crate) async fn removed(&self, account: &Account) {
        if account.is_removed() {
            return;
        }
        tracing::info!(account.id, "the backend removed this device, its keys are wiped");
        if let Err(error) = account.wipe(self).await {
            tracing::error!(account.id, %error, "could not wipe the keys of the removed device from the key store");
        }
        self.emit_inbox();
        self.emit_status();
    }

    /// Passes an answer on and acts on the one that ends the device.
    pub(crate) async fn heeded<T>(
        &self,
        account: &Account,
        result: Result<T, ApiError>,
    ) -> Result<T, AuthenticatorError> {
        if let Err(error) = &result {
            self.heed(account, error).await;
        }
        Ok(result?)
    }
}
