//! Calls to others whose addresses somebody else chose: the only place that speaks HTTP outwards.
//!
//! https alone, no redirects, no proxies from the environment, 5 seconds in all, no private addresses. Of an answer to a call the head alone
//! is read; a document is read up to its greatest length. A name is resolved once for each connection, and the connection goes to the addresses that were checked.

mod address;
mod document;
mod endpoint;
mod form;
mod hosts;
mod look;
mod lookup;
mod provider;
mod roots;

use std::{error::Error, fmt::Write as _, path::PathBuf, sync::Arc, time::Duration};

use ipnet::IpNet;
use reqwest::{Client, Response, header, redirect::Policy};
use url::Url;

use self::{
    hosts::Hosts,
    lookup::{Guarded, NothingPublic},
};
use crate::config::OutboundConfig;

pub use document::{Document, DocumentError, MAX_DOCUMENT_LEN};
pub use endpoint::{EndpointProblem, check_endpoint};
pub use form::{FormAnswer, FormCall};
pub use look::Sight;
pub use lookup::{Lookup, SystemLookup};
pub use provider::{ProviderCall, ProviderCallError};

/// From the first look-up to the head of the answer, or to the end of a document.
pub const LIMIT: Duration = Duration::from_secs(5);
/// Calls to one host at a time.
pub const MOST_AT_ONE_HOST: usize = 16;

/// Why calls cannot be made at all.
#[derive(Debug, thiserror::Error)]
pub enum OutboundSetupError {
    /// The operator's certificates cannot be used.
    #[error("[outbound] ca_file: {path} has no certificate that can be used")]
    Certificates {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The HTTP or the TLS library refuses.
    #[error("the HTTP library cannot be set up")]
    Library(#[source] Box<dyn Error + Send + Sync>),
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The destination must not be called.
    #[error("the endpoint must not be called: {0}")]
    Forbidden(EndpointProblem),
    /// As many calls as are allowed are under way to this host. Nothing was sent.
    #[error("too many calls to this host are under way")]
    Busy,
    /// There was no answer in [`LIMIT`].
    #[error("no answer within 5 seconds")]
    TimedOut,
    /// No connection, no trust, or no HTTP. In words for the operator.
    #[error("{0}")]
    Unreachable(String),
}

/// What the other side said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Seconds that it asks to be left alone (RFC 9110 section 10.2.3); a date is not read.
    pub retry_after: Option<u32>,
}

/// Calls others. Clones share connections and places.
#[derive(Clone)]
pub struct Outbound {
    client: Client,
    allowed: Arc<[IpNet]>,
    hosts: Arc<Hosts>,
}

impl Outbound {
    /// Addresses that are called although they are not public.
    #[must_use]
    pub fn allowed(&self) -> &[IpNet] {
        &self.allowed
    }

    /// A caller that finds addresses by `lookup`.
    ///
    /// # Errors
    /// When the operator's certificates cannot be used.
    pub fn new(config: &OutboundConfig, lookup: Arc<dyn Lookup>) -> Result<Self, OutboundSetupError> {
        Self::with_connections(config, lookup, MOST_AT_ONE_HOST)
    }

    /// Keeps up to `kept` idle connections to each host.
    fn with_connections(
        config: &OutboundConfig,
        lookup: Arc<dyn Lookup>,
        kept: usize,
    ) -> Result<Self, OutboundSetupError> {
        let allowed: Arc<[IpNet]> = config.allow.clone().into();
        let guarded = Guarded {
            lookup,
            allowed: allowed.clone(),
        };
        let client = Client::builder()
            .tls_backend_preconfigured(roots::tls(&config.ca_file)?)
            .redirect(Policy::none())
            .no_proxy()
            .dns_resolver(guarded)
            .connect_timeout(LIMIT)
            .timeout(LIMIT)
            .pool_max_idle_per_host(kept)
            .pool_idle_timeout(Duration::from_secs(30))
            .referer(false)
            .user_agent("countersign")
            .build()
            .map_err(|error| OutboundSetupError::Library(error.into()))?;
        Ok(Self {
            client,
            allowed,
            hosts: Arc::default(),
        })
    }

    /// Posts JSON under a bearer token (RFC 6750 section 2.1) and returns what the head of the answer says.
    ///
    /// # Errors
    /// When the endpoint must not be called, its host is busy, or there is no answer.
    pub async fn post_json(&self, endpoint: &Url, bearer: &str, body: String) -> Result<Answer, OutboundError> {
        // Checked when it was registered, and again: what is allowed may have changed since.
        check_endpoint(endpoint, &self.allowed).map_err(OutboundError::Forbidden)?;
        let host = endpoint.origin().ascii_serialization();
        let _place = self.hosts.take(host, MOST_AT_ONE_HOST).ok_or(OutboundError::Busy)?;
        let request = self
            .client
            .post(endpoint.clone())
            .bearer_auth(bearer)
            .header(header::CONTENT_TYPE, "application/json")
            .body(body);
        // The body of the answer is dropped unread.
        request.send().await.as_ref().map(answer).map_err(outbound_error)
    }
}

fn answer(response: &Response) -> Answer {
    let retry_after = response.headers().get(header::RETRY_AFTER);
    Answer {
        status: response.status().as_u16(),
        retry_after: retry_after
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.parse().ok()),
    }
}

