//! Sectors: which clients may know a person by the same pairwise name (OpenID Connect Core section 8.1, CIBA Core section 4).

use countersign_protocol::{DeliveryMode, OAuthErrorCode};
use url::Url;

use crate::{
    domain::{Client, GrantType},
    op::{Provider, Refusal},
    outbound::Outbound,
};

/// The sector of `client`: a host. None when nothing that it registered names one.
pub(super) fn sector(client: &Client) -> Option<String> {
    let host = |url: &Url| url.host_str().map(str::to_owned);
    if let Some(uri) = &client.tokens.sector_identifier_uri {
        return host(uri);
    }
    if is_ciba(client) {
        return anchor(client).and_then(host);
    }
    client
        .redirect_uris
        .first()
        .and_then(|uri| Url::parse(uri).ok())
        .as_ref()
        .and_then(host)
}

fn is_ciba(client: &Client) -> bool {
    client.grant_types.contains(&GrantType::Ciba) || client.delivery_mode.is_some()
}

/// The address that ties a CIBA client to its sector: where a client that is pushed to takes its tokens, and where every other one
/// publishes its keys.
fn anchor(client: &Client) -> Option<&Url> {
    match client.delivery_mode {
        Some(DeliveryMode::Push) => client.notification_endpoint.as_ref(),
        Some(DeliveryMode::Poll | DeliveryMode::Ping) | None => client.jwks_uri.as_ref(),
    }
}

impl Provider {
    /// As [`check_sector`].
    ///
    /// # Errors
    /// As [`check_sector`].
    pub async fn check_sector(&self, client: &Client) -> Result<(), Refusal> {
        check_sector(&self.parts.outbound, client).await
    }
}

/// Whether `client` may be registered with the subjects that it asks for (CIBA Core section 4, OpenID Connect Dynamic Client
/// Registration section 5).
///
/// # Errors
/// `invalid_client_metadata`, in words for who registers it.
pub async fn check_sector(_outbound: &Outbound, client: &Client) -> Result<(), Refusal> {
    let needs_keys = is_ciba(client) && client.delivery_mode != Some(DeliveryMode::Push);
    if client.tokens.pairwise && needs_keys && client.jwks_uri.is_none() {
        return Err(refusal(
            "a client with pairwise subjects that polls or is pinged needs a jwks_uri (CIBA Core section 4)",
        ));
    }
    Ok(())
}

fn refusal(description: &'static str) -> Refusal {
    Refusal::new(OAuthErrorCode::InvalidClientMetadata, description)
}
