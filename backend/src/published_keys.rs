//! Keys that others publish at a `jwks_uri` (RFC 7517 section 5), as they were found there lately: clients (RFC 7591 section 2) and providers.
//!
//! Whoever can write a token can name a key in it, so a name alone makes us fetch no more often than every 30 seconds; and a host that
//! fails is left alone as long.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use countersign_clock::{Clock, Millis};
use countersign_jose::JwkSet;
use url::Url;

use crate::outbound::{Document, DocumentError, Outbound};

/// Sets that are remembered at once, whoever registers how many clients.
const MOST: usize = 1000;
/// Bounds of what a host may say of the life of its keys, seconds.
const LIFE_SECONDS: (u32, u32) = (5, 3600);
/// Between two fetches that the host did not ask for.
const AGAIN_MILLIS: Millis = 30_000;

/// What was found at each address.
pub struct PublishedKeys {
    places: Mutex<HashMap<Url, Arc<Place>>>,
    outbound: Outbound,
    clock: Arc<dyn Clock>,
    life: u32,
    stale: Millis,
}

/// One address.
struct Place {
    used_at: AtomicI64,
    found: Mutex<Found>,
    /// Held by who fetches; the others wait for what comes of it.
    fetching: tokio::sync::Mutex<()>,
}

/// What is known of one address.
#[derive(Default)]
struct Found {
    keys: Option<Arc<JwkSet>>,
    fresh_until: Millis,
    stale_until: Millis,
    tried_at: Option<Millis>,
}

/// The server stops, so nobody fetches anything any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server is stopping")]
pub struct Stopped;

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
enum NoKeys {
    #[error("the document could not be fetched")]
    Fetch(#[from] DocumentError),
    #[error("the document is not a set of public keys")]
    NotKeys(#[source] serde_json::Error),
}

impl PublishedKeys {
    /// Keys that are fetched through `outbound`, kept for `life` seconds where their host does not say, and `stale` seconds longer where it fails.
    #[must_use]
    pub fn new(outbound: Outbound, clock: Arc<dyn Clock>, life: u32, stale: u32) -> Self {
        Self {
            places: Mutex::default(),
            outbound,
            clock,
            life,
            stale: Millis::from(stale) * 1000,
        }
    }

    /// The keys at `uri`; none when they cannot be had. Keys that lack `kid` are fetched once more, unless that was done just now.
    ///
    /// # Errors
    /// When the server is stopping.
    pub async fn at(&self, uri: &Url, kid: Option<&str>) -> Result<Option<Arc<JwkSet>>, Stopped> {
        let now = self.clock.now();
        let place = self.place(uri, now);
        if !place.found().is_due(kid, now) {
            return Ok(place.found().keys_at(now));
        }
        // In a task of its own: a caller that goes away must not keep the others from what it asked for.
        let fetched = tokio::spawn(refreshed(
            place,
            uri.clone(),
            kid.map(str::to_owned),
            self.outbound.clone(),
            self.clock.clone(),
            (self.life, self.stale),
        ));
        fetched.await.map_err(|_| Stopped)
    }

    fn place(&self, uri: &Url, now: Millis) -> Arc<Place> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = places.get(uri) {
            place.used_at.store(now, Ordering::Relaxed);
            return place.clone();
        }
        if places.len() >= MOST {
            let oldest = places
                .iter()
                .min_by_key(|(_, place)| place.used_at.load(Ordering::Relaxed));
            if let Some(uri) = oldest.map(|(uri, _)| uri.clone()) {
                places.remove(&uri);
            }
        }
        let place = Arc::new(Place {
            used_at: AtomicI64::new(now),
            found: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
        });
        places.insert(uri.clone(), place.clone());
        place
    }
}

/// Fetches, unless another one did so meanwhile.
async fn refreshed(
    place: Arc<Place>,
    uri: Url,
    kid: Option<String>,
    outbound: Outbound,
    clock: Arc<dyn Clock>,
    (life, stale): (u32, Millis),
) -> Option<Arc<JwkSet>> {
    let _alone = place.fetching.lock().await;
    if place.found().is_due(kid.as_deref(), clock.now()) {
        let outcome = fetch(&outbound, &uri).await;
        let host = uri.host_str().unwrap_or_default();
        match &outcome {
            Ok(_) => tracing::debug!(host, "published keys were fetched"),
            Err(error) => {
                let error: &dyn std::error::Error = error;
                let cause = error.source().map(ToString::to_string);
                tracing::warn!(host, %error, cause, "published keys could not be fetched from {host}");
            }
        }
        place.found().take(outcome.ok(), clock.now(), life, stale);
    }
    place.found().keys_at(clock.now())
}

async fn fetch(outbound: &Outbound, uri: &Url) -> Result<(JwkSet, Option<u32>), NoKeys> {
    let Document { body, max_age } = outbound.get_json(uri).await?;
    let keys = serde_json::from_slice(&body).map_err(NoKeys::NotKeys)?;
    Ok((keys, max_age))
}

impl Place {
    fn found(&self) -> std::sync::MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Found {
    /// Whether a fetch may bring more than is known.
    fn is_due(&self, kid: Option<&str>, now: Millis) -> bool {
        let rested = self.tried_at.is_none_or(|tried_at| now >= tried_at + AGAIN_MILLIS);
        let Some(keys) = &self.keys else {
            return rested;
        };
        if now >= self.fresh_until {
            // A life shorter than the rest was asked for by the host, unless it is over because the host fails.
            let failing = self.tried_at.is_some_and(|tried_at| tried_at >= self.fresh_until);
            return rested || !failing;
        }
        let lacks = |kid: &str| !keys.keys.iter().any(|key| key.kid() == Some(kid));
        rested && kid.is_some_and(lacks)
    }

    fn keys_at(&self, now: Millis) -> Option<Arc<JwkSet>> {
        self.keys.clone().filter(|_| now < self.stale_until)
    }

    fn take(&mut self, fetched: Option<(JwkSet, Option<u32>)>, now: Millis, life: u32, stale: Millis) {
        self.tried_at = Some(now);
        if let Some((keys, max_age)) = fetched {
            let (least, most) = LIFE_SECONDS;
            let life = max_age.unwrap_or(life).clamp(least, most);
            self.keys = Some(Arc::new(keys));
            self.fresh_until = now + Millis::from(life) * 1000;
            self.stale_until = self.fresh_until + stale;
        }
    }
}

#[cfg(test)]
mod tests {
    use countersign_jose::{Algorithm, SigningKey};

