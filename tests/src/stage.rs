//! The usual cast: a backend, a person, a shop, and the person's phone.

use countersign_protocol::{Pending, Verdict};
use serde_json::Value;

use crate::{Backend, BackendOptions, Person, PollError, RawDevice, RelyingParty, Started, Tokens};

/// All of them, ready.
pub struct Stage {
    /// The backend.
    pub backend: Backend,
    /// Anna.
    pub person: Person,
    /// A client that authenticates with `client_secret_basic`.
    pub shop: RelyingParty,
    /// Anna's phone.
    pub phone: RawDevice,
}

impl Stage {
    /// Starts a backend with the test defaults and brings everybody in.
    pub async fn set() -> Self {
        Self::with(&BackendOptions::default()).await
    }

    /// Starts a backend with `options` and brings everybody in.
    pub async fn with(options: &BackendOptions) -> Self {
        let backend = Backend::start(options);
        let person = Person::add(&backend, "anna");
        let shop = RelyingParty::add(&backend, "shop", &[]).await;
        let phone = RawDevice::register(&backend, &person, "Anna's phone").await;
        Self {
            backend,
            person,
            shop,
            phone,
        }
    }

    /// The shop asks Anna.
    pub async fn ask(&self, parameters: &[(&str, &str)]) -> Started {
        self.ask_as(&self.shop, parameters).await
    }

    /// `client` asks Anna.
    pub async fn ask_as(&self, client: &RelyingParty, parameters: &[(&str, &str)]) -> Started {
        let mut all = vec![("login_hint", "anna")];
        all.extend(parameters);
        client.start(&all).await
    }

    /// The one request that waits on the phone.
    pub async fn waiting(&self) -> Pending {
        self.phone.waiting().await
    }

    /// Decides the one request that waits; the decision has to be taken.
    pub async fn decide(&self, verdict: Verdict, matched: Option<&str>) -> Value {
        self.phone.decide(verdict, matched).await
    }

    /// The error that the shop's poll gets.
    pub async fn refused(&self, started: &Started) -> String {
        refusal(self.shop.poll(&started.auth_req_id).await)
    }
}

/// The error of a poll that must not bring tokens.
#[must_use]
pub fn refusal(answer: Result<Tokens, PollError>) -> String {
    match answer {
        Ok(_) => "tokens".to_owned(),
        Err(PollError(code)) => code,
    }
}
