//! Signed authentication requests (CIBA Core section 7.1.1): a JWS of the client whose claims are the parameters, with nothing of CIBA
//! beside it. Whatever is wrong with one is `invalid_request` (section 13 has no other code for it).

mod claims;
mod parameters;

use std::collections::BTreeMap;

use countersign_jose::{Algorithm, Expect, JoseError, Typ, peek_header, verify_with_set};
use serde_json::value::RawValue;

use self::claims::{Claims, SKEW_SECONDS};
use crate::{
    domain::Client,
    op::{OpError, Params, Provider, Refusal, clients::Rules},
};

pub use self::parameters::AUTHENTICATION_PARAMETERS;

/// With details of a payment and a hint that is a token.
const MAX_LEN: usize = 48 * 1024;
/// Longest life of a request under FAPI-CIBA (section 5.2.2), seconds.
const PROFILE_SECONDS: u32 = 3600;

impl Provider {
    /// The parameters that `client` signed; none when it sent them in the form.
    pub(super) async fn signed_request(&self, client: &Client, form: &Params) -> Result<Option<Params>, OpError> {
        let config = &self.parts.config;
        if form.get("request_uri").is_some() {
            return Err(Refusal::invalid_request("request_uri is not supported here: send request").into());
        }
        let Some(request) = form.get("request") else {
            let needed = config.require_signed_request || self.must_sign(client);
            if needed {
                return Err(Refusal::invalid_request("the request has to be signed: send it in request").into());
            }
            return Ok(None);
        };
        parameters::check_outside(form)?;
        let algs = [registered_algorithm(client, &config.request_signing_algs)?];
        let expect = Expect {
            typ: Typ::OneOfOrAbsent(&["JWT", "oauth-authz-req+jwt"]),
            algs: &algs,
            max_len: MAX_LEN,
        };
        let kid = peek_header(request, &expect).map_err(unreadable)?.kid;
        let keys = self.client_keys(client, kid.as_deref()).await?;
        let keys = keys.ok_or_else(|| Refusal::invalid_request("request: the client has no keys to verify it with"))?;
        let verified = verify_with_set(request, &expect, &keys).map_err(unreadable)?;
        let claims: Claims = verified.claims().map_err(unreadable)?;
        let longest = if Rules::of(config, client).bounded_requests {
            config.signed_request_seconds.min(PROFILE_SECONDS)
        } else {
            config.signed_request_seconds
        };
        let now = self.parts.clock.now_seconds();
        claims.check(client.id.as_str(), self.issuer(), i64::from(longest), now)?;
        let members: BTreeMap<String, Box<RawValue>> = verified.claims().map_err(unreadable)?;
        let params = parameters::read(&members)?;
        // Remembered as long as it could be presented again, whichever clock is asked.
        let until = (claims.exp.0 + SKEW_SECONDS) * 1000;
        let owner = client.id.as_str();
        let storage = &self.parts.storage;
        if !storage
            .remember_once("request_object", owner, &claims.jti, until)
            .await?
        {
            return Err(Refusal::invalid_request("request: its jti was used before").into());
        }
        Ok(Some(params))
    }
}

/// The one algorithm that `client` signs with, where it is still offered.
fn registered_algorithm(client: &Client, offered: &[Algorithm]) -> Result<Algorithm, Refusal> {
    let registered = client.requests.signing_alg.as_deref().ok_or_else(|| {
        Refusal::invalid_request("the client registered no backchannel_authentication_request_signing_alg")
    })?;
    let algorithm = registered.parse().ok();
    algorithm
        .filter(|algorithm| offered.contains(algorithm))
        .ok_or_else(|| Refusal::invalid_request("the algorithm that the client registered for requests is not offered"))
}

fn unreadable(error: JoseError) -> Refusal {
    Refusal::invalid_request(format!("request: {error}"))
}
