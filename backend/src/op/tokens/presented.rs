//! Access tokens at our own resource: how they come, and whether who brings them has the key they are bound to (RFC 6750, RFC 9449 section 7,
//! RFC 8705 section 3).

use countersign_clock::Millis;
use countersign_protocol::OAuthErrorCode;

use super::confirmation::{Presented, of_certificate};
use crate::{
    domain::Confirmation,
    op::{ClientCertificate, OpError, Provider, Refusal, fresh},
    storage::AccessTokenFacts,
};

/// A request to a resource of ours.
#[derive(Clone, Copy)]
pub struct ResourceRequest<'a> {
    /// HTTP method.
    pub method: &'a str,
    /// Path of the resource, below the issuer.
    pub path: &'a str,
    /// The `Authorization` header, as it came.
    pub authorization: Option<&'a str>,
    /// The `DPoP` header, as it came; an empty one where it was there twice.
    pub dpop: Option<&'a str>,
    /// What the client showed in the TLS handshake, where the listener asks for it.
    pub certificate: Option<&'a ClientCertificate>,
}

impl ResourceRequest<'_> {
    /// Whether the token comes under the scheme of RFC 9449 section 7.1.
    #[must_use]
    pub fn is_dpop(&self) -> bool {
        self.token()
            .is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("DPoP"))
    }

    fn token(&self) -> Option<(&str, &str)> {
        let (scheme, token) = self.authorization?.split_once(' ')?;
        Some((scheme, token.trim()))
    }
}

impl Provider {
    /// What the access token of `request` stands for, when it is good and presented by whoever it is bound to.
    ///
    /// # Errors
    /// `invalid_token`, also for a token that is bound to a key and comes as if it were not, or the other way round; `invalid_dpop_proof`,
    /// `use_dpop_nonce`; that the store does not answer.
    pub(in crate::op) async fn presented_token(
        &self,
        request: &ResourceRequest<'_>,
        now: Millis,
    ) -> Result<AccessTokenFacts, OpError> {
        let (scheme, token) = request.token().ok_or_else(not_good)?;
        let is_dpop = request.is_dpop();
        if !is_dpop && !scheme.eq_ignore_ascii_case("Bearer") {
            return Err(not_good().into());
        }
        let proven = if is_dpop {
            let proof = request
                .dpop
                .ok_or_else(|| Refusal::new(OAuthErrorCode::InvalidDpopProof, "the DPoP header is missing"))?;
            let presented = Presented {
                proof,
                method: request.method,
                path: request.path,
                access_token: Some(token),
            };
            Some(self.check_proof(&presented, now)?)
        } else {
            None
        };
        let found = self.parts.storage.find_token(fresh::hash(token), now).await?;
        let facts = found.filter(|facts| !facts.is_refresh).ok_or_else(not_good)?;
        let is_own = match (&facts.confirmation, &proven) {
            (Some(Confirmation::Jkt(key)), Some(proven)) => *key == proven.thumbprint,
            (Some(bound @ Confirmation::X5tS256(_)), None) => {
                request.certificate.map(of_certificate).as_ref() == Some(bound)
            }
            (None, None) => true,
            (Some(Confirmation::Jkt(_)), None) | (Some(Confirmation::X5tS256(_)) | None, Some(_)) => false,
        };
        if !is_own {
            return Err(not_good().into());
        }
        if let Some(proven) = &proven {
            self.use_proof_of_known(proven).await?;
        }
        Ok(facts)
    }
}

/// The one answer to every token that is not good here.
pub(in crate::op) fn not_good() -> Refusal {
    Refusal::new(OAuthErrorCode::InvalidToken, "the access token is missing or not good")
}
