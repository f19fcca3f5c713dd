//! The tokens of an approved request, whichever way they take to the client.

use countersign_clock::Millis;
use countersign_protocol::{AuthReqId, TokenResponse};

use crate::{
    domain::{Approval, AuthRequest, Client, Confirmation},
    op::{
        OpError, Provider, details, fresh,
        scope::wants_refresh,
        tokens::{AccessFor, Authentication, Pushed},
    },
    storage::Redemption,
};

/// Tokens that were made and stand for nothing yet.
pub(in crate::op) struct Minted {
    /// What the client is told.
    pub(in crate::op) response: TokenResponse,
    /// What the store has to record first.
    pub(in crate::op) redemption: Redemption,
}

/// What is wanted of an access token beside what was approved.
#[derive(Default)]
pub(in crate::op) struct Wanted {
    /// Who may present it.
    pub(in crate::op) confirmation: Option<Confirmation>,
    /// Those of the resources that it is to be for; none: all of them.
    pub(in crate::op) resources: Vec<String>,
}

impl Provider {
    /// Makes the tokens that `client` gets for `request`. `pushed` is the request's name where the client is called with them.
    ///
    /// # Errors
    /// When there is no key to sign with.
    pub(in crate::op) async fn mint(
        &self,
        client: &Client,
        request: &AuthRequest,
        approval: &Approval,
        wanted: Wanted,
        pushed: Option<&AuthReqId>,
        now: Millis,
    ) -> Result<Minted, OpError> {
        let Wanted {
            confirmation,
            resources,
        } = wanted;
        let refresh =
            wants_refresh(client, &request.scope).then(|| self.fresh_refresh(client, confirmation.as_ref(), now));
        let about = AccessFor {
            authentication: Authentication {
                sub: &request.sub,
                auth_time: approval.auth_time,
                amr: &approval.amr,
                acr: &approval.acr,
                nonce: None,
            },
            scope: &request.scope,
            extras: &request.extras,
            resources,
        };
        let access = self.fresh_access(client, Some(&about), confirmation, now).await?;
        let pushed = pushed.map(|auth_req_id| Pushed {
            auth_req_id,
            refresh_token: refresh.as_ref().map(|refresh| refresh.token.as_str()),
        });
        let key = self.id_token_key(client).await?;
        let id_token = self.id_token_pushed(&key, client, &about.authentication, &access.token, pushed.as_ref())?;
        let redemption = Redemption {
            id: request.id,
            client_id: client.id.clone(),
            family_id: fresh::secret(&*self.parts.random),
            access: access.kept.clone(),
            refresh: refresh.as_ref().map(|refresh| refresh.kept.clone()),
            now,
        };
        let mut response = self.token_response(access, refresh, Some(id_token));
        response.authorization_details = details::of_grant(&request.extras);
        Ok(Minted { response, redemption })
    }
}
