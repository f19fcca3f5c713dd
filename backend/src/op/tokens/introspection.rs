//! Token introspection (RFC 7662). A client learns about its own tokens; all others are inactive.

use countersign_jose::Audience;
use countersign_protocol::{ClientId, ExactJson, Subject};
use serde::Serialize;

use super::confirmation;
use crate::{
    domain::{Acr, Amr, Confirmation},
    op::{ClientRequest, OpError, Provider, clients::PublicClients, details, fresh},
};

/// Longest token that is looked at, bytes: a signed one has room for what it is about.
pub(super) const MAX_TOKEN_LEN: usize = 16 * 1024;

/// What a token stands for (RFC 7662 section 2.2).
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Introspection {
    /// A token of this client that is good now.
    Active(Box<ActiveToken>),
    /// Any other.
    Inactive {
        /// `false`
        active: bool,
    },
}

/// Members of an active token.
#[derive(Debug, Clone, Serialize)]
pub struct ActiveToken {
    active: bool,
    iss: String,
    sub: Subject,
    client_id: ClientId,
    scope: String,
    aud: Audience,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_details: Option<ExactJson>,
    exp: i64,
    iat: i64,
    auth_time: i64,
    acr: Acr,
    amr: Vec<Amr>,
}

impl Provider {
    /// Says what a token stands for.
    ///
    /// # Errors
    /// The codes of RFC 6749 section 5.2, or that the store does not answer.
    pub async fn introspect(&self, request: ClientRequest<'_>) -> Result<Introspection, OpError> {
        let client = self.authenticate(request, PublicClients::Refused).await?.client;
        let token = fresh::hash(request.params.required("token", MAX_TOKEN_LEN)?);
        let found = self.parts.storage.find_token(token, self.parts.clock.now()).await?;
        let Some(facts) = found.filter(|facts| facts.family.client_id == client.id) else {
            return Ok(Introspection::Inactive { active: false });
        };
        Ok(Introspection::Active(Box::new(ActiveToken {
            active: true,
            iss: self.issuer().to_owned(),
            sub: self.subject_for(&client, &facts.family.sub),
            client_id: facts.family.client_id,
            scope: facts.family.scope,
            aud: self.audience(&facts.family.extras, &facts.resources),
            token_type: (!facts.is_refresh).then(|| confirmation::token_type(facts.confirmation.as_ref())),
            authorization_details: details::of_grant(&facts.family.extras),
            cnf: facts.confirmation,
            exp: facts.expires_at.div_euclid(1000),
            iat: facts.issued_at.div_euclid(1000),
            auth_time: facts.family.auth_time,
            acr: facts.family.acr,
            amr: facts.family.amr,
        })))
    }
}
