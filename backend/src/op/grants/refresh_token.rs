//! Refresh tokens (RFC 6749 section 6): each use replaces the token, and a second use ends them all (RFC 9700 section 4.14.2).

use countersign_protocol::{OAuthErrorCode, TokenResponse};

use crate::{
    domain::Client,
    op::{
        ClientRequest, OpError, Provider, Refusal, details, fresh, resource, scope,
        tokens::{AccessFor, Authentication},
    },
    storage::{RefreshUse, Rotation},
};

impl Provider {
    pub(in crate::op) async fn refresh(
        &self,
        client: &Client,
        request: ClientRequest<'_>,
    ) -> Result<TokenResponse, OpError> {
        let params = request.params;
        let token = fresh::hash(params.required("refresh_token", 128)?);
        let asked = params.bounded("scope", 1024)?;
        let now = self.parts.clock.now();
        let confirmation = self.confirmation(&request, client, now).await?;
        // Looked at before the token is used up: a request for more than was granted must change nothing, and a signed access token says what it is for.
        let facts = self.parts.storage.find_token(token, now).await?;
        let own = facts.filter(|facts| facts.family.client_id == client.id && facts.is_refresh);
        let about = match &own {
            Some(facts) => {
                check_scope(asked.unwrap_or_default(), &facts.family.scope)?;
                self.check_still_allowed(client, &facts.family.scope)?;
                details::check_narrowing(&facts.family.extras, params)?;
                let resources = resource::narrowed(&facts.family.extras, params)?;
                Some(AccessFor::family(&facts.family, resources))
            }
            None => None,
        };
        let access = self
            .fresh_access(client, about.as_ref(), confirmation.clone(), now)
            .await?;
        let next = self.fresh_refresh(client, confirmation.as_ref(), now);
        let key = self.id_token_key(client).await?;
        let rotation = Rotation {
            token,
            client_id: client.id.clone(),
            confirmation,
            access: access.kept.clone(),
            next: next.kept.clone(),
            now,
        };
        let family = match self.parts.storage.rotate_refresh(rotation).await? {
            RefreshUse::Granted(family) => family,
            RefreshUse::Refused => return Err(not_good().into()),
            RefreshUse::Reused => {
                tracing::warn!(client.id = %client.id, "a refresh token was presented again: its family is revoked");
                return Err(not_good().into());
            }
        };
        let authentication = Authentication {
            sub: &family.sub,
            auth_time: family.auth_time,
            amr: &family.amr,
            acr: &family.acr,
            nonce: None,
        };
        let id_token = self.id_token(&key, client, &authentication, &access.token)?;
        let mut response = self.token_response(access, Some(next), Some(id_token));
        // A narrower scope is not a reason for a narrower token here; the answer says what was granted (RFC 6749 section 3.3).
        response.authorization_details = details::of_grant(&family.extras);
        response.scope = asked.filter(|asked| *asked != family.scope).map(|_| family.scope);
        Ok(response)
    }
}

fn check_scope(asked: &str, granted: &str) -> Result<(), Refusal> {
    let mut asked = asked.split(' ').filter(|value| !value.is_empty());
    if asked.all(|value| scope::has(granted, value)) {
        return Ok(());
    }
    let invalid = OAuthErrorCode::InvalidScope;
    Err(Refusal::new(invalid, "scope has a value that was not granted"))
}

fn not_good() -> Refusal {
    Refusal::invalid_grant("the refresh token is not good")
}
