//! Telling a client that its request has a result (CIBA Core sections 9 and 10.2): what is owed is sealed when the request is taken, and
//! sent when it is settled, however it was settled.
//!
//! The client is called even when it has already fetched the result by polling: CIBA Core promises the call, and who polls and waits for it
//! would wait in vain.

use std::sync::Arc;

use countersign_clock::Millis;
use countersign_protocol::{AuthReqId, Handle, Secret};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{OpError, Provider};
use crate::{
    domain::{ClaimedDebt, Client, DebtId, DebtKind, NewDebt},
    keys::KeyRing,
    outbound::{Outbound, OutboundError},
};

/// What a call needs. Whoever has it can pass for the provider at this client's endpoint, so it is sealed wherever it is kept.
#[derive(Serialize, Deserialize)]
struct Notification {
    endpoint: Url,
    auth_req_id: AuthReqId,
    client_notification_token: Secret,
}

/// The body of a ping.
#[derive(Serialize)]
struct Ping<'a> {
    auth_req_id: &'a AuthReqId,
}

/// How a call to a client ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It knows.
    Delivered,
    /// It could not be told now.
    Retry {
        /// Milliseconds that it asked to be left alone.
        after: Option<Millis>,
        /// What went wrong.
        error: String,
    },
    /// It was not called at all, because it is being called a lot.
    Busy,
    /// It will not be told: an answer that means no, or an endpoint that must not be called.
    Refused {
        /// What went wrong.
        error: String,
    },
}

/// Calls clients.
pub struct Delivery {
    keys: Arc<KeyRing>,
    outbound: Outbound,
}

impl Delivery {
    /// Opens what is owed with `keys` and calls through `outbound`.
    #[must_use]
    pub fn new(keys: Arc<KeyRing>, outbound: Outbound) -> Self {
        Self { keys, outbound }
    }

    /// Calls the client once.
    pub async fn ping(&self, debt: &ClaimedDebt) -> Told {
        let opened = self.keys.sealing().open(&context(&debt.id), &debt.payload).ok();
        let Some(notification) = opened.and_then(|plain| serde_json::from_slice::<Notification>(&plain).ok()) else {
            let error = "what is owed cannot be opened: is the key-encryption key the one that sealed it?".to_owned();
            return Told::Refused { error };
        };
        let auth_req_id = &notification.auth_req_id;
        let Ok(body) = serde_json::to_string(&Ping { auth_req_id }) else {
            let error = "the call cannot be written".to_owned();
            return Told::Refused { error };
        };
        let bearer = notification.client_notification_token.expose();
        match self.outbound.post_json(&notification.endpoint, bearer, body).await {
            Ok(answer) => heard(answer.status, answer.retry_after),
            Err(OutboundError::Busy) => Told::Busy,
            Err(error @ OutboundError::Forbidden(_)) => Told::Refused {
                error: error.to_string(),
            },
            Err(error @ (OutboundError::TimedOut | OutboundError::Unreachable(_))) => Told::Retry {
                after: None,
                error: error.to_string(),
            },
        }
    }
}

/// Every 2xx is a success; a redirect is not followed; only what is likely to pass is tried again (CIBA Core section 10.2 leaves it to us).
fn heard(status: u16, retry_after: Option<u32>) -> Told {
    let error = format!("answered {status}");
    match status {
        200..300 => Told::Delivered,
        429 | 500.. => Told::Retry {
            after: retry_after.map(|seconds| Millis::from(seconds) * 1000),
            error,
        },
        _ => Told::Refused { error },
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
        let (Some(endpoint), Some(client_notification_token)) = (client.notification_endpoint.clone(), token) else {
            return Ok(None);
        };
        let id = DebtId {
            reference: handle.as_str().to_owned(),
            kind: DebtKind::Ping,
        };
        let notification = Notification {
            endpoint,
            auth_req_id: auth_req_id.clone(),
            client_notification_token,
        };
        let plain = serde_json::to_vec(&notification).map_err(|_| countersign_jose::JoseError::Seal)?;
        let payload = self.parts.keys.sealing().seal(&context(&id), &plain)?;
        let creditor = client.id.as_str().to_owned();
        Ok(Some(NewDebt {
            id,
            creditor,
            payload,
            deadline,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(heard(status, None), Told::Delivered, "R-153: {status}");
        }
        for status in [429, 500, 502, 503, 504, 599] {
            assert!(
                matches!(heard(status, None), Told::Retry { after: None, .. }),
                "R-154: {status}"
            );
        }
        for status in [301, 302, 303, 304, 307, 308] {
            assert!(
                matches!(heard(status, None), Told::Refused { .. }),
                "R-152, R-154: {status}"
            );
        }
        for status in [400, 401, 403, 404, 408, 410, 422, 499] {
            assert!(matches!(heard(status, None), Told::Refused { .. }), "R-154: {status}");
        }
        let asked = Told::Retry {
            after: Some(7000),
            error: "answered 503".to_owned(),
        };
        assert_eq!(heard(503, Some(7)), asked);
    }
}
