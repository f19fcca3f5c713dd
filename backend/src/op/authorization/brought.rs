//! How an authorization request comes: in the address, signed in `request` (RFC 9101), or pushed before and named by `request_uri` (RFC 9126).

use std::borrow::Cow;

use countersign_protocol::OAuthErrorCode;

use super::pushed::REQUEST_URI;
use crate::{
    domain::Client,
    op::{OpError, Params, Provider, Refusal, fresh},
};

impl Provider {
    /// The parameters that count. Of what stands beside a request object or a `request_uri` only `client_id` does (RFC 9101 section 6.3).
    ///
    /// # Errors
    /// `invalid_request`, `invalid_request_uri`, `invalid_request_object` or that request objects are not for this client; that the store does not
    /// answer.
    pub(super) async fn brought<'a>(&self, params: &'a Params) -> Result<Cow<'a, Params>, OpError> {
        let (object, uri) = (params.get("request"), params.get("request_uri"));
        let Some(client) = self.find_client(params.required("client_id", 256)?).await? else {
            return Err(Refusal::invalid_request("client_id is not known here").into());
        };
        match (object, uri) {
            (Some(_), Some(_)) => Err(Refusal::invalid_request("request and request_uri exclude each other").into()),
            (None, Some(uri)) => self.pushed_before(&client, uri).await.map(Cow::Owned),
            _ if client.authorization.pushed => {
                Err(Refusal::invalid_request("this client has to push its authorization requests").into())
            }
            (Some(object), None) => self.signed_params(&client, object).await.map(Cow::Owned),
            (None, None) if client.authorization.object => Err(unsigned().into()),
            (None, None) => Ok(Cow::Borrowed(params)),
        }
    }

    async fn pushed_before(&self, client: &Client, uri: &str) -> Result<Params, OpError> {
        let Some(reference) = uri.strip_prefix(REQUEST_URI) else {
            let refused = OAuthErrorCode::RequestUriNotSupported;
            return Err(Refusal::new(refused, "request_uri has to be one of this provider").into());
        };
        let now = self.parts.clock.now();
        let hash = fresh::hash(reference);
        let taken = self.parts.storage.take_pushed(hash, &client.id, now).await?;
        let pushed = taken.ok_or_else(|| {
            let refused = OAuthErrorCode::InvalidRequestUri;
            Refusal::new(
                refused,
                "request_uri is unknown, over, used before, or another client's",
            )
        })?;
        Ok(Params::from_pairs(pushed.params)?)
    }
}

pub(super) fn unsigned() -> Refusal {
    Refusal::invalid_request("this client has to sign its authorization requests")
}
