//! The pushed authorization request endpoint (RFC 9126): the request is checked before the browser sees anything of it.

use countersign_clock::Millis;
use countersign_protocol::OAuthErrorCode;
use serde::Serialize;

use super::{brought::unsigned, redirect_uri};
use crate::{
    domain::{Client, PushedRequest},
    op::{
        ClientRequest, Endpoint, OpError, Params, Provider, Refusal, clients::PublicClients, fresh, tokens::Presented,
    },
};

/// What every `request_uri` of ours begins with (RFC 9126 section 2.2).
pub(super) const REQUEST_URI: &str = "urn:ietf:params:oauth:request_uri:";

/// What authenticates the client is no part of its request.
const OF_THE_CLIENT: [&str; 3] = ["client_secret", "client_assertion", "client_assertion_type"];

/// The answer to a pushed request (RFC 9126 section 2.2).
#[derive(Debug, Clone, Serialize)]
pub struct Pushed {
    request_uri: String,
    expires_in: u32,
}

impl Provider {
    /// Takes an authorization request of a client, to be named in the browser.
    ///
    /// # Errors
    /// The codes of the authorization endpoint and of client authentication, `invalid_dpop_proof`, or that the store does not answer.
    pub async fn push_authorization(&self, request: ClientRequest<'_>) -> Result<Pushed, OpError> {
        let client = self.authenticate(request, PublicClients::Allowed).await?.client;
        if client.id == self.app_client.id {
            // Anybody can send requests in its name, and each would be written down.
            let unauthorized = OAuthErrorCode::UnauthorizedClient;
            return Err(Refusal::new(unauthorized, "the app does not push its requests").into());
        }
        let mut params = self.pushed_params(&client, request.params).await?;
        let now = self.parts.clock.now();
        if let Some(proof) = request.dpop {
            let presented = Presented {
                proof,
                method: "POST",
                path: Endpoint::PushedAuthorization.path(),
                access_token: None,
            };
            let proven = self.check_proof(&presented, now)?;
            self.use_proof(&proven, &client, now).await?;
            params = with_key(&params, proven.thumbprint)?;
        }
        let presented = params.required("redirect_uri", 2048)?;
        if !redirect_uri::is_registered(&client, presented) {
            return Err(Refusal::invalid_request("redirect_uri is not one that the client registered").into());
        }
        self.asked(client.clone(), presented, &params)?;
        let reference = fresh::secret(&*self.parts.random);
        let expires_in = self.parts.config.pushed_request_seconds;
        let pushed = PushedRequest {
            hash: fresh::hash(&reference),
            client_id: client.id,
            params: params.without(&[]),
            expires_at: now + Millis::from(expires_in) * 1000,
        };
        self.parts.storage.add_pushed(pushed).await?;
        Ok(Pushed {
            request_uri: format!("{REQUEST_URI}{reference}"),
            expires_in,
        })
    }

    /// The parameters of the request itself, `client_id` among them.
    async fn pushed_params(&self, client: &Client, params: &Params) -> Result<Params, OpError> {
        if params.get("request_uri").is_some() {
            return Err(Refusal::invalid_request("request_uri has no place in a pushed request").into());
        }
        if params.get("client_id").is_some_and(|id| id != client.id.as_str()) {
            return Err(Refusal::invalid_request("client_id is not the one that authenticates").into());
        }
        match params.get("request") {
            Some(object) => self.signed_params(client, object).await,
            None if client.authorization.object => Err(unsigned().into()),
            None => {
                let mut pairs = params.without(&OF_THE_CLIENT);
                if params.get("client_id").is_none() {
                    pairs.retain(|(name, _)| name != "client_id");
                    pairs.push(("client_id".to_owned(), client.id.as_str().to_owned()));
                }
                Ok(Params::from_pairs(pairs)?)
            }
        }
    }
}

/// The request, bound to the key that was proven beside it (RFC 9449 section 10.1).
fn with_key(params: &Params, thumbprint: String) -> Result<Params, Refusal> {
    if params.get("dpop_jkt").is_some_and(|named| named != thumbprint) {
        return Err(Refusal::new(
            OAuthErrorCode::InvalidDpopProof,
            "dpop_jkt names another key than the proof",
        ));
    }
    let mut pairs = params.without(&["dpop_jkt"]);
    pairs.push(("dpop_jkt".to_owned(), thumbprint));
    Params::from_pairs(pairs)
}
