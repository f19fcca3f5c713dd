//! The token endpoint (RFC 6749 section 3.2): from `grant_type` to grant.

use countersign_clock::Millis;
use countersign_protocol::{CIBA_GRANT, DeliveryMode, OAuthErrorCode, Secret, TokenResponse};

use super::{access_token::FreshAccess, confirmation};
use crate::{
    domain::{Client, ClientAuthMethod, Confirmation, GrantType, RefreshToken},
    op::{ClientRequest, OpError, Provider, Refusal, clients::PublicClients, fresh},
};

/// A refresh token that was just made, and what the store keeps of it.
pub(in crate::op) struct FreshRefresh {
    pub(in crate::op) token: String,
    pub(in crate::op) kept: RefreshToken,
}

impl Provider {
    /// Answers a token request.
    ///
    /// # Errors
    /// The codes of RFC 6749 section 5.2 and CIBA Core section 11, or that the store or the keys do not answer.
    pub async fn token(&self, request: ClientRequest<'_>) -> Result<TokenResponse, OpError> {
        let client = self.authenticate(request, PublicClients::Allowed).await?.client;
        let grant = request.params.required("grant_type", 128)?;
        let offered = self.parts.config.offers(grant);
        match grant {
            CIBA_GRANT if offered => {
                may(&client, GrantType::Ciba)?;
                self.redeem_auth_request(&client, request).await
            }
            "authorization_code" if offered => {
                may(&client, GrantType::AuthorizationCode)?;
                self.redeem_code(&client, request).await
            }
            "refresh_token" if offered => {
                may(&client, GrantType::RefreshToken)?;
                self.refresh(&client, request).await
            }
            _ => {
                let unsupported = OAuthErrorCode::UnsupportedGrantType;
                Err(Refusal::new(unsupported, "grant_type is not one of this provider").into())
            }
        }
    }

    /// A refresh token for `client`, beside an access token that is bound to `confirmation`.
    pub(in crate::op) fn fresh_refresh(
        &self,
        client: &Client,
        confirmation: Option<&Confirmation>,
        now: Millis,
    ) -> FreshRefresh {
        let token = fresh::secret(&*self.parts.random);
        let kept = RefreshToken {
            hash: fresh::hash(&token),
            expires_at: now + Millis::from(self.parts.config.refresh_token_seconds) * 1000,
            confirmation: confirmation::of_refresh(client, confirmation),
        };
        FreshRefresh { token, kept }
    }

    pub(in crate::op) fn token_response(
        &self,
        access: FreshAccess,
        refresh: Option<FreshRefresh>,
        id_token: Option<Secret>,
    ) -> TokenResponse {
        TokenResponse {
            access_token: Secret::new(access.token),
            token_type: confirmation::token_type(access.kept.confirmation.as_ref()).to_owned(),
            expires_in: u64::from(self.parts.config.access_token_seconds),
            id_token,
            refresh_token: refresh.map(|refresh| Secret::new(refresh.token)),
            scope: None,
            authorization_details: None,
        }
    }
}

fn may(client: &Client, grant: GrantType) -> Result<(), Refusal> {
    let unauthorized = |description| Err(Refusal::new(OAuthErrorCode::UnauthorizedClient, description));
    let public = client.auth_method == ClientAuthMethod::None;
    if grant == GrantType::Ciba && client.delivery_mode == Some(DeliveryMode::Push) {
        return unauthorized("the client is called with its tokens, and does not fetch them (CIBA Core section 11)");
    }
    if client.grant_types.contains(&grant) && !(public && grant == GrantType::Ciba) {
        return Ok(());
    }
    unauthorized("the client is not registered for this grant")
}
