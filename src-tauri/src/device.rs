//! The authentication device as the window's commands find it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_authenticator::{
    Authenticator, AuthenticatorError, Host, Options,
    view::{ErrorCode, ErrorView},
};
use countersign_clock::{Clock, Random};
use countersign_protocol::Handle;
use tauri::{Runtime, WebviewWindow};
use tokio::sync::watch;

use crate::{host::KeyStores, log::Chain, presence::Presence};

/// The device, its key stores and the window's presence.
pub(crate) struct Device {
    stage: watch::Sender<Stage>,
    key_stores: Arc<KeyStores>,
    clock: Arc<dyn Clock>,
    presence: Presence,
    /// The request that the page says is in view.
    in_view: Mutex<Option<(String, Handle)>>,
}

#[derive(Clone)]
enum Stage {
    /// The key store is being looked for, which may wait for the person.
    Starting,
    Running(Arc<Authenticator>),
    /// What is kept cannot be read.
    Broken,
}

impl Device {
    /// A device that was not started yet.
    pub(crate) fn new(key_stores: Arc<KeyStores>, clock: Arc<dyn Clock>) -> Self {
        Self {
            stage: watch::Sender::new(Stage::Starting),
            key_stores,
            clock,
            presence: Presence::default(),
            in_view: Mutex::default(),
        }
    }

    /// Finds the key store and starts the accounts in it. Commands wait for this, the window does not.
    pub(crate) async fn start(&self, host: Arc<dyn Host>, random: Arc<dyn Random>, options: Options) {
        self.key_stores.find().await;
        let stage = match Authenticator::new(host, Arc::clone(&self.clock), random, options).await {
            Ok(authenticator) => {
                authenticator.start();
                Stage::Running(Arc::new(authenticator))
            }
            Err(error) => {
                tracing::error!(error = %Chain(&error), "could not start the device");
                Stage::Broken
            }
        };
        self.stage.send_replace(stage);
    }

    /// The device, once it is started.
    ///
    /// # Errors
    /// `Internal` when it could not start.
    pub(crate) async fn authenticator(&self) -> Result<Arc<Authenticator>, ErrorView> {
        let mut stage = self.stage.subscribe();
        match stage
            .wait_for(|stage| !matches!(stage, Stage::Starting))
            .await
            .as_deref()
        {
            Ok(Stage::Running(authenticator)) => Ok(Arc::clone(authenticator)),
            Ok(Stage::Starting | Stage::Broken) | Err(_) => Err(ErrorView {
                code: ErrorCode::Internal,
                message: "could not start the device".to_owned(),
                retry_at: None,
            }),
        }
    }

    /// The key stores.
    pub(crate) fn key_stores(&self) -> &KeyStores {
        &self.key_stores
    }

    /// The clock of this machine.
    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// An address came by link: the answer to a sign-in, or somebody's attempt, which the device tells apart.
    #[cfg(mobile)]
    pub(crate) fn redirected(&self, url: tauri::Url) {
        if let Stage::Running(authenticator) = &*self.stage.borrow() {
            authenticator.redirected(url);
        }
    }

    /// Whether a person can be looking at `window`.
    pub(crate) fn is_watched<R: Runtime>(&self, window: &WebviewWindow<R>) -> bool {
        self.presence.allows(window, &*self.clock)
    }

    /// The window got the focus.
    pub(crate) fn came_to_front(&self) {
        self.presence.came(self.clock.now());
    }

    /// The window lost the focus, was hidden or closed: nothing is in view any more, whatever its page says.
    pub(crate) fn left_front(&self) {
        self.presence.left();
        self.conceal_all();
    }

    /// The page shows this request, and no other.
    ///
    /// # Errors
    /// `NotFound`.
    pub(crate) fn present(
        &self,
        authenticator: &Authenticator,
        account: String,
        handle: Handle,
    ) -> Result<(), AuthenticatorError> {
        authenticator.present(&account, &handle)?;
        *self.in_view() = Some((account, handle));
        Ok(())
    }

    /// The page shows no request.
    pub(crate) fn conceal_all(&self) {
        let shown = self.in_view().take();
        if let (Some((account, handle)), Stage::Running(authenticator)) = (shown, &*self.stage.borrow()) {
            authenticator.conceal(&account, &handle);
        }
    }

    fn in_view(&self) -> MutexGuard<'_, Option<(String, Handle)>> {
        self.in_view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
