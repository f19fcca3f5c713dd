//! The UserInfo endpoint (OpenID Connect Core section 5.3). The token comes in the `Authorization` header alone.

use countersign_protocol::{OAuthErrorCode, Subject};
use serde::Serialize;

use crate::op::{OpError, Provider, Refusal, fresh, scope};

/// Claims of a person (OpenID Connect Core section 5.1), as far as the scope goes.
#[derive(Debug, Clone, Serialize)]
pub struct UserInfo {
    sub: Subject,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<String>,
}

impl Provider {
    /// What the holder of an access token may know. `authorization` is the header as it came.
    ///
    /// # Errors
    /// `invalid_token` (RFC 6750 section 3.1), or that the store does not answer.
    pub async fn userinfo(&self, authorization: Option<&str>) -> Result<UserInfo, OpError> {
        let invalid = || Refusal::new(OAuthErrorCode::InvalidToken, "the access token is missing or not good");
        let token = authorization
            .and_then(|header| header.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"))
            .map(|(_, token)| token)
            .ok_or_else(invalid)?;
        let now = self.parts.clock.now();
        let facts = self.parts.storage.find_token(fresh::hash(token), now).await?;
        let family = facts
            .filter(|facts| !facts.is_refresh && scope::has(&facts.family.scope, "openid"))
            .map(|facts| facts.family)
            .ok_or_else(invalid)?;
        let account = self.parts.storage.find_account(&family.sub).await?;
        let account = account.filter(|account| !account.disabled).ok_or_else(invalid)?;
        let client = self.find_client(family.client_id.as_str()).await?.ok_or_else(invalid)?;
        let may = |value| scope::has(&family.scope, value);
        let attribute = |scope, name: &str| account.attributes.get(name).filter(|_| may(scope)).cloned();
        Ok(UserInfo {
            email: attribute("email", "email"),
            phone_number: attribute("phone", "phone"),
            name: may("profile").then_some(account.name),
            preferred_username: may("profile").then_some(account.username),
            sub: self.subject_for(&client, &account.sub),
        })
    }
}
