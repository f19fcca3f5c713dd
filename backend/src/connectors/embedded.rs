use std::sync::Arc;

use async_trait::async_trait;

use super::Upstreams;
use crate::{
    consent::{Consent, Question},
    domain::ConnectorId,
    op::{AuthenticationDeviceTrigger, Triggered},
    steps::STEPS,
    storage::StorageError,
};

/// Connector zero: its request and the prompt are stored and settled in the same commits, so nothing is owed.
pub struct Embedded {
    consent: Arc<Consent>,
    upstreams: Option<Arc<Upstreams>>,
}

impl Embedded {
    /// The embedded provider's way to `consent`.
    #[must_use]
    pub fn new(consent: Arc<Consent>) -> Self {
        Self {
            consent,
            upstreams: None,
        }
    }

    /// The same, which asks other providers as well.
    #[must_use]
    pub fn asking(mut self, upstreams: Arc<Upstreams>) -> Self {
        self.upstreams = Some(upstreams);
        self
    }
}

#[async_trait]
impl AuthenticationDeviceTrigger for Embedded {
    #[tracing::instrument(target = STEPS, level = "trace", name = "open", skip_all, fields(client.id = %triggered.client.id))]
    async fn trigger_authentication_device(&self, triggered: Triggered) -> Result<(), StorageError> {
        let elsewhere = match &self.upstreams {
            Some(upstreams) => upstreams.plan(&triggered).await?,
            None => None,
        };
        let question = Question {
            handle: triggered.handle,
            connector: ConnectorId::embedded(),
            external_ref: None,
            account: triggered.account,
            client: triggered.client,
            scopes: triggered.scopes,
            details: triggered.details,
            matching: triggered.matching,
            acr_values: triggered.acr_values,
            needs_user_verification: triggered.needs_user_verification,
            context: triggered.context,
            created_at: triggered.request.created_at,
            expires_at: triggered.request.expires_at,
        };
        self.consent.ask(question, triggered.request, elsewhere).await
    }

    async fn settle_deadlines(&self) -> Result<(), StorageError> {
        self.consent.settle_deadlines().await
    }
}