    use super::*;

    const STALE: Millis = 100_000;

    fn keys(kid: &str) -> JwkSet {
        let key = SigningKey::generate(Algorithm::Es256).unwrap().public_jwk();
        JwkSet {
            keys: vec![key.with_kid(kid)],
        }
    }

    #[test]
    fn an_unknown_name_is_looked_for_every_thirty_seconds_at_most() {
        let mut found = Found::default();
        assert!(found.is_due(None, 0), "nothing is known");
        found.take(Some((keys("a"), None)), 0, 300, STALE);
        assert!(!found.is_due(Some("a"), 0) && !found.is_due(None, 0));
        assert!(!found.is_due(Some("b"), 29_999), "V-040: fetched a moment ago");
        assert!(found.is_due(Some("b"), 30_000), "R-101: it may be new");
        found.take(None, 30_000, 300, STALE);
        assert!(!found.is_due(Some("b"), 59_999), "V-040: failures count");
        assert!(!found.is_due(Some("a"), 60_000), "a known name needs no fetch");
        assert!(found.keys_at(60_000).is_some(), "a failure takes nothing away");
    }

    #[test]
    fn keys_live_as_long_as_their_host_says_within_bounds() {
        for (max_age, life) in [
            (None, 300),
            (Some(60), 60),
            (Some(0), 5),
            (Some(1), 5),
            (Some(7200), 3600),
            (Some(u32::MAX), 3600),
        ] {
            let mut found = Found::default();
            found.take(Some((keys("a"), max_age)), 0, 300, STALE);
            let end = Millis::from(life) * 1000;
            assert!(!found.is_due(Some("a"), end - 1), "{max_age:?}");
            assert!(found.is_due(Some("a"), end), "{max_age:?}");
        }
    }

    #[test]
    fn keys_of_a_host_that_is_down_stay_good_for_a_while() {
        let mut found = Found::default();
        found.take(Some((keys("a"), Some(5))), 0, 300, STALE);
        found.take(None, 5_000, 300, STALE);
        assert!(
            !found.is_due(Some("a"), 34_999),
            "V-040: a host that fails is left alone"
        );
        assert!(found.is_due(Some("a"), 35_000));
        assert!(found.keys_at(5_000 + STALE - 1).is_some());
        assert!(found.keys_at(5_000 + STALE).is_none(), "not for ever");
        let mut none = Found::default();
        none.take(None, 0, 300, STALE);
        assert!(!none.is_due(None, 29_999) && none.is_due(None, 30_000), "V-040");
    }

    #[tokio::test]
    async fn only_so_many_addresses_are_remembered() {
        let config = crate::config::Config::from_toml("").unwrap();
        let lookup = Arc::new(crate::outbound::SystemLookup);
        let outbound = Outbound::new(&config.outbound, lookup).unwrap();
        let clock = Arc::new(countersign_clock::ManualClock::at(0));
        let published = PublishedKeys::new(outbound, clock, 300, 100);
        let uri = |number: usize| Url::parse(&format!("https://client-{number}.example/jwks")).unwrap();
        for (number, now) in (0..MOST).zip(0..) {
            published.place(&uri(number), now);
        }
        published.place(&uri(0), 5_000);
        published.place(&uri(MOST), 5_001);
        let places = published.places.lock().unwrap();
        assert_eq!(places.len(), MOST, "V-040: however many clients are registered");
        assert!(places.contains_key(&uri(0)) && places.contains_key(&uri(MOST)));
        assert!(
            !places.contains_key(&uri(1)),
            "who was not used for the longest time makes room"
        );
    }
}
