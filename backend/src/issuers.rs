//! Providers outside, as far as the operator named them: their metadata (OpenID Connect Discovery section 4) and their keys.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use countersign_clock::{Clock, Millis};
use countersign_jose::JwkSet;
use serde::Deserialize;
use url::Url;

use crate::{
    config::{ConnectorConfig, ConnectorsConfig, UpstreamConfig},
    outbound::{DocumentError, Outbound},
    published_keys::{PublishedKeys, Stopped},
};

/// Seconds for which a provider's metadata is good.
const METADATA_MILLIS: Millis = 3_600_000;
/// Between two looks for metadata that could not be had.
const AGAIN_MILLIS: Millis = 5_000;
/// Seconds for which a provider's keys are kept where it does not say, and longer while it fails.
const KEYS_SECONDS: (u32, u32) = (300, 3600);

/// Why keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// The operator does not know this issuer.
    #[error("the issuer is not one of the connectors")]
    Unknown,
    /// It cannot be reached, or does not publish what it has to.
    #[error("the issuer's {0} cannot be had")]
    Unavailable(&'static str),
    /// The server is stopping.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// What is wrong with a provider's metadata.
#[derive(Debug, thiserror::Error)]
pub enum MetadataProblem {
    /// It cannot be fetched.
    #[error(transparent)]
    Fetch(#[from] DocumentError),
    /// It is not what it has to be.
    #[error("it is not the metadata of a provider")]
    NotMetadata,
    /// It is about another issuer (OpenID Connect Discovery section 4.3).
    #[error("it is about another issuer")]
    OtherIssuer,
}

/// The members of a provider's metadata that count here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct IssuerMetadata {
    /// Itself.
    pub issuer: String,
    /// Its keys.
    pub jwks_uri: Url,
    /// Where it is asked by CIBA, if it can be (CIBA Core section 4).
    pub backchannel_authentication_endpoint: Option<Url>,
    /// Where tokens come from.
    pub token_endpoint: Option<Url>,
}

struct Known {
    metadata: Option<IssuerMetadata>,
    asked_at: Millis,
}

/// The providers outside.
pub struct Issuers {
    providers: Vec<ConnectorConfig>,
    upstreams: Vec<UpstreamConfig>,
    outbound: Outbound,
    clock: Arc<dyn Clock>,
    keys: PublishedKeys,
    known: Mutex<HashMap<String, Known>>,
}

impl Issuers {
    /// The providers of `config`, called through `outbound`.
    #[must_use]
    pub fn new(config: &ConnectorsConfig, outbound: Outbound, clock: Arc<dyn Clock>) -> Self {
        let (life, stale) = KEYS_SECONDS;
        Self {
            providers: config.all().cloned().collect(),
            upstreams: config.upstream.clone(),
            keys: PublishedKeys::new(outbound.clone(), clock.clone(), life, stale),
            outbound,
            clock,
            known: Mutex::default(),
        }
    }

    /// All at which people sign in to register a device, in the order of the configuration.
    #[must_use]
    pub fn providers(&self) -> &[ConnectorConfig] {
        &self.providers
    }

    /// What people call them, by issuer.
    #[must_use]
    pub fn titles(&self) -> BTreeMap<String, String> {
        let titled = self.providers.iter().map(|one| (one.issuer.clone(), one.title.clone()));
        titled.collect()
    }

    /// The provider with this issuer at which people sign in, compared exactly.
    #[must_use]
    pub fn find(&self, issuer: &str) -> Option<&ConnectorConfig> {
        self.providers.iter().find(|provider| provider.issuer == issuer)
    }

    /// The keys of `issuer`, fetched again when they lack `kid`.
    ///
    /// # Errors
    /// When the issuer is unknown or its keys cannot be had now.
    pub async fn keys_of(&self, issuer: &str, kid: Option<&str>) -> Result<Arc<JwkSet>, IssuerError> {
        let metadata = self.metadata_of(issuer).await?;
        let keys = self.keys.at(&metadata.jwks_uri, kid).await?;
        keys.ok_or(IssuerError::Unavailable("keys"))
    }

    /// The metadata of `issuer`, which is kept for a while.
    ///
    /// # Errors
    /// When the issuer is unknown or its metadata cannot be had now.
    pub async fn metadata_of(&self, issuer: &str) -> Result<IssuerMetadata, IssuerError> {
        let name = self.name_of(issuer).ok_or(IssuerError::Unknown)?;
        let now = self.clock.now();
        let unavailable = IssuerError::Unavailable("metadata");
        if let Some(known) = self.known().get(issuer) {
            let age = now - known.asked_at;
            match &known.metadata {
                Some(metadata) if age < METADATA_MILLIS => return Ok(metadata.clone()),
                None if age < AGAIN_MILLIS => return Err(unavailable),
                _ => {}
            }
        }
        let found = fetch_metadata(&self.outbound, issuer).await;
        if let Err(error) = &found {
            tracing::warn!(connector = name, %error, "the metadata of {name} cannot be had");
        }
        let mut known = self.known();
        let earlier = known.remove(issuer).and_then(|known| known.metadata);
        // What was right an hour ago is better than nothing.
        let metadata = found.ok().or(earlier);
        let remembered = Known {
            metadata: metadata.clone(),
            asked_at: now,
        };
        known.insert(issuer.to_owned(), remembered);
        metadata.ok_or(unavailable)
    }

    fn name_of(&self, issuer: &str) -> Option<&str> {
        let upstream = || self.upstreams.iter().find(|upstream| upstream.issuer == issuer);
        let provider = self.find(issuer).map(|provider| provider.name.as_str());
        provider.or_else(|| upstream().map(|upstream| upstream.name.as_str()))
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the metadata of `issuer`, which has to be about it and nobody else.
///
/// # Errors
/// When it cannot be had or is about somebody else.
pub async fn fetch_metadata(outbound: &Outbound, issuer: &str) -> Result<IssuerMetadata, MetadataProblem> {
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let url = Url::parse(&url).map_err(|_| MetadataProblem::NotMetadata)?;
    let document = outbound.get_json(&url).await?;
    let metadata: IssuerMetadata = serde_json::from_slice(&document.body).map_err(|_| MetadataProblem::NotMetadata)?;
    if metadata.issuer == issuer {
        Ok(metadata)
    } else {
        Err(MetadataProblem::OtherIssuer)
    }
}