/// In words that never hold the URL: its path and query may be secret.
fn outbound_error(error: &reqwest::Error) -> OutboundError {
    if error.is_timeout() {
        return OutboundError::TimedOut;
    }
    let mut words = String::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<NothingPublic>() {
            return OutboundError::Forbidden(EndpointProblem::NotPublic);
        }
        let gap = if words.is_empty() { "" } else { ": " };
        // Writing to a string cannot fail.
        let _written = write!(words, "{gap}{error}");
        cause = error.source();
    }
    if words.is_empty() {
        words.push_str("the call failed");
    }
    OutboundError::Unreachable(words)
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        net::{IpAddr, Ipv4Addr},
        sync::atomic::{AtomicUsize, Ordering},
    };

    use async_trait::async_trait;
    use tokio::net::TcpListener;

    use super::*;

    const PRIVATE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    /// Public. It is looked at, and never called.
    const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 175, 48, 250));

    /// Changes its mind with every question.
    struct Flipping(AtomicUsize);

    #[async_trait]
    impl Lookup for Flipping {
        async fn lookup(&self, _: &str) -> io::Result<Vec<IpAddr>> {
            let asked = self.0.fetch_add(1, Ordering::SeqCst);
            Ok(vec![if asked.is_multiple_of(2) { PUBLIC } else { PRIVATE }])
        }
    }

    /// Always knows one private address.
    struct Private;

    #[async_trait]
    impl Lookup for Private {
        async fn lookup(&self, _: &str) -> io::Result<Vec<IpAddr>> {
            Ok(vec![PRIVATE])
        }
    }

    fn guarded(lookup: impl Lookup + 'static) -> Guarded {
        let lookup = Arc::new(lookup);
        let allowed = Arc::from([]);
        Guarded { lookup, allowed }
    }

    /// V-005: whatever the name says next time, a connection goes to an address that was checked.
    #[tokio::test]
    async fn a_name_that_changes_its_mind_leads_to_no_private_address() {
        use reqwest::dns::Resolve as _;
        let guarded = guarded(Flipping(AtomicUsize::new(0)));
        let mut refused = 0;
        for _ in 0..1000 {
            match guarded.resolve("shop.example".parse().unwrap()).await {
                Ok(addresses) => assert!(addresses.into_iter().all(|address| address.ip() == PUBLIC), "V-005"),
                Err(error) => {
                    assert!(error.is::<NothingPublic>(), "{error}");
                    refused += 1;
                }
            }
        }
        assert_eq!(refused, 500, "V-005: each answer is checked by itself");
    }

    #[tokio::test]
    async fn a_name_of_a_private_address_is_not_called() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let outbound = Outbound::new(&OutboundConfig::default(), Arc::new(Private)).unwrap();
        let endpoint = format!("https://shop.example:{port}/cb").parse().unwrap();
        let called = outbound.post_json(&endpoint, "token", "{}".to_owned()).await;
        assert_eq!(
            called,
            Err(OutboundError::Forbidden(EndpointProblem::NotPublic)),
            "V-003, V-005"
        );
        let nobody = tokio::time::timeout(Duration::from_millis(100), listener.accept()).await;
        assert!(nobody.is_err(), "V-003: nobody connected");
    }

    /// a certificate that nobody vouches for ends the call; the words for it hold nothing of the URL.
    #[tokio::test]
    async fn a_stranger_is_not_trusted_and_silence_has_a_limit() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = OutboundConfig {
            allow: vec!["127.0.0.1/32".parse().unwrap()],
            ..OutboundConfig::default()
        };
        let outbound = Outbound::new(&config, Arc::new(SystemLookup)).unwrap();
        let at = |listener: &TcpListener| -> Url {
            let address = listener.local_addr().unwrap();
            format!("https://{address}/secret-path").parse().unwrap()
        };
        let began = std::time::Instant::now();
        let called = outbound.post_json(&at(&silent), "token", "{}".to_owned()).await;
        assert_eq!(called, Err(OutboundError::TimedOut), "V-043: silence");
        assert!(began.elapsed() < 2 * LIMIT, "V-043: {:?}", began.elapsed());
        let closed = at(&silent);
        drop(silent);
        let called = outbound.post_json(&closed, "token", "{}".to_owned()).await;
        let Err(OutboundError::Unreachable(words)) = called else {
            panic!("nobody listens: {called:?}")
        };
        assert!(words.contains("refused") && !words.contains("secret-path"), "{words}");
    }
}
