use async_trait::async_trait;
use countersign_protocol::{Policy, UserVerificationPolicy};

use super::Consent;
use crate::{
    domain::{ConnectorId, Prompt},
    meters::{Outcome, meters},
    op::{AuthenticationDeviceTrigger, Triggered},
    steps::STEPS,
    storage::{Opening, StorageError},
    wakes::Topic,
};

#[async_trait]
impl AuthenticationDeviceTrigger for Consent {
    #[tracing::instrument(target = STEPS, level = "trace", name = "open", skip_all, fields(client.id = %triggered.client.id))]
    async fn trigger_authentication_device(&self, triggered: Triggered) -> Result<(), StorageError> {
        let config = &self.parts.config;
        let handle = triggered.handle;
        let account = triggered.account.clone();
        let prompt = Prompt {
            handle: handle.clone(),
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
                    config.user_verification
                },
                uv_max_age: config.user_verification_seconds.into(),
            },
            created_at: triggered.request.created_at,
            expires_at: triggered.request.expires_at,
            seq: 0,
            settlement: None,
        };
        let client = prompt.client.id.clone();
        let opening = Opening {
            prompt,
            auth_request: Some(triggered.request),
            supersede: config.supersede,
        };
        let opened = self.parts.storage.open(opening).await?;
        let gone = opened.superseded.len();
        meters().count(Outcome::Opened);
        meters().count_many(Outcome::Superseded, gone);
        tracing::info!(prompt.handle = %handle, client.id = %client, superseded = gone, "prompt {handle} of client {client} waits");
        fail_point!(Wake);
        self.parts.wakes.notify(&Topic::Person(account.clone()));
        for handle in &opened.superseded {
            self.tell_settled(&account, handle);
        }
        fail_point!(Woken);
        Ok(())
    }

    async fn settle_deadlines(&self) -> Result<(), StorageError> {
        let at_once = self.parts.config.expire_rows;
        while self.expire(at_once).await? >= at_once as usize {}
        Ok(())
    }
}
