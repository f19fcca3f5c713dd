//! One request to a token endpoint, with a proof of the device's key where the provider takes one (RFC 9449 section 5).

use std::sync::Arc;

use countersign_clock::Random;
use oauth2::{HttpRequest, HttpResponse};
use reqwest::header::HeaderValue;
use serde::Deserialize;
use url::Url;

use crate::{
    api::ApiError,
    dpop::{self, Purpose},
    options::Timing,
    server_clock::ServerClock,
    signer::Signer,
    transport::body_of,
};

const PROOF: &str = "DPoP";
const NONCE: &str = "DPoP-Nonce";

/// Who proves, and by whose clock.
#[derive(Clone)]
pub(crate) struct Prover {
    pub(crate) signer: Arc<dyn Signer>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) clock: Arc<ServerClock>,
}

impl Prover {
    /// The request with a fresh proof.
    async fn prove(
        &self,
        mut request: HttpRequest,
        endpoint: &Url,
        nonce: Option<&str>,
    ) -> Result<HttpRequest, ApiError> {
        let purpose = Purpose {
            method: "POST",
            url: endpoint,
            nonce,
            token: None,
            now: self.clock.now_seconds(),
        };
        let proof = dpop::proof(self.signer.as_ref(), self.random.as_ref(), purpose).await?;
        let proof = HeaderValue::from_str(&proof).map_err(|_| ApiError::Unreadable { status: 0 })?;
        request.headers_mut().insert(PROOF, proof);
        Ok(request)
    }
}

/// Sends `request` to `endpoint`; a provider that asks for its nonce gets a second proof with it, and no third (RFC 9449 section 8).
pub(crate) async fn send(
    http: reqwest::Client,
    endpoint: Url,
    request: HttpRequest,
    prover: Option<Prover>,
) -> Result<HttpResponse, ApiError> {
    let Some(prover) = prover else {
        return send_once(&http, request).await;
    };
    let first = send_once(&http, prover.prove(request.clone(), &endpoint, None).await?).await?;
    match asked_nonce(&first) {
        Some(nonce) => send_once(&http, prover.prove(request, &endpoint, Some(nonce)).await?).await,
        None => Ok(first),
    }
}

/// The nonce that a refusal asks for.
fn asked_nonce(answer: &HttpResponse) -> Option<&str> {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    let refusal: Refusal = serde_json::from_slice(answer.body()).ok()?;
    let asks = answer.status().is_client_error() && refusal.error == "use_dpop_nonce";
    let nonce = answer.headers().get(NONCE).and_then(|value| value.to_str().ok());
    nonce.filter(|_| asks)
}

async fn send_once(http: &reqwest::Client, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let request = reqwest::Request::try_from(request).map_err(ApiError::Unreachable)?;
    let sent = tokio::time::timeout(Timing::default().call, http.execute(request)).await;
    let answer = sent.map_err(|_| ApiError::Unreadable { status: 504 })?;
    let answer = answer.map_err(|error| ApiError::Unreachable(error.without_url()))?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut response = HttpResponse::new(body_of(answer).await?);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}
