//! Questions to people and their answers (`docs/protocol.md` sections 4 to 8).
//!
//! It takes a prompt from a provider, shows it as a signed request object made for each device, verifies the signed decision and
//! records the first one. It knows no HTTP and no provider.

mod decide;
mod error;
mod expire;
mod facts;
mod history;
mod inbox;
mod open;
mod receipt;
mod request_object;
mod signed_lately;

use std::{collections::BTreeMap, sync::Arc};

use countersign_clock::Clock;
use countersign_protocol::Handle;
use tokio::sync::Notify;

use crate::{
    config::ConsentConfig,
    domain::AccountKey,
    keys::KeyRing,
    storage::Storage,
    wakes::{Topic, Wakes},
};

pub use decide::{DecisionAnswer, Submission};
pub use error::ConsentError;
pub use inbox::{Change, Changes};
pub use open::Question;
pub use receipt::{Pins, ReceiptError, VerifiedReceipt, verify_receipt};

/// What the consent service is made of.
pub struct Parts {
    /// `[consent]`
    pub config: ConsentConfig,
    /// The backend's origin: `iss` of request objects, `aud` of decisions.
    pub origin: String,
    /// Issuer of the embedded provider.
    pub issuer: String,
    /// What people call the other providers, by issuer.
    pub titles: BTreeMap<String, String>,
    /// The store.
    pub storage: Arc<dyn Storage>,
    /// Keys that sign request objects.
    pub keys: Arc<KeyRing>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Who is told when something changed.
    pub wakes: Arc<Wakes>,
    /// Whose worker is told that something may be owed now.
    pub owed: Arc<Notify>,
}

/// Asks people and takes their decisions.
pub struct Consent {
    parts: Parts,
    signed: signed_lately::SignedLately,
}

impl Consent {
    /// A consent service.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            parts,
            signed: signed_lately::SignedLately::default(),
        }
    }

    /// The signals of this service.
    #[must_use]
    pub fn wakes(&self) -> &Arc<Wakes> {
        &self.parts.wakes
    }

    /// Tells the person's streams and whoever waits for the request behind `handle` that it is settled.
    pub fn tell_settled(&self, account: &AccountKey, handle: &Handle) {
        self.parts.wakes.notify(&Topic::Person(account.clone()));
        self.parts.wakes.notify(&Topic::Request(handle.clone()));
        self.parts.owed.notify_one();
    }
}
