//! The embedded OpenID Provider: OpenID Connect Core (code flow), CIBA Core in poll and ping mode, and the RFCs they stand on.
//!
//! Requests come in as parameters, answers leave as typed values: HTTP is somebody else's. Of prompts and devices the provider knows
//! only [`AuthenticationDeviceTrigger`].

mod acr;
mod app_client;
mod authorize;
mod backchannel;
mod basic;
mod client_assertion;
mod client_auth;
mod delivery;
mod discovery;
mod form;
mod fresh;
mod grants;
mod handle;
mod held_polls;
mod id_token;
mod introspection;
mod poll_pace;
mod redirect_uri;
mod refusal;
mod revocation;
mod scope;
mod sign_in;
mod throttle;
mod token;
mod trigger;
mod userinfo;

use std::sync::Arc;

use countersign_clock::{Clock, Random};
use countersign_protocol::ClientId;

use crate::{
    config::OpConfig,
    domain::{APP_CLIENT_ID, Client},
    keys::KeyRing,
    storage::{Storage, StorageError},
    wakes::Wakes,
};

pub use acr::ACR_PASSWORD;
pub use authorize::{Authorize, SignInPage, SignInProblem};
pub use client_auth::ClientRequest;
pub use delivery::{Delivery, Told};
pub use discovery::Metadata;
pub use form::Params;
pub use handle::handle_of;
pub use introspection::{ActiveToken, Introspection};
pub use redirect_uri::is_registrable;
pub use refusal::{OpError, Refusal};
pub use scope::is_scope_value;
pub use sign_in::{SignIn, SignInAttempt};
pub use trigger::{AuthenticationDeviceTrigger, Triggered};
pub use userinfo::UserInfo;

/// What a provider is made of.
pub struct Parts {
    /// `[op]`
    pub config: OpConfig,
    /// The issuer: an origin, without a trailing slash.
    pub issuer: String,
    /// The store.
    pub storage: Arc<dyn Storage>,
    /// Keys for ID tokens, and the key that seals the sign-in page's state.
    pub keys: Arc<KeyRing>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub random: Arc<dyn Random>,
    /// The way to the person.
    pub trigger: Arc<dyn AuthenticationDeviceTrigger>,
    /// Wakes polls that are held.
    pub wakes: Arc<Wakes>,
}

/// The embedded OpenID Provider.
pub struct Provider {
    parts: Parts,
    app_client: Client,
    poll_pace: poll_pace::PollPace,
    held_polls: held_polls::HeldPolls,
    throttle: throttle::Throttle,
    passwords: sign_in::Passwords,
}

impl Provider {
    /// A provider made of `parts`.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            app_client: app_client::app_client(),
            poll_pace: poll_pace::PollPace::default(),
            held_polls: held_polls::HeldPolls::new(&parts.config, parts.wakes.clone()),
            throttle: throttle::Throttle::new(parts.config.throttle_after, parts.config.throttle_seconds),
            passwords: sign_in::Passwords::default(),
            parts,
        }
    }

    /// The issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.parts.issuer
    }

    async fn find_client(&self, id: &str) -> Result<Option<Client>, StorageError> {
        if id == APP_CLIENT_ID {
            return Ok(Some(self.app_client.clone()));
        }
        self.parts.storage.find_client(&ClientId::new(id)).await
    }
}
