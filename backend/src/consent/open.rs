use async_trait::async_trait;
use countersign_jose::digest;
use countersign_protocol::{AuthReqId, Handle, Policy};

use super::Consent;
use crate::{
    domain::{ConnectorId, Prompt},
    op::{AuthenticationDeviceTrigger, Triggered},
    storage::{Opening, StorageError},
    wakes::Topic,
};

/// The handle of the embedded provider's request: the device learns it, and nobody gets from it to the `auth_req_id`.
#[must_use]
pub fn handle_of(auth_req_id: &AuthReqId) -> Handle {
    Handle::new(digest::sha256_b64(format!(
        "countersign-prompt{}",
        auth_req_id.expose()
    )))
}

#[async_trait]
impl AuthenticationDeviceTrigger for Consent {
    async fn trigger_authentication_device(&self, triggered: Triggered<'_>) -> Result<(), StorageError> {
        let config = &self.parts.config;
        let handle = handle_of(triggered.auth_req_id);
        let account = triggered.account.clone();
        let prompt = Prompt {
            handle: handle.clone(),
            connector: ConnectorId::embedded(),
            external_ref: None,
            account: triggered.account,
            client: triggered.client,
            scopes: triggered.scopes,
            authorization_details: None,
            matching: triggered.matching,
            acr_values: triggered.acr_values,
            context: None,
            policy: Policy {
                uv: config.user_verification,
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
        tracing::info!(prompt.handle = %handle, client.id = %client, superseded = gone, "prompt {handle} of client {client} waits");
        self.parts.wakes.notify(&Topic::Person(account));
        for handle in opened.superseded {
            self.parts.wakes.notify(&Topic::Request(handle));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_the_digest_of_a_prefix_and_the_id() {
        let handle = handle_of(&AuthReqId::new("abc"));
        assert_eq!(handle.as_str(), digest::sha256_b64("countersign-promptabc"));
        assert_eq!(handle.as_str().len(), 43);
    }
}
