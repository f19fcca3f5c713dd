//! The embedded OpenID Provider: OpenID Connect Core (code flow), CIBA Core in poll and ping mode, and the RFCs they stand on.
//!
//! Requests come in as parameters, answers leave as typed values: HTTP is somebody else's. Of prompts and devices the provider knows
//! only [`AuthenticationDeviceTrigger`].

mod acr;
mod authorization;
mod backchannel;
mod clients;
mod delivery;
mod details;
mod discovery;
mod form;
mod fresh;
mod grants;
mod handle;
mod refusal;
mod resource;
mod scope;
mod tokens;
mod trigger;

use std::sync::Arc;

use countersign_clock::{Clock, Random};
use countersign_jose::siv::SivKey;
use countersign_protocol::ClientId;

use crate::{
    config::{OpConfig, RegistrationConfig},
    domain::{APP_CLIENT_ID, Client},
    keys::KeyRing,
    outbound::Outbound,
    published_keys::PublishedKeys,
    storage::{Storage, StorageError},
    wakes::Wakes,
};

pub use acr::ACR_PASSWORD;
pub use authorization::{Authorize, Pushed, SignIn, SignInAttempt, SignInPage, SignInProblem, is_registrable};
pub use backchannel::AUTHENTICATION_PARAMETERS;
pub use clients::{
    By, CertificateIssuers, CertificateOffer, ClientCertificate, ClientRequest, Endpoint, MetadataError, MutualTls,
    MutualTlsError, NewSecret, Offer, Profiles, RegistrationCall, RegistrationError, Violation, are_confusable,
    check_profile, check_sector, has_secret, is_certificate_subject, is_long_enough, is_secret_of, read_metadata,
    seal_client_secret, set_secret, write_metadata,
};
pub use delivery::{Delivery, Told};
pub use discovery::Metadata;
pub use form::Params;
pub use handle::handle_of;
pub use refusal::{OpError, Refusal};
pub use scope::is_scope_value;
pub use tokens::{ActiveToken, Introspection, ResourceRequest, UserInfo, UserInfoAnswer};
pub use trigger::{AuthenticationDeviceTrigger, Triggered};

/// What a provider is made of.
pub struct Parts {
    /// `[op]`
    pub config: OpConfig,
    /// `[registration]`
    pub registration: RegistrationConfig,
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
    /// Where clients may show certificates, if anywhere.
    pub mutual_tls: Option<MutualTls>,
    /// The way to what clients publish.
    pub outbound: Outbound,
}

/// The embedded OpenID Provider.
pub struct Provider {
    parts: Parts,
    app_client: Client,
    pairwise: SivKey,
    published_keys: PublishedKeys,
    poll_pace: grants::PollPace,
    held_polls: grants::HeldPolls,
    throttle: authorization::Throttle,
    registrations: clients::RegistrationPace,
    proofs: tokens::ProofMemory,
    passwords: authorization::Passwords,
    unknown_hints: backchannel::UnknownHints,
}

impl Provider {
    /// A provider made of `parts`.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            app_client: clients::app_client(),
            pairwise: clients::pairwise_key(&parts.keys),
            published_keys: PublishedKeys::new(
                parts.outbound.clone(),
                parts.clock.clone(),
                parts.config.client_keys_seconds,
                parts.config.client_keys_stale_seconds,
            ),
            poll_pace: grants::PollPace::default(),
            held_polls: grants::HeldPolls::new(&parts.config, parts.wakes.clone()),
            throttle: authorization::Throttle::new(parts.config.throttle_after, parts.config.throttle_seconds),
            proofs: tokens::ProofMemory::new(&parts.keys),
            passwords: authorization::Passwords::default(),
            unknown_hints: backchannel::UnknownHints::new(
                parts.config.unknown_hints,
                parts.config.unknown_hints_seconds,
            ),
            registrations: clients::RegistrationPace::default(),
            parts,
        }
    }

    /// The issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.parts.issuer
    }

    /// A new name for a call to a resource whose caller gave it none.
    #[must_use]
    pub fn interaction_id(&self) -> String {
        fresh::uuid(&*self.parts.random)
    }

    /// Whether the paths of Auth0's SDKs lead here too.
    #[must_use]
    pub fn has_auth0_aliases(&self) -> bool {
        self.parts.config.auth0_aliases
    }

    /// Whether `issuer` means this provider: its name, which clients of Auth0's SDKs write with a slash at the end.
    fn is_called(&self, issuer: &str) -> bool {
        let bare = issuer.strip_suffix('/').filter(|_| self.has_auth0_aliases());
        bare.unwrap_or(issuer) == self.issuer()
    }

    /// A client that is disabled is not found: to everybody there is none.
    async fn find_client(&self, id: &str) -> Result<Option<Client>, StorageError> {
        if id == APP_CLIENT_ID {
            return Ok(Some(self.app_client.clone()));
        }
        let client = self.parts.storage.find_client(&ClientId::new(id)).await?;
        Ok(client.filter(|client| !client.disabled))
    }
}
