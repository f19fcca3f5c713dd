//! A real Keycloak: the pinned release that `scripts/keycloak.sh` fetches, with the realms of `tests/keycloak`.
//!
//! Starting it takes seconds, so the stories of a test binary share one and play one after the other; each has a backend of its own, and
//! [`Relay`] hands what Keycloak sends to the backend whose turn it is. It ends when the test binary ends, however that ends, because a shell
//! between the two reads from a pipe that only the binary holds open.

mod admin;
mod people;
mod process;
mod relay;
mod shop;

use std::sync::OnceLock;

use tokio::sync::{Mutex, MutexGuard};

pub use self::relay::{Intake, Relay};
use self::{admin::LIFETIME, process::Process};
use crate::{Backend, BackendOptions};

/// A running Keycloak and the relay that it takes for the authentication channel.
pub struct Keycloak {
    process: Process,
    /// Between Keycloak and the backend.
    pub relay: Relay,
    /// Whether requests do not live as long as the realm file says.
    hurried: bool,
}

impl Keycloak {
    /// The Keycloak of this test binary, for one story at a time, as if nobody had used it before.
    ///
    /// # Panics
    /// When it cannot be fetched or does not start.
    pub async fn borrow() -> MutexGuard<'static, Self> {
        static SHARED: OnceLock<Mutex<Keycloak>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| Mutex::new(Self::start()));
        let mut keycloak = shared.lock().await;
        keycloak.process.tidy_up();
        keycloak.relay.forget();
        if keycloak.hurried {
            keycloak.let_requests_live(LIFETIME).await;
            keycloak.hurried = false;
        }
        keycloak
    }

    fn start() -> Self {
        let relay = Relay::start();
        let channel = format!("{}/connectors/keycloak/authentication", relay.origin());
        Self {
            process: Process::start(&channel),
            relay,
            hurried: false,
        }
    }

    /// The issuer of `realm`.
    #[must_use]
    pub fn issuer(&self, realm: &str) -> String {
        format!("http://127.0.0.1:{}/realms/{realm}", self.process.port())
    }

    /// What stands in a backend's configuration for `realm`.
    #[must_use]
    pub fn entry(&self, realm: &str) -> String {
        let issuer = self.issuer(realm);
        format!(
            "[[connectors.keycloak]]\nname = {realm:?}\nissuer = {issuer:?}\ntitle = \"The {realm} people\"\napp_client_id = \"countersign-app\"\n\
             app_scope = \"openid profile\"\nclients = {{ shop = \"Demo Shop\" }}\nscopes = {{ profile = \"See your name\" }}\n"
        )
    }

    /// Starts a backend that serves `realms`, and has Keycloak talk to it.
    #[must_use]
    pub fn backend(&self, realms: &[&str]) -> Backend {
        self.backend_with(realms, BackendOptions::default())
    }

    /// As [`Self::backend`], with more options.
    #[must_use]
    pub fn backend_with(&self, realms: &[&str], mut options: BackendOptions) -> Backend {
        for realm in realms {
            options.config += &self.entry(realm);
        }
        let backend = Backend::start(&options);
        self.relay.hand_to(&backend.origin);
        backend
    }

    /// Keycloak stops as an operator stops it, and starts again on its port. It forgets the requests that waited.
    pub fn restart(&mut self) {
        self.process.restart();
    }

    /// Keycloak takes connections and answers nothing, until [`Self::go_on`].
    pub fn freeze(&self) {
        self.process.freeze();
    }

    /// After [`Self::freeze`]: it goes on where it was.
    pub fn go_on(&self) {
        self.process.go_on();
    }

    /// Keycloak is gone, and connections are refused, until [`Self::restart`].
    pub fn stop(&mut self) {
        self.process.stop();
    }
}
