//! `resource` (RFC 8707): what the tokens of a request are to be for. The one parameter that may be there several times.

use countersign_protocol::OAuthErrorCode;

use super::{Params, Provider, Refusal};
use crate::{
    config::is_resource,
    domain::{Client, GrantExtras},
};

const MAX_LEN: usize = 512;
const MAX_COUNT: usize = 8;

impl Provider {
    /// The resources that a client asks for, each once, as it wrote them.
    ///
    /// # Errors
    /// `invalid_target` (RFC 8707 section 2) when one is no absolute URI without a fragment, or is not for this client.
    pub(super) fn asked_resources(&self, client: &Client, params: &Params) -> Result<Vec<String>, Refusal> {
        let invalid = |description| Err(Refusal::new(OAuthErrorCode::InvalidTarget, description));
        let mut resources: Vec<String> = Vec::new();
        for resource in params.all("resource") {
            if resource.len() > MAX_LEN || !is_resource(resource) {
                return invalid("resource is not an absolute URI without a fragment");
            }
            let everybodys = &self.parts.config.resources;
            let own = &client.requests.resources;
            if !everybodys.iter().chain(own).any(|allowed| allowed == resource) {
                return invalid("resource is not one that this client may ask for");
            }
            if !resources.iter().any(|known| known == resource) {
                resources.push(resource.to_owned());
            }
            if resources.len() > MAX_COUNT {
                return invalid("there are more than 8 resources");
            }
        }
        Ok(resources)
    }
}

/// Those of the resources of a grant that a token request wants a token for (RFC 8707 section 2.2), in the grant's order; none where it wants all.
///
/// # Errors
/// `invalid_target` when one was not granted.
pub(super) fn narrowed(granted: &GrantExtras, params: &Params) -> Result<Vec<String>, Refusal> {
    let granted = &granted.resources;
    let asked: Vec<&str> = params.all("resource").collect();
    if !asked.iter().all(|asked| granted.iter().any(|granted| granted == asked)) {
        let invalid = OAuthErrorCode::InvalidTarget;
        return Err(Refusal::new(invalid, "resource is not among those that were granted"));
    }
    let mut wanted = granted.clone();
    wanted.retain(|granted| asked.contains(&granted.as_str()));
    if wanted.len() == granted.len() {
        wanted.clear();
    }
    Ok(wanted)
}
