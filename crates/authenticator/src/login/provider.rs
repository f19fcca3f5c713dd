//! The documents of backend and provider, each believed only about itself.

use countersign_jose::{Algorithm, JwkSet};
use countersign_protocol::CountersignMetadata;
use reqwest::Response;
use serde::{Deserialize, de::DeserializeOwned};
use url::Url;

use crate::{
    address, api::ApiError, error::AuthenticatorError, options::Timing, server_clock::ServerClock, transport::body_of,
};

/// Version of the device API that this device speaks.
const VERSION: &str = "1";

/// The provider, as far as a sign-in needs it (OpenID Connect Discovery section 3).
pub(crate) struct Provider {
    pub(crate) issuer: String,
    pub(crate) authorization_endpoint: Url,
    pub(crate) token_endpoint: Url,
    pub(crate) jwks_uri: Url,
    /// Whether it takes proofs by a P-256 key (RFC 9449 section 5.1).
    pub(crate) takes_proofs: bool,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    dpop_signing_alg_values_supported: Option<Vec<String>>,
}

/// Reads `/.well-known/countersign` of the backend at `origin`.
pub(crate) async fn countersign(
    http: &reqwest::Client,
    origin: &Url,
    clock: &ServerClock,
) -> Result<CountersignMetadata, AuthenticatorError> {
    let mut url = origin.clone();
    url.set_path("/.well-known/countersign");
    let answer = get(http, &url).await?;
    clock.glimpsed(answer.headers());
    let metadata: CountersignMetadata = read(answer).await?;
    if !metadata.versions.iter().any(|version| version == VERSION) {
        return Err(AuthenticatorError::NotCountersign);
    }
    if metadata.backend != address::origin(origin) {
        return Err(AuthenticatorError::AddressRefused);
    }
    Ok(metadata)
}

/// Reads the provider's metadata; it has to be about `issuer` and nobody else (OpenID Connect Discovery section 4.3).
pub(crate) async fn discover(
    http: &reqwest::Client,
    issuer: &str,
    clock: &ServerClock,
) -> Result<Provider, AuthenticatorError> {
    let base = checked(issuer)?;
    let url = checked(&format!(
        "{}/.well-known/openid-configuration",
        base.as_str().trim_end_matches('/')
    ))?;
    let answer = get(http, &url).await.map_err(of_provider)?;
    clock.glimpsed(answer.headers());
    let metadata: Metadata = read(answer).await.map_err(of_provider)?;
    if metadata.issuer != issuer {
        return Err(AuthenticatorError::SignInMismatch);
    }
    Ok(Provider {
        authorization_endpoint: checked(&metadata.authorization_endpoint)?,
        token_endpoint: checked(&metadata.token_endpoint)?,
        jwks_uri: checked(&metadata.jwks_uri)?,
        takes_proofs: metadata
            .dpop_signing_alg_values_supported
            .is_some_and(|algs| algs.iter().any(|alg| alg == Algorithm::Es256.as_str())),
        issuer: metadata.issuer,
    })
}

/// Reads the provider's keys.
pub(crate) async fn keys(http: &reqwest::Client, provider: &Provider) -> Result<JwkSet, AuthenticatorError> {
    let keys = async { read(get(http, &provider.jwks_uri).await?).await };
    keys.await.map_err(of_provider)
}

/// A provider that cannot be reached or read is no fault of the backend or its address.
pub(super) fn of_provider(error: AuthenticatorError) -> AuthenticatorError {
    match error {
        AuthenticatorError::NotCountersign | AuthenticatorError::Offline(_) => AuthenticatorError::ProviderUnusable,
        other => other,
    }
}

fn checked(text: &str) -> Result<Url, AuthenticatorError> {
    address::parse(text).map_err(|_| AuthenticatorError::AddressRefused)
}

async fn get(http: &reqwest::Client, url: &Url) -> Result<Response, AuthenticatorError> {
    let request = http
        .get(url.clone())
        .timeout(Timing::default().call)
        .header("accept", "application/json");
    let answer = request
        .send()
        .await
        .map_err(|error| ApiError::Unreachable(error.without_url()))?;
    if answer.status().is_success() {
        return Ok(answer);
    }
    let error = ApiError::Unreadable {
        status: answer.status().as_u16(),
    };
    if error.is_transient() {
        Err(error.into())
    } else {
        Err(AuthenticatorError::NotCountersign)
    }
}

async fn read<T: DeserializeOwned>(answer: Response) -> Result<T, AuthenticatorError> {
    let body = body_of(answer).await?;
    serde_json::from_slice(&body).map_err(|_| AuthenticatorError::NotCountersign)
}
