//! Sectors: which clients may know a person by the same pairwise name (OpenID Connect Core section 8.1, CIBA Core section 4).
//!
//! A sector is a host. Whoever names a host has to show that it is theirs: by a document there that lists their addresses, or by having
//! no address anywhere else.

use countersign_protocol::{DeliveryMode, OAuthErrorCode};
use url::Url;

use crate::{
    domain::{Client, GrantType},
    op::{Provider, Refusal},
    outbound::Outbound,
};

/// The sector of `client`; none when nothing that it registered names one.
pub(super) fn sector(client: &Client) -> Option<String> {
    let host = |url: &Url| url.host_str().map(str::to_owned);
    if let Some(uri) = &client.tokens.sector_identifier_uri {
        return host(uri);
    }
    if is_ciba(client) {
        return anchor(client).and_then(host);
    }
    let redirect_uri = client.redirect_uris.first()?;
    Url::parse(redirect_uri).ok().as_ref().and_then(host)
}

fn is_ciba(client: &Client) -> bool {
    client.grant_types.contains(&GrantType::Ciba) || client.delivery_mode.is_some()
}

/// Whether `client` is pushed its tokens. It proves its sector by taking them there; every other CIBA client proves it by a key.
pub(in crate::op) fn is_pushed_to(client: &Client) -> bool {
    client.delivery_mode == Some(DeliveryMode::Push)
}

