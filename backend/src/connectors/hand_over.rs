use countersign_clock::Millis;
use countersign_jose::{JoseError, digest};
use countersign_protocol::{ClientShown, DetailsShown, Handle, ScopeShown, Secret};
use serde_json::Value;

use super::{Connectors, Rules};
use crate::{
    config::ConnectorConfig,
    consent::Question,
    domain::{AccountKey, Acr, ConnectorId, DebtId, DebtKind, Matching, NewDebt},
    issuers::IssuerError,
    meters::{Intake, meters},
    storage::{MessageId, StorageError, TakenIn},
};

/// Time after a deadline in which what is owed for a question is still settled.
const AFTERMATH: Millis = 60_000;

/// A question as a provider outside handed it over, checked.
pub struct HandedOver {
    /// The provider's own name for it.
    pub external_ref: String,
    /// Who is asked.
    pub account: AccountKey,
    /// Who asks the provider.
    pub client: ClientShown,
    /// For what.
    pub scopes: Vec<ScopeShown>,
    /// For what exactly.
    pub details: Option<DetailsShown>,
    /// How both screens are tied together.
    pub matching: Matching,
    /// As asked.
    pub acr_values: Option<String>,
    /// What the client reported of the place where the request began.
    pub context: Option<Value>,
    /// To be decided before.
    pub expires_at: Millis,
    /// What telling the provider will need. It is sealed where it is kept.
    pub callback: Secret,
    /// SHA-256 of all that counts of what was handed over.
    pub digest: [u8; 32],
    /// The message in which it came, where messages have names.
    pub message: Option<MessageId>,
}

/// A question that waits, or waited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waits {
    /// Its handle.
    pub handle: Handle,
    /// To be decided before.
    pub expires_at: Millis,
    /// Whether it was handed over before.
    pub again: bool,
}

/// Why a question is not taken in.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// Who hands it over cannot show that it is the provider.
    #[error("{0}")]
    Unauthorized(&'static str),
    /// A member is not what it has to be.
    #[error("`{field}` {problem}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// What is wrong. Never repeats a value.
        problem: String,
    },
    /// Another question was handed over under the same name.
    #[error("another request was handed over under this name or in this message")]
    Conflict,
    /// The person said a moment ago that they want nothing of this client.
    #[error("the person does not want to be asked by this client")]
    Reported,
    /// The provider's keys cannot be had now.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// The store does not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// What telling the provider needs cannot be sealed.
    #[error("what is owed cannot be sealed")]
    Seal(#[source] JoseError),
}

/// The handle of a question of a provider outside: the same question always has the same.
#[must_use]
pub fn handle_of(connector: &str, external_ref: &str) -> Handle {
    Handle::new(digest::sha256_b64(format!(
        "countersign-prompt\0{connector}\0{external_ref}"
    )))
}

/// Binds what telling needs to its row.
pub(super) fn context(handle: &str) -> String {
    format!("outbox.{}:{handle}", DebtKind::Complete.word())
}

impl Connectors {
    /// Takes in a question of `provider`: it is on disk when this returns. The same again finds what is there.
    pub(super) async fn hand_over(
        &self,
        provider: &ConnectorConfig,
        rules: &Rules,
        handed: HandedOver,
    ) -> Result<Waits, IntakeError> {
        let taken = self.take(provider, rules, handed).await;
        meters().handed_over(
            &provider.name,
            match &taken {
                Ok(Waits { again: false, .. }) => Intake::New,
                Ok(_) => Intake::Again,
                Err(_) => Intake::Refused,
            },
        );
        taken
    }

    async fn take(&self, provider: &ConnectorConfig, rules: &Rules, handed: HandedOver) -> Result<Waits, IntakeError> {
        let now = self.parts.clock.now();
        if handed.expires_at <= now {
            return Err(IntakeError::Unauthorized("its time is over"));
        }
        let since = now - Millis::from(self.parts.report_seconds) * 1000;
        let storage = &self.parts.storage;
        if storage.was_reported(&handed.account, &handed.client.id, since).await? {
            return Err(IntakeError::Reported);
        }
        let handle = handle_of(&provider.name, &handed.external_ref);
        let sealing = self.parts.keys.sealing();
        let payload = sealing.seal(&context(handle.as_str()), handed.callback.expose().as_bytes());
        let owed = NewDebt {
            id: DebtId {
                reference: handle.as_str().to_owned(),
                kind: DebtKind::Complete,
            },
            creditor: provider.name.clone(),
            payload: payload.map_err(IntakeError::Seal)?,
            not_before: now + rules.rest,
            deadline: handed.expires_at + AFTERMATH,
        };
        let needs_user_verification = handed
            .acr_values
            .as_deref()
            .is_some_and(|asked| asked.split(' ').any(|acr| acr == Acr::DEVICE_VERIFIED));
        let question = Question {
            handle: handle.clone(),
            connector: ConnectorId(provider.name.clone()),
            external_ref: Some(handed.external_ref),
            account: handed.account,
            client: handed.client,
            scopes: handed.scopes,
            details: handed.details,
            matching: handed.matching,
            acr_values: handed.acr_values,
            needs_user_verification,
            context: handed.context,
            created_at: now,
            expires_at: handed.expires_at,
        };
        let consent = &self.parts.consent;
        match consent.ask_for(question, handed.digest, handed.message, owed).await? {
            TakenIn::New(_) => Ok(Waits {
                handle,
                expires_at: handed.expires_at,
                again: false,
            }),
            TakenIn::Again(prompt) => Ok(Waits {
                handle,
                expires_at: prompt.expires_at,
                again: true,
            }),
            TakenIn::Other => {
                tracing::warn!(connector = provider.name, prompt.handle = %handle, "{} handed over another request under the name of prompt {handle}", provider.name);
                Err(IntakeError::Conflict)
            }
        }
    }
}

/// The client as the operator names it, or by its id.
pub(super) fn client_shown(provider: &ConnectorConfig, client_id: &str) -> ClientShown {
    let name = provider.clients.get(client_id).map_or(client_id, String::as_str);
    ClientShown {
        id: client_id.into(),
        name: name.to_owned(),
        uri: None,
    }
}

/// The scope, each value once, in the operator's words, where there are some. `openid` means nothing to people.
pub(super) fn scopes_shown(provider: &ConnectorConfig, scope: &str) -> Vec<ScopeShown> {
    let mut shown: Vec<ScopeShown> = Vec::new();
    for value in scope.split(' ').filter(|value| !value.is_empty() && *value != "openid") {
        // Keycloak says some of them twice.
        if shown.iter().all(|known| known.name != value) {
            let text = provider.scopes.get(value).map_or(value, String::as_str);
            shown.push(ScopeShown {
                name: value.to_owned(),
                text: text.to_owned(),
            });
        }
    }
    shown
}
