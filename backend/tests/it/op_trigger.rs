//! The provider's way to the person, as far as the provider's tests need it.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use countersign::{
    domain::{ConnectorId, Matching, Prompt},
    op::{AuthenticationDeviceTrigger, Triggered},
    storage::{Opening, Prompts as _, SqliteStorage, StorageError},
};
use countersign_clock::{Clock as _, ManualClock};
use countersign_protocol::{DetailsShown, Handle, Policy, UserVerificationPolicy};
use serde_json::Value;

/// Opens a prompt as the consent service does, and remembers how it was asked.
pub struct RecordingTrigger {
    pub storage: Arc<SqliteStorage>,
    pub clock: Arc<ManualClock>,
    pub seen: Mutex<Vec<Seen>>,
}

pub struct Seen {
    pub handle: Handle,
    pub code: Option<String>,
    pub message: Option<String>,
    pub scopes: Vec<String>,
    pub details: Option<DetailsShown>,
    pub expires_in: i64,
    pub acr_values: Option<String>,
    pub needs_user_verification: bool,
    pub context: Option<Value>,
    pub sub: String,
}

#[async_trait]
impl AuthenticationDeviceTrigger for RecordingTrigger {
    async fn trigger_authentication_device(&self, triggered: Triggered) -> Result<(), StorageError> {
        let handle = triggered.handle;
        let (code, message) = match &triggered.matching {
            Matching::Type { code } => (Some(code.clone()), None),
            Matching::Show { message } => (None, message.clone()),
        };
        self.seen.lock().unwrap().push(Seen {
            handle: handle.clone(),
            code,
            message,
            scopes: triggered.scopes.iter().map(|scope| scope.name.clone()).collect(),
            details: triggered.details.clone(),
            acr_values: triggered.acr_values.clone(),
            needs_user_verification: triggered.needs_user_verification,
            context: triggered.context.clone(),
            sub: triggered.account.sub.to_string(),
            expires_in: (triggered.request.expires_at - triggered.now) / 1000,
        });
        let prompt = Prompt {
            handle,
            connector: ConnectorId::embedded(),
            external_ref: None,
            account: triggered.account,
            client: triggered.client,
            scopes: triggered.scopes,
            details: triggered.details,
            matching: triggered.matching,
            acr_values: triggered.acr_values,
            context: triggered.context,
            policy: Policy {
                uv: if triggered.needs_user_verification {
                    UserVerificationPolicy::Required
                } else {
                    UserVerificationPolicy::Optional
                },
                uv_max_age: 120,
            },
            created_at: triggered.now,
            expires_at: triggered.request.expires_at,
            seq: 0,
            settlement: None,
        };
        let opening = Opening {
            prompt,
            auth_request: Some(triggered.request),
            ask: None,
            supersede: false,
        };
        self.storage.open(opening).await.map(|_| ())
    }

    async fn settle_deadlines(&self) -> Result<(), StorageError> {
        self.storage.expire_prompts(self.clock.now(), 100).await.map(|_| ())
    }
}
