use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use async_trait::async_trait;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::may_be_called;

/// Finds the addresses of a name.
#[async_trait]
pub trait Lookup: Send + Sync {
    /// All addresses of `name`.
    ///
    /// # Errors
    /// When it has none or nobody knows.
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// A name has addresses, but none that may be called.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to no public address")]
pub(super) struct NothingPublic;

/// Asks once for each connection and lets through what may be called. The connection goes to exactly these addresses, so that a
/// name that changes its mind between a check and a connection gains nothing.
pub(super) struct Guarded {
    pub(super) lookup: Arc<dyn Lookup>,
    pub(super) allowed: Arc<[IpNet]>,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, allowed) = (self.lookup.clone(), self.allowed.clone());
        Box::pin(async move {
            let found = lookup.lookup(name.as_str()).await?;
            let public = found.into_iter().filter(|address| may_be_called(*address, &allowed));
            // The port of the address comes from the URL.
            let public: Vec<SocketAddr> = public.map(|address| SocketAddr::new(address, 0)).collect();
            if public.is_empty() {
                return Err(NothingPublic.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}
