//! The UserInfo endpoint (OpenID Connect Core section 5.3). The token comes in the `Authorization` header alone.

use countersign_protocol::{ClientId, Subject};
use serde::Serialize;

use super::presented::{self, ResourceRequest};
use crate::op::{OpError, Provider, scope};

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

/// The answer, in the form that the client registered for.
#[derive(Debug, Clone)]
pub enum UserInfoAnswer {
    /// JSON.
    Plain(UserInfo),
    /// A signed JWT (OpenID Connect Core section 5.3.2).
    Signed(String),
}

#[derive(Serialize)]
struct Signed<'a> {
    iss: &'a str,
    aud: &'a ClientId,
    #[serde(flatten)]
    claims: &'a UserInfo,
}

impl Provider {
    /// What the holder of an access token may know.
    ///
    /// # Errors
    /// `invalid_token` (RFC 6750 section 3.1), those of RFC 9449 section 7, or that the store does not answer.
    pub async fn userinfo(&self, request: ResourceRequest<'_>) -> Result<UserInfoAnswer, OpError> {
        let invalid = presented::not_good;
        let now = self.parts.clock.now();
        let family = self.presented_token(&request, now).await?.family;
        if !scope::has(&family.scope, "openid") {
            return Err(invalid().into());
        }
        let account = self.parts.storage.find_account(&family.sub).await?;
        let account = account.filter(|account| !account.disabled).ok_or_else(invalid)?;
        let client = self.find_client(family.client_id.as_str()).await?.ok_or_else(invalid)?;
        let may = |value| scope::has(&family.scope, value) && self.may_have(&client, value);
        let attribute = |scope, name: &str| account.attributes.get(name).filter(|_| may(scope)).cloned();
        let claims = UserInfo {
            email: attribute("email", "email"),
            phone_number: attribute("phone", "phone"),
            name: may("profile").then_some(account.name),
            preferred_username: may("profile").then_some(account.username),
            sub: self.subject_for(&client, &account.sub),
        };
        let Some(alg) = &client.tokens.userinfo_alg else {
            return Ok(UserInfoAnswer::Plain(claims));
        };
        let signed = Signed {
            iss: self.issuer(),
            aud: &client.id,
            claims: &claims,
        };
        let key = self.signer(alg).await?;
        Ok(UserInfoAnswer::Signed(key.sign("JWT", &signed)?))
    }
}
