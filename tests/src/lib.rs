//! The actors of the end-to-end stories: a real backend process, a strict client, a device without a window, a person at the sign-in page.
//!
//! Everything here listens on 127.0.0.1 with port 0 and ends with the test that started it. Whatever goes wrong panics: this is test code.

pub mod backend;
pub mod balancer;
pub mod collector;
pub mod desktop;
pub mod device;
pub mod driver;
pub mod eventually;
pub mod fault;
pub mod fleet;
pub mod form_fault;
pub mod keycloak;
pub mod node_oidc_provider;
pub mod notification_endpoint;
pub mod person;
pub mod program;
pub mod raw_device;
pub mod relying_party;
pub mod robot;
pub mod snapshot;
pub mod soak;
pub mod stage;
pub mod stranger;
pub mod upstream_op;
pub mod wire;

pub use backend::{Backend, BackendOptions};
pub use device::{Device, PIN};
pub use eventually::eventually;
pub use keycloak::Keycloak;
pub use node_oidc_provider::NodeOp;
pub use notification_endpoint::{NotificationEndpoint, Says};
pub use person::Person;
pub use raw_device::RawDevice;
pub use relying_party::{Called, Credentials, PollError, RelyingParty, Started, Tokens};
pub use stage::Stage;
pub use upstream_op::{Hears, UpstreamOp};

use std::sync::OnceLock;

/// Installs the one TLS provider of this process.
pub fn install_tls() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        rustls::crypto::ring::default_provider()
            .install_default()
            .expect("no other TLS provider is installed in tests");
    });
}

/// An HTTP client that follows nothing and waits for nobody longer than 10 s.
#[must_use]
pub fn http() -> reqwest::Client {
    install_tls();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        // A connection from before a restart leads nowhere, so none is kept.
        .pool_max_idle_per_host(0)
        .timeout(std::time::Duration::from_secs(10))
        .build()
        .expect("a plain HTTP client can be built")
}
