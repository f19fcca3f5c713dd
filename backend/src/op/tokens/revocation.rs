//! Token revocation (RFC 7009).

use super::introspection::MAX_TOKEN_LEN;
use crate::op::{ClientRequest, OpError, Provider, clients::PublicClients, fresh};

impl Provider {
    /// Revokes a token of the client, a refresh token with everything that came of it. Unknown tokens and those of others are left alone,
    /// and the answer does not tell (RFC 7009 section 2.2).
    ///
    /// # Errors
    /// The codes of RFC 6749 section 5.2, or that the store does not answer.
    pub async fn revoke(&self, request: ClientRequest<'_>) -> Result<(), OpError> {
        // A public client names itself; what it proves is that it has the token (RFC 7009 section 2.1).
        let client = self.authenticate(request, PublicClients::Allowed).await?.client;
        let token = fresh::hash(request.params.required("token", MAX_TOKEN_LEN)?);
        let now = self.parts.clock.now();
        Ok(self.parts.storage.revoke_token(token, &client.id, now).await?)
    }
}
