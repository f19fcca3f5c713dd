use async_trait::async_trait;
use countersign_clock::Millis;
use countersign_protocol::{ClientShown, DetailsShown, Handle, ScopeShown};
use serde_json::Value;

use crate::{
    domain::{AccountKey, Matching, NewAuthRequest},
    storage::StorageError,
};

/// A checked request of the embedded provider on its way to the person.
pub struct Triggered {
    /// Names the prompt. Nobody gets from it to what the client polls with.
    pub handle: Handle,
    /// What the provider keeps.
    pub request: NewAuthRequest,
    /// Who is asked.
    pub account: AccountKey,
    /// Who asks.
    pub client: ClientShown,
    /// For what.
    pub scopes: Vec<ScopeShown>,
    /// For what exactly.
    pub details: Option<DetailsShown>,
    /// How both screens are tied together.
    pub matching: Matching,
    /// As asked.
    pub acr_values: Option<String>,
    /// Whether an approval has to be verified on the device, wherever else it need not be.
    pub needs_user_verification: bool,
    /// What the client reported of the place where the request began.
    pub context: Option<Value>,
    /// Now.
    pub now: Millis,
}

/// The provider's way to the authentication device. The provider knows nothing else of prompts and devices.
#[async_trait]
pub trait AuthenticationDeviceTrigger: Send + Sync {
    /// Stores request and prompt in one commit and wakes the person's devices. When it returns, both are on disk.
    ///
    /// # Errors
    /// When the store does not answer; then nothing was stored.
    async fn trigger_authentication_device(&self, triggered: Triggered) -> Result<(), StorageError>;

    /// Settles whatever is over by now and tells people's devices. When it returns, no decision that is still on its way can come first.
    ///
    /// # Errors
    /// When the store does not answer.
    async fn settle_deadlines(&self) -> Result<(), StorageError>;
}
