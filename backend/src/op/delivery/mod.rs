//! Calling clients (CIBA Core section 9): what is owed is sealed when the request is taken, and sent when it is settled, however it was settled.

mod answer;
mod ping;
mod push;

use std::sync::Arc;

use countersign_clock::Millis;
use countersign_jose::JoseError;
use countersign_protocol::{AuthReqId, DeliveryMode, Handle, Secret};
use serde::{Deserialize, Serialize};
use url::Url;

use self::{answer::heard, ping::Ping, push::Pushed};
use super::{OpError, Provider};
use crate::{
    domain::{ClaimedDebt, Client, DebtId, DebtKind, NewDebt},
    outbound::Outbound,
};

pub use answer::Told;
pub(super) use push::are_bound;

/// What a call needs. Whoever has it can pass for the provider at this client's endpoint, so it is sealed wherever it is kept.
#[derive(Clone, Serialize, Deserialize)]
struct Notification {
    endpoint: Url,
    auth_req_id: AuthReqId,
    client_notification_token: Secret,
    /// The result, where it is part of the call and known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pushed: Option<Pushed>,
}

/// Calls clients.
pub struct Delivery {
    provider: Arc<Provider>,
    outbound: Outbound,
}

impl Delivery {
    /// Calls clients of `provider` through `outbound`.
    #[must_use]
    pub fn new(provider: Arc<Provider>, outbound: Outbound) -> Self {
        Self { provider, outbound }
    }

    /// Calls the client once.
    pub async fn deliver(&self, debt: &ClaimedDebt) -> Told {
        let told = match self.provider.opened(debt) {
            None => Told::refused("what is owed cannot be opened: is the key-encryption key the one that sealed it?"),
            Some(notification) => match debt.id.kind {
                DebtKind::Ping => self.ping(&notification).await,
                DebtKind::Push => self.push(debt, notification).await,
                DebtKind::Complete | DebtKind::Ask => Told::refused("it is not a client that is to be told"),
            },
        };
        fail_point!(Called);
        told
    }

    async fn ping(&self, notification: &Notification) -> Told {
        let auth_req_id = &notification.auth_req_id;
        self.call(notification, &Ping { auth_req_id }).await
    }

    async fn call(&self, notification: &Notification, body: &(impl Serialize + Sync)) -> Told {
        let Ok(body) = serde_json::to_string(body) else {
            return Told::refused("the call cannot be written");
        };
        let bearer = notification.client_notification_token.expose();
        heard(self.outbound.post_json(&notification.endpoint, bearer, body).await)
    }
}

/// Binds a sealed payload to its row.
fn context(id: &DebtId) -> String {
    format!("outbox.{}:{}", id.kind.word(), id.reference)
}

impl Provider {
    /// What becomes due when this request is settled; nothing for a client that polls.
    pub(super) fn owed_to(
        &self,
        client: &Client,
        handle: &Handle,
        auth_req_id: &AuthReqId,
        token: Option<Secret>,
        deadline: Millis,
    ) -> Result<Option<NewDebt>, OpError> {
        let kind = match client.delivery_mode {
            Some(DeliveryMode::Ping) => DebtKind::Ping,
            Some(DeliveryMode::Push) => DebtKind::Push,
            Some(DeliveryMode::Poll) | None => return Ok(None),
        };
        let (Some(endpoint), Some(client_notification_token)) = (client.notification_endpoint.clone(), token) else {
            return Ok(None);
        };
        let id = DebtId {
            reference: handle.as_str().to_owned(),
            kind,
        };
        let notification = Notification {
            endpoint,
            auth_req_id: auth_req_id.clone(),
            client_notification_token,
            pushed: None,
        };
        let payload = self.sealed(&id, &notification)?;
        let creditor = client.id.as_str().to_owned();
        Ok(Some(NewDebt {
            id,
            creditor,
            payload,
            not_before: Millis::MIN,
            deadline,
        }))
    }

    fn sealed(&self, id: &DebtId, notification: &Notification) -> Result<Vec<u8>, JoseError> {
        let plain = serde_json::to_vec(notification).map_err(|_| JoseError::Seal)?;
        self.parts.keys.sealing().seal(&context(id), &plain)
    }

    fn opened(&self, debt: &ClaimedDebt) -> Option<Notification> {
        let plain = self.parts.keys.sealing().open(&context(&debt.id), &debt.payload).ok()?;
        serde_json::from_slice(&plain).ok()
    }
}
