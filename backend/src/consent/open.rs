use countersign_clock::Millis;
use countersign_protocol::{ClientId, ClientShown, DetailsShown, Handle, Policy, ScopeShown, UserVerificationPolicy};
use serde_json::Value;

use super::Consent;
use crate::{
    domain::{AccountKey, ConnectorId, Matching, NewAuthRequest, NewDebt, Prompt},
    meters::{Outcome, meters},
    storage::{Intake, MessageId, Opened, Opening, StorageError, TakenIn},
    wakes::Topic,
};

/// What a provider asks of a person.
#[derive(Debug, Clone)]
pub struct Question {
    /// Names the prompt.
    pub handle: Handle,
    /// Which provider asks.
    pub connector: ConnectorId,
    /// The provider's own name for it; none for the embedded one.
    pub external_ref: Option<String>,
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
    /// Whether an approval has to be verified on the device, wherever else it need not be.
    pub needs_user_verification: bool,
    /// What the client reported of the place where the request began.
    pub context: Option<Value>,
    /// When it was received.
    pub created_at: Millis,
    /// To be decided before.
    pub expires_at: Millis,
}

/// What is said of a prompt once it is stored.
struct Waiting {
    handle: Handle,
    client: ClientId,
    connector: ConnectorId,
    account: AccountKey,
}

impl Waiting {
    fn of(prompt: &Prompt) -> Self {
        Self {
            handle: prompt.handle.clone(),
            client: prompt.client.id.clone(),
            connector: prompt.connector.clone(),
            account: prompt.account.clone(),
        }
    }
}

impl Consent {
    /// Asks on behalf of the embedded provider: its request and the prompt are on disk in one commit when this returns, and with them what is owed so
    /// that another provider is asked `elsewhere`.
    ///
    /// # Errors
    /// When the store does not answer; then nothing was stored.
    pub async fn ask(
        &self,
        question: Question,
        request: NewAuthRequest,
        elsewhere: Option<NewDebt>,
    ) -> Result<(), StorageError> {
        let prompt = self.prompt(question);
        let waiting = Waiting::of(&prompt);
        let asks = elsewhere.is_some();
        let opening = Opening {
            prompt,
            auth_request: Some(request),
            ask: elsewhere,
            supersede: self.parts.config.supersede,
        };
        let opened = self.parts.storage.open(opening).await?;
        self.tell_opened(&waiting, &opened);
        if asks {
            self.parts.owed.notify_one();
        }
        Ok(())
    }

    /// Asks on behalf of a provider outside, once: prompt and what will be owed to the provider are on disk when this returns. `digest` is of all
    /// that was handed over, in `message` if it has a name.
    ///
    /// # Errors
    /// When the store does not answer; then nothing was stored.
    pub async fn ask_for(
        &self,
        question: Question,
        digest: [u8; 32],
        message: Option<MessageId>,
        owed: NewDebt,
    ) -> Result<TakenIn, StorageError> {
        let prompt = self.prompt(question);
        let waiting = Waiting::of(&prompt);
        let intake = Intake {
            prompt,
            digest,
            message,
            owed,
            supersede: self.parts.config.supersede,
        };
        let taken = self.parts.storage.take_in(intake).await?;
        if let TakenIn::New(opened) = &taken {
            self.tell_opened(&waiting, opened);
        }
        Ok(taken)
    }

    /// Settles whatever is over by now and tells people's devices. When it returns, no decision that is still on its way can come first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn settle_deadlines(&self) -> Result<(), StorageError> {
        let at_once = self.parts.config.expire_rows;
        while self.expire(at_once).await? >= at_once as usize {}
        Ok(())
    }

    /// Tells the person's devices that what their provider knows of a request has changed.
    pub fn tell_delivery(&self, account: AccountKey) {
        self.parts.wakes.notify(&Topic::Person(account));
    }

    fn prompt(&self, question: Question) -> Prompt {
        let config = &self.parts.config;
        Prompt {
            handle: question.handle,
            connector: question.connector,
            external_ref: question.external_ref,
            account: question.account,
            client: question.client,
            scopes: question.scopes,
            details: question.details,
            matching: question.matching,
            acr_values: question.acr_values,
            context: question.context,
            policy: Policy {
                uv: if question.needs_user_verification {
                    UserVerificationPolicy::Required
                } else {
                    config.user_verification
                },
                uv_max_age: config.user_verification_seconds.into(),
            },
            created_at: question.created_at,
            expires_at: question.expires_at,
            seq: 0,
            settlement: None,
        }
    }

    fn tell_opened(&self, waiting: &Waiting, opened: &Opened) {
        let Waiting {
            handle,
            client,
            connector,
            account,
        } = waiting;
        let gone = opened.superseded.len();
        meters().count(Outcome::Opened);
        meters().count_many(Outcome::Superseded, gone);
        tracing::info!(prompt.handle = %handle, client.id = %client, connector = connector.0, superseded = gone, "prompt {handle} of client {client} waits");
        fail_point!(Wake);
        self.parts.wakes.notify(&Topic::Person(account.clone()));
        for handle in &opened.superseded {
            self.tell_settled(account, handle);
        }
        fail_point!(Woken);
    }
}
