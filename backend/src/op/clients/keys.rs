//! The public keys of a client: registered with it, or published by it.

use countersign_jose::JwkSet;

use crate::{
    domain::Client,
    op::{OpError, Provider},
};

impl Provider {
    /// The keys that verify what `client` signed; none when it has none, or they cannot be had now. `kid` is the name of the key that
    /// is looked for: a published set that lacks it may have been replaced, and is fetched once more.
    pub(in crate::op) async fn client_keys(
        &self,
        client: &Client,
        kid: Option<&str>,
    ) -> Result<Option<JwkSet>, OpError> {
        if let Some(uri) = &client.jwks_uri {
            let published = self.published_keys.at(uri, kid).await.map_err(|_| OpError::Stopped)?;
            return Ok(published.map(|keys| JwkSet::clone(&keys)));
        }
        let registered = client.jwks.clone();
        Ok(registered.and_then(|keys| serde_json::from_value(keys).ok()))
    }
}
