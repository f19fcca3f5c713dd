//! Keycloak: its `ciba-http-auth-channel` hands over, its callback takes the end.
//!
//! Keycloak stores a request only after it was acknowledged, so for a moment it does not know what it asked; and a second callback for a request
//! that is decided deletes it, so none is ever made after one that may have been heard.

mod bearer;
mod body;

use std::time::Duration;

use async_trait::async_trait;
use countersign_protocol::{PromptState, Secret, SettledReason};
use url::Url;

use super::{
    Connectors, HandedOver, IntakeError, OpConnector, Rules, Told, Waits,
    complete::state_of,
    hand_over::{client_shown, scopes_shown},
};
use crate::{
    domain::{AccountKey, Matching, check_message},
    outbound::{Outbound, ProviderCall, ProviderCallError},
    storage::SettledQuestion,
};

const RULES: Rules = Rules {
    acknowledge: 201,
    rest: 100,
    grace: 10_000,
    repeats: false,
    tells_expiry: false,
    // In ping mode Keycloak calls the client before it answers.
    limit: Duration::from_secs(15),
};

/// Longest body that counts, bytes; and longest bearer.
const MAX_BEARER_BYTES: usize = 16 * 1024;

/// One realm.
pub(super) struct Keycloak {
    issuer: String,
    outbound: Outbound,
}

impl Keycloak {
    pub(super) fn new(issuer: String, outbound: Outbound) -> Self {
        Self { issuer, outbound }
    }
}

impl Connectors {
    /// Status with which Keycloak wants a question acknowledged.
    #[must_use]
    pub fn keycloak_acknowledges(&self) -> u16 {
        RULES.acknowledge
    }

    /// Takes in what a Keycloak server hands over, whichever realm it is of: the issuer of the bearer says which.
    ///
    /// # Errors
    /// When the bearer is not of a realm that is configured, the body is not what Keycloak sends, or the store does not answer.
    pub async fn take_from_keycloak(&self, bearer: Option<&str>, json: &[u8]) -> Result<Waits, IntakeError> {
        let bearer = bearer.ok_or(IntakeError::Unauthorized("there is no bearer token"))?;
        if bearer.len() > MAX_BEARER_BYTES {
            return Err(IntakeError::Unauthorized("the bearer token is too long"));
        }
        let issuers = &self.parts.issuers;
        let now = self.parts.clock.now();
        let (realm, claims) = bearer::verify(bearer, &self.parts.config.keycloak, issuers, now).await?;
        let asked = body::read(json)?;
        let message = asked.binding_message;
        if let Some(message) = &message {
            check_message(message, self.parts.message_length).map_err(|problem| IntakeError::Invalid {
                field: "binding_message",
                problem: problem.to_string(),
            })?;
        }
        let handed = HandedOver {
            expires_at: claims.deadline(),
            external_ref: claims.jti,
            account: AccountKey {
                iss: realm.issuer.clone(),
                sub: claims.sub,
            },
            client: client_shown(realm, &claims.azp),
            scopes: scopes_shown(realm, asked.scope.as_deref().unwrap_or_default()),
            details: None,
            matching: Matching::Show { message },
            acr_values: asked.acr_values,
            context: None,
            callback: Secret::new(bearer),
            digest: body::digest_of(bearer, json),
            message: None,
        };
        self.hand_over(realm, &RULES, handed).await
    }
}

#[async_trait]
impl OpConnector for Keycloak {
    fn rules(&self) -> &'static Rules {
        &RULES
    }

    async fn complete(&self, ended: &SettledQuestion, callback: &str) -> Told {
        // The realm checks its own issuer against the address at which it is called.
        let url = format!("{}/protocol/openid-connect/ext/ciba/auth/callback", self.issuer);
        let Ok(url) = Url::parse(&url) else {
            return Told::Refused("the issuer is no URL".to_owned());
        };
        let authorization = format!("Bearer {callback}");
        let call = ProviderCall {
            url: &url,
            headers: &[("authorization", &authorization)],
            body: format!(r#"{{"status":"{}"}}"#, word(ended)),
            limit: RULES.limit,
        };
        match self.outbound.post_to_provider(call).await {
            Ok(answer) => heard(answer.status),
            Err(ProviderCallError::Unsent(error)) => Told::Unsent(error),
            Err(ProviderCallError::Unclear(error)) => Told::Unclear(error),
        }
    }
}

/// How Keycloak calls an end: what the person denied, and what ended without the person's word.
fn word(ended: &SettledQuestion) -> &'static str {
    let settlement = ended.prompt.settlement.as_ref();
    let reason = settlement.and_then(|settlement| settlement.view.reason);
    match (state_of(ended), reason) {
        (PromptState::Approved, _) => "SUCCEED",
        (PromptState::Denied, reason) if reason != Some(SettledReason::NumberMismatch) => "UNAUTHORIZED",
        _ => "CANCELLED",
    }
}

/// What an answer means. A gateway's 502 to 504 may stand for a call that was heard.
fn heard(status: u16) -> Told {
    match status {
        200..=299 => Told::Delivered,
        // Unknown: not stored yet, redeemed, expired or deleted.
        403 => Told::Unknown("Keycloak does not know the request: answered 403".to_owned()),
        // The grant is decided, and the client could not be called; or the client was switched off.
        400 => Told::Unclear("Keycloak took the result and reported a failure: answered 400".to_owned()),
        401 => Told::Refused("Keycloak did not accept its own token: answered 401".to_owned()),
        429 | 503 => Told::Unsent(format!("Keycloak is not ready: answered {status}")),
        500..=599 => Told::Unclear(format!("answered {status}")),
        _ => Told::Refused(format!("answered {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_been_heard_is_never_said_again() {
        for (status, expected) in [
            (200, "delivered"),
            (204, "delivered"),
            (403, "unknown"),
            (400, "unclear"),
            (401, "refused"),
            (404, "refused"),
            (503, "unsent"),
            (500, "unclear"),
            (502, "unclear"),
            (504, "unclear"),
            (302, "refused"),
        ] {
            let told = match heard(status) {
                Told::Delivered => "delivered",
                Told::Refused(_) => "refused",
                Told::Unknown(_) => "unknown",
                Told::Unsent(_) => "unsent",
                Told::Unclear(_) => "unclear",
            };
            assert_eq!(told, expected, "S-092, V-013: {status}");
        }
    }
}
