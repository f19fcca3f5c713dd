//! From code to tokens (RFC 6749 section 4.1.3, RFC 7636 section 4.6, OpenID Connect Core section 3.1.3).

use countersign_jose::digest;
use countersign_protocol::TokenResponse;

use crate::{
    domain::{AuthorizationCode, Client},
    op::{OpError, Params, Provider, Refusal, details, fresh, scope, tokens::Authentication},
    storage::{CodeRedemption, CodeUse},
};

/// Ends a code that comes with a refresh token: tokens are recorded in the same commit that uses the code up, before its scope is read.
const WITH_REFRESH: &str = ".r";

/// A code for `scope`.
pub(in crate::op) fn fresh_code(provider: &Provider, client: &Client, granted: &str) -> String {
    let code = fresh::secret(&*provider.parts.random);
    if scope::wants_refresh(client, granted) {
        code + WITH_REFRESH
    } else {
        code
    }
}

impl Provider {
    pub(in crate::op) async fn redeem_code(&self, client: &Client, params: &Params) -> Result<TokenResponse, OpError> {
        let code = params.required("code", 128)?;
        let redirect_uri = params.required("redirect_uri", 2048)?;
        let verifier = params.required("code_verifier", 128)?;
        if !is_verifier(verifier) {
            return Err(Refusal::invalid_request("code_verifier is not 43 to 128 unreserved characters").into());
        }
        let now = self.parts.clock.now();
        let access = self.fresh_access(now);
        let refresh = code.ends_with(WITH_REFRESH).then(|| self.fresh_refresh(now));
        let key = self.id_token_key(client)?;
        let redemption = CodeRedemption {
            code: fresh::hash(code),
            client_id: client.id.clone(),
            redirect_uri: redirect_uri.to_owned(),
            code_challenge: digest::sha256_b64(verifier),
            access: access.kept.clone(),
            refresh: refresh.as_ref().map(|refresh| refresh.kept.clone()),
            now,
        };
        match self.parts.storage.redeem_code(redemption).await? {
            CodeUse::Granted(code) => {
                let AuthorizationCode { family, nonce, .. } = *code;
                // What was granted is known only now that the code is used up: whoever asks for something else starts again.
                details::check_narrowing(&family.extras, params)?;
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
    Refusal::invalid_grant("the code is not good, or redirect_uri or code_verifier do not belong to it")
}

/// RFC 7636 section 4.1.
fn is_verifier(verifier: &str) -> bool {
    (43..=128).contains(&verifier.len())
        && verifier
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}
