//! Every provider that has no connector of its own: it hands over in a signed call, and is told the end in one (`docs/connectors/generic.md`).
//!
//! Both ways are signed by Standard Webhooks under one secret. Either call may be made again when its answer was lost: the same request is taken in
//! once, and the provider takes the first result it hears.

mod body;
mod result;
mod signature;

use std::{fs, io, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use countersign_clock::{Clock, Millis};
use countersign_jose::digest;
use countersign_protocol::Secret;
use url::Url;

use self::{
    body::Limits,
    result::ResultBody,
    signature::{TOLERANCE_SECONDS, WebhookSecret},
};
use super::{
    Connectors, HandedOver, IntakeError, OpConnector, Rules, Told, Waits,
    hand_over::{client_shown, scopes_shown},
};
use crate::{
    config::ConnectorConfig,
    domain::AccountKey,
    outbound::{Outbound, ProviderCall, ProviderCallError},
    storage::{MessageId, SettledQuestion},
};

pub use body::RequestBody;
pub use signature::SignedCall;

const RULES: Rules = Rules {
    acknowledge: 201,
    rest: 0,
    grace: 5_000,
    repeats: true,
    tells_expiry: true,
    limit: Duration::from_secs(5),
};

/// Why a connector cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("[connectors] secret_file: {path} of {name:?} cannot be read")]
    Unreadable {
        /// Which connector.
        name: String,
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It holds something else.
    #[error("[connectors] secret_file: {path} of {name:?} does not hold whsec_ and base64 of 24 to 64 bytes")]
    Malformed {
        /// Which connector.
        name: String,
        /// Which file.
        path: PathBuf,
    },
}

/// One provider.
pub(super) struct Generic {
    config: ConnectorConfig,
    secret: WebhookSecret,
    callback: Url,
    outbound: Outbound,
    clock: Arc<dyn Clock>,
}

/// A call whose signature was right.
#[derive(Clone, Copy)]
pub struct Authentic<'a> {
    provider: &'a Generic,
    call: SignedCall<'a>,
}

impl Generic {
    /// None for a configuration without secret or callback, which is refused before.
    pub(super) fn open(
        config: &ConnectorConfig,
        outbound: Outbound,
        clock: Arc<dyn Clock>,
    ) -> Result<Option<Self>, SecretError> {
        let (Some(path), Some(callback)) = (&config.secret_file, &config.callback_url) else {
            return Ok(None);
        };
        let (name, path) = (config.name.clone(), path.clone());
        let text = match fs::read_to_string(&path) {
            Ok(text) => Secret::new(text),
            Err(source) => return Err(SecretError::Unreadable { name, path, source }),
        };
        let secret = WebhookSecret::parse(text.expose()).ok_or(SecretError::Malformed { name, path })?;
        Ok(Some(Self {
            config: config.clone(),
            secret,
            callback: callback.clone(),
            outbound,
            clock,
        }))
    }
}

impl Connectors {
    /// Status with which a request is acknowledged.
    #[must_use]
    pub fn generic_acknowledges(&self) -> u16 {
        RULES.acknowledge
    }

    /// Verifies a call to the connector `name`; none when there is no such connector.
    ///
    /// # Errors
    /// When the call is not signed by the provider, or not now.
    #[must_use]
    pub fn authentic<'a>(&'a self, name: &str, call: SignedCall<'a>) -> Option<Result<Authentic<'a>, IntakeError>> {
        let provider = self.generic.get(name)?;
        let verdict = provider.secret.verify(call, self.parts.clock.now());
        let authentic = verdict.map(|()| Authentic { provider, call });
        Some(authentic.map_err(|error| IntakeError::Unauthorized(error.words())))
    }

    /// Takes in a request: it is on disk when this returns. `body` is what the call's body says.
    ///
    /// # Errors
    /// When a member is not what it has to be, another request has the same name or came in the same message, or the store does not answer.
    pub async fn take_from_generic(&self, authentic: Authentic<'_>, body: RequestBody) -> Result<Waits, IntakeError> {
        let Authentic { provider, call } = authentic;
        let config = &provider.config;
        let now = self.parts.clock.now();
        let limits = Limits {
            message_length: self.parts.message_length,
            details_types: &self.parts.details_types,
            now,
        };
        let checked = body.check(call.body, &limits)?;
        let mut client = checked.client;
        if config.clients.contains_key(client.id.as_str()) {
            // The operator's name for it counts.
            client.name = client_shown(config, client.id.as_str()).name;
        }
        let handed = HandedOver {
            external_ref: checked.id,
            account: AccountKey {
                iss: config.issuer.clone(),
                sub: checked.sub,
            },
            client,
            scopes: scopes_shown(config, &checked.scope),
            details: checked.details,
            matching: checked.matching,
            acr_values: checked.acr_values,
            context: checked.context,
            expires_at: checked.expires_at,
            callback: Secret::new(""),
            digest: digest::sha256(call.body),
            message: Some(MessageId {
                id: call.id.to_owned(),
                // As long as the call could be made again.
                until: checked.expires_at.max(now + 2 * TOLERANCE_SECONDS * 1000),
            }),
        };
        self.hand_over(config, &RULES, handed).await
    }
}

#[async_trait]
impl OpConnector for Generic {
    fn rules(&self) -> &'static Rules {
        &RULES
    }

    async fn complete(&self, ended: &SettledQuestion, _: &str) -> Told {
        let Some(result) = ResultBody::of(ended) else {
            return Told::Refused("the result is not complete".to_owned());
        };
        let Ok(body) = serde_json::to_string(&result) else {
            return Told::Refused("the result cannot be written".to_owned());
        };
        let id = ended.prompt.handle.as_str();
        let timestamp: Millis = self.clock.now().div_euclid(1000);
        let signature = self.secret.sign(id, timestamp, &body);
        let call = ProviderCall {
            url: &self.callback,
            headers: &[
                ("webhook-id", id),
                ("webhook-timestamp", &timestamp.to_string()),
                ("webhook-signature", &signature),
            ],
            body,
            limit: RULES.limit,
        };
        match self.outbound.post_to_provider(call).await {
            Ok(answer) => heard(answer.status),
            Err(ProviderCallError::Unsent(error)) => Told::Unsent(error),
            Err(ProviderCallError::Unclear(error)) => Told::Unclear(error),
        }
    }
}

/// What an answer means. Telling it again does no harm, so whatever may pass is told again.
fn heard(status: u16) -> Told {
    match status {
        200..=299 => Told::Delivered,
        404 => Told::Unknown("the provider does not know the request: answered 404".to_owned()),
        409 => Told::Refused("the provider has another result: answered 409".to_owned()),
        410 => Told::Refused("the request is over at the provider: answered 410".to_owned()),
        425 | 429 | 500..=599 => Told::Unsent(format!("answered {status}")),
        _ => Told::Refused(format!("answered {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_told_again() {
        let kind = |status| match heard(status) {
            Told::Delivered => "delivered",
            Told::Refused(_) => "refused",
            Told::Unknown(_) => "unknown",
            Told::Unsent(_) | Told::Unclear(_) => "again",
        };
        for (statuses, expected) in [
            (&[200, 201, 204, 299][..], "delivered"),
            (&[425, 429, 500, 502, 503, 504], "again"),
            (&[404], "unknown"),
            (&[301, 302, 307, 400, 401, 403, 405, 409, 410, 413, 422], "refused"),
        ] {
            for status in statuses {
                assert_eq!(kind(*status), expected, "S-092: {status}");
            }
        }
    }
}
