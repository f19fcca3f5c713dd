//! Calls to providers that the operator named: whoever writes the configuration may point it at a network of his own.
//!
//! What counts here is whether the other side may have heard: a call that must not be made twice is made again only when it surely was not.

use std::{sync::Arc, time::Duration};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::{
    Answer, MOST_AT_ONE_HOST, Outbound, OutboundError, OutboundSetupError, SystemLookup, answer, outbound_error,
};
use crate::config::OutboundConfig;

/// A call with a body of JSON.
pub struct ProviderCall<'a> {
    /// Where to.
    pub url: &'a Url,
    /// Headers beside the content type. A value that no header can have is left out.
    pub headers: &'a [(&'static str, &'a str)],
    /// The body.
    pub body: String,
    /// From the first look-up to the head of the answer.
    pub limit: Duration,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderCallError {
    /// Nothing of the call left this machine, or no connection was there for it.
    #[error("{0}")]
    Unsent(String),
    /// The call may have been heard.
    #[error("{0}")]
    Unclear(String),
}

impl Outbound {
    /// A caller of providers: private addresses too, and every call on a connection of its own, because a connection that was kept open may be
    /// closed by the other side while a call is on its way.
    ///
    /// # Errors
    /// As [`Outbound::new`].
    pub fn to_providers(config: &OutboundConfig) -> Result<Self, OutboundSetupError> {
        let everywhere = OutboundConfig {
            allow: vec![IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())],
            ca_file: config.ca_file.clone(),
        };
        Self::with_connections(&everywhere, Arc::new(SystemLookup), 0)
    }

    /// Posts JSON and returns what the head of the answer says.
    ///
    /// # Errors
    /// When there is no answer; the error says whether the call may have been heard.
    pub async fn post_to_provider(&self, call: ProviderCall<'_>) -> Result<Answer, ProviderCallError> {
        let host = call.url.origin().ascii_serialization();
        let place = self.hosts.take(host, MOST_AT_ONE_HOST);
        let _place = place.ok_or_else(|| ProviderCallError::Unsent(OutboundError::Busy.to_string()))?;
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        for (name, value) in call.headers {
            if let Ok(mut value) = HeaderValue::from_str(value) {
                value.set_sensitive(true);
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        let request = self
            .client
            .post(call.url.clone())
            .headers(headers)
            .timeout(call.limit)
            .body(call.body);
        request.send().await.as_ref().map(answer).map_err(|error| {
            let words = if error.is_timeout() {
                format!("no answer within {} seconds", call.limit.as_secs())
            } else {
                outbound_error(error).to_string()
            };
            if error.is_connect() {
                ProviderCallError::Unsent(words)
            } else {
                ProviderCallError::Unclear(words)
            }
        })
    }
}
