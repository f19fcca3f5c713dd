//! The acknowledgement (CIBA Core section 7.3): the request and its prompt are on disk before the client knows of them.

use countersign_clock::Millis;
use countersign_jose::digest;
use countersign_protocol::{AuthReqId, BackchannelAuthenticationResponse, ClientShown, DeliveryMode};
use serde_json::json;

use super::{Checked, binding_message::Binding};
use crate::{
    domain::{Account, AccountKey, AuthRequestId, Client, Matching, NewAuthRequest, RequestExtras},
    op::{OpError, Provider, Triggered, fresh, handle_of},
};

impl Provider {
    pub(super) async fn acknowledge(
        &self,
        client: &Client,
        account: &Account,
        checked: Checked,
    ) -> Result<BackchannelAuthenticationResponse, OpError> {
        let config = &self.parts.config;
        let auth_req_id = AuthReqId::new(fresh::secret(&*self.parts.random));
        let (matching, binding_code) = match checked.binding {
            Binding::Show(message) => (Matching::Show { message }, None),
            Binding::Type(code) => (Matching::Type { code }, None),
            Binding::MakeCode => {
                let code = fresh::number(&*self.parts.random, config.binding_code_digits);
                (Matching::Type { code: code.clone() }, Some(code))
            }
        };
        let now = self.parts.clock.now();
        let expires_at = now + Millis::from(checked.expires_in) * 1000;
        let readable_until = expires_at + Millis::from(config.grace_seconds) * 1000;
        let handle = handle_of(&auth_req_id);
        let owed = self.owed_to(
            client,
            &handle,
            &auth_req_id,
            checked.notification_token,
            readable_until,
        )?;
        let extras = RequestExtras {
            authorization_details: checked
                .details
                .as_ref()
                .map(|details| details.details.text().to_owned()),
            resources: checked.resources,
        };
        let triggered = Triggered {
            handle,
            request: NewAuthRequest {
                id: AuthRequestId(digest::sha256(auth_req_id.expose())),
                client_id: client.id.clone(),
                sub: account.sub.clone(),
                scope: checked.scope.clone(),
                created_at: now,
                expires_at,
                readable_until,
                interval: config.interval,
                extras,
                owed,
            },
            account: AccountKey {
                iss: self.issuer().to_owned(),
                sub: account.sub.clone(),
            },
            client: ClientShown {
                id: client.id.clone(),
                name: client.name.clone(),
                uri: client.uri.clone(),
            },
            scopes: self.shown_scopes(&checked.scope),
            details: checked.details.clone(),
            matching,
            acr_values: checked.acr_values,
            needs_user_verification: checked.needs_user_verification,
            context: checked.context.map(|reported| json!({ "reported": reported })),
            now,
        };
        self.parts.trigger.trigger_authentication_device(triggered).await?;
        tracing::info!(client.id = %client.id, "an authentication request was taken");
        Ok(BackchannelAuthenticationResponse {
            auth_req_id,
            expires_in: u64::from(checked.expires_in),
            interval: (client.delivery_mode != Some(DeliveryMode::Push)).then_some(u64::from(config.interval)),
            binding_code,
        })
    }
}
