//! From code to tokens (RFC 6749 section 4.1.3, RFC 7636 section 4.6, OpenID Connect Core section 3.1.3).

use countersign_jose::digest;
use countersign_protocol::TokenResponse;

use crate::{
    domain::{AuthorizationCode, Client},
    op::{
        ClientRequest, OpError, Provider, Refusal, details, fresh, resource, scope,
        tokens::{AccessFor, Authentication},
    },
    storage::{CodeRedemption, CodeUse},
};

impl Provider {
    pub(in crate::op) async fn redeem_code(
        &self,
        client: &Client,
        request: ClientRequest<'_>,
    ) -> Result<TokenResponse, OpError> {
        let params = request.params;
        let code = params.required("code", 128)?;
        let redirect_uri = params.required("redirect_uri", 2048)?;
        let verifier = params.required("code_verifier", 128)?;
        if !is_verifier(verifier) {
            return Err(Refusal::invalid_request("code_verifier is not 43 to 128 unreserved characters").into());
        }
        let now = self.parts.clock.now();
        let confirmation = self.confirmation(&request, client, now).await?;
        let hash = fresh::hash(code);
        // Looked at before it is used up: what was granted decides what is made.
        let known = self.parts.storage.find_code(hash, &client.id, now).await?;
        let about = match &known {
            Some(known) => {
                self.check_still_allowed(client, &known.family.scope)?;
                details::check_narrowing(&known.family.extras, params)?;
                let resources = resource::narrowed(&known.family.extras, params)?;
                Some(AccessFor::family(&known.family, resources))
            }
            None => None,
        };
        let refresh = known
            .as_ref()
            .filter(|known| scope::wants_refresh(client, &known.family.scope))
            .map(|_| self.fresh_refresh(client, confirmation.as_ref(), now));
        let access = self
            .fresh_access(client, about.as_ref(), confirmation.clone(), now)
            .await?;
        let key = self.id_token_key(client).await?;
        let redemption = CodeRedemption {
            code: hash,
            client_id: client.id.clone(),
            redirect_uri: redirect_uri.to_owned(),
            code_challenge: digest::sha256_b64(verifier),
            confirmation,
            access: access.kept.clone(),
            refresh: refresh.as_ref().map(|refresh| refresh.kept.clone()),
            now,
        };
        match self.parts.storage.redeem_code(redemption).await? {
            CodeUse::Granted(code) => {
                let AuthorizationCode { family, nonce, .. } = *code;
                let authentication = Authentication {
                    sub: &family.sub,
                    auth_time: family.auth_time,
                    amr: &family.amr,
                    acr: &family.acr,
                    nonce: nonce.as_deref(),
                };
                let id_token = self.id_token(&key, client, &authentication, &access.token)?;
                let mut response = self.token_response(access, refresh, Some(id_token));
                response.authorization_details = details::of_grant(&family.extras);
                Ok(response)
            }
            CodeUse::Refused => Err(not_good().into()),
            CodeUse::Reused => {
                tracing::warn!(client.id = %client.id, "a code was presented again: all that came of it is revoked");
                Err(not_good().into())
            }
        }
    }
}

fn not_good() -> Refusal {
    Refusal::invalid_grant("the code is not good, or redirect_uri, code_verifier or key do not belong to it")
}

/// RFC 7636 section 4.1.
fn is_verifier(verifier: &str) -> bool {
    (43..=128).contains(&verifier.len())
        && verifier
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}