/// The address that ties a CIBA client to its sector: where it takes its tokens, or where it publishes its keys.
fn anchor(client: &Client) -> Option<&Url> {
    if is_pushed_to(client) {
        client.notification_endpoint.as_ref()
    } else {
        client.jwks_uri.as_ref()
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
/// Registration section 5). A `sector_identifier_uri` is fetched, now and never again.
///
/// # Errors
/// `invalid_client_metadata`, in words for who registers it.
pub async fn check_sector(outbound: &Outbound, client: &Client) -> Result<(), Refusal> {
    if client.tokens.pairwise && is_ciba(client) && anchor(client).is_none() {
        return Err(refused(if is_pushed_to(client) {
            "a client with pairwise subjects that is pushed to needs a backchannel_client_notification_endpoint"
        } else {
            "a client with pairwise subjects that polls or is pinged needs a jwks_uri"
        }));
    }
    let Some(uri) = &client.tokens.sector_identifier_uri else {
        return if client.tokens.pairwise {
            in_one_place(client)
        } else {
            Ok(())
        };
    };
    let document = outbound.get_json(uri).await.map_err(|error| {
        tracing::info!(client.id = %client.id, %error, "a sector_identifier_uri could not be read");
        refused("sector_identifier_uri cannot be read: https, public, JSON, at most 64 KiB within 5 seconds")
    })?;
    let listed: Vec<String> = serde_json::from_slice(&document.body)
        .map_err(|_| refused("sector_identifier_uri does not lead to a JSON array of addresses"))?;
    all_listed(client, &listed)
}

/// Each address of the client stands in the document of its sector.
fn all_listed(client: &Client, listed: &[String]) -> Result<(), Refusal> {
    if let Some(anchor) = anchor(client).filter(|_| is_ciba(client)) {
        let is_anchor = |entry: &String| Url::parse(entry).is_ok_and(|entry| entry == *anchor);
        if !listed.iter().any(is_anchor) {
            return Err(refused(if is_pushed_to(client) {
                "the document at sector_identifier_uri does not list backchannel_client_notification_endpoint"
            } else {
                "the document at sector_identifier_uri does not list jwks_uri"
            }));
        }
    }
    if client.redirect_uris.iter().all(|uri| listed.contains(uri)) {
        Ok(())
    } else {
        Err(refused(
            "the document at sector_identifier_uri does not list every redirect_uri",
        ))
    }
}

/// Without a document, one host alone: else a client could name another's host by one address and take its answers at the other.
fn in_one_place(client: &Client) -> Result<(), Refusal> {
    let sector = sector(client).ok_or_else(|| {
        refused("a client with pairwise subjects needs a sector_identifier_uri, or addresses with a host")
    })?;
    let is_there = |uri: &String| Url::parse(uri).is_ok_and(|uri| uri.host_str() == Some(sector.as_str()));
    if client.redirect_uris.iter().all(is_there) {
        Ok(())
    } else {
        Err(refused(
            "a client with pairwise subjects and addresses at several hosts needs a sector_identifier_uri",
        ))
    }
}

fn refused(description: &'static str) -> Refusal {
    Refusal::new(OAuthErrorCode::InvalidClientMetadata, description)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(mode: Option<DeliveryMode>) -> Client {
        let mut client = Client::new("shop", "Shop", 0);
        client.tokens.pairwise = true;
        client.delivery_mode = mode;
        client.jwks_uri = Some(url("https://keys.example:8443/jwks"));
        client.notification_endpoint = Some(url("https://push.example/cb"));
        client.redirect_uris = vec!["https://web.example/cb".to_owned()];
        client
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn the_sector_is_the_host_that_the_way_of_delivery_names() {
        for (mode, host, row) in [
            (Some(DeliveryMode::Poll), "keys.example", "R-031"),
            (Some(DeliveryMode::Ping), "keys.example", "R-031"),
            (Some(DeliveryMode::Push), "push.example", "R-032"),
            (None, "web.example", "R-035"),
        ] {
            let mut client = client(mode);
            assert_eq!(sector(&client).as_deref(), Some(host), "{row}");
            client.tokens.sector_identifier_uri = Some(url("https://SECTOR.example/list"));
            assert_eq!(sector(&client).as_deref(), Some("sector.example"), "{row}: named");
        }
        let mut polls = client(None);
        polls.grant_types.push(GrantType::Ciba);
        assert_eq!(
            sector(&polls).as_deref(),
            Some("keys.example"),
            "R-031: polls when it does not say"
        );
    }

    #[test]
    fn without_a_document_all_addresses_are_at_one_host() {
        for (redirect_uris, fits) in [
            (&[][..], true),
            (&["https://keys.example/cb", "https://keys.example:444/b"], true),
            (&["https://keys.example/cb", "https://evil.example/cb"], false),
            (&["com.example.app:/cb"], false),
        ] {
            let mut polls = client(Some(DeliveryMode::Poll));
            polls.redirect_uris = redirect_uris.iter().map(ToString::to_string).collect();
            assert_eq!(in_one_place(&polls).is_ok(), fits, "R-035: {redirect_uris:?}");
        }
        let mut nowhere = client(None);
        nowhere.redirect_uris.clear();
        assert!(in_one_place(&nowhere).is_err(), "R-035: no host at all");
    }

    #[test]
    fn a_document_lists_every_address() {
        const KEYS: &str = "https://keys.example:8443/jwks";
        const PUSH: &str = "https://push.example/cb";
        const WEB: &str = "https://web.example/cb";
        for (mode, listed, fits) in [
            (Some(DeliveryMode::Poll), &[KEYS, WEB][..], true),
            (Some(DeliveryMode::Ping), &[WEB, "https://other.example/", KEYS], true),
            (Some(DeliveryMode::Push), &[PUSH, WEB], true),
            (None, &[WEB], true),
            (Some(DeliveryMode::Poll), &[KEYS], false),
            (Some(DeliveryMode::Poll), &[PUSH, WEB], false),
            (
                Some(DeliveryMode::Poll),
                &["https://keys.example:8443/jwks/", WEB],
                false,
            ),
            (Some(DeliveryMode::Poll), &["https://keys.example:8443/", WEB], false),
            (Some(DeliveryMode::Ping), &["keys.example", WEB], false),
            (Some(DeliveryMode::Push), &[KEYS, WEB], false),
            (None, &["https://web.example/cb/"], false),
            (None, &[], false),
        ] {
            let listed: Vec<String> = listed.iter().map(ToString::to_string).collect();
            let verdict = all_listed(&client(mode), &listed);
            assert_eq!(verdict.is_ok(), fits, "R-033: {mode:?} {listed:?}");
        }
    }
}
