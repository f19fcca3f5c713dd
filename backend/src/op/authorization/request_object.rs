//! Signed authorization requests at the authorization endpoint (RFC 9101, OpenID Connect Core section 6.1).

use std::collections::BTreeMap;

use countersign_jose::{Algorithm, Audience, Expect, IntegerSeconds, Typ, peek_header, verify_with_set};
use countersign_protocol::OAuthErrorCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    domain::Client,
    op::{OpError, Params, Provider, Refusal},
};

/// Algorithms of request objects: `request_object_signing_alg_values_supported`.
pub(in crate::op) const ALGORITHMS: [Algorithm; 10] = Algorithm::ALL;

const MAX_LEN: usize = 32 * 1024;
/// Seconds that the client's clock may be ahead.
const SKEW_SECONDS: i64 = 30;
/// Claims of the JWT itself, which are no parameters.
const OF_THE_JWT: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

#[derive(Deserialize)]
struct Envelope {
    iss: Option<String>,
    sub: Option<String>,
    aud: Audience,
    client_id: String,
    #[serde(default, deserialize_with = "IntegerSeconds::if_there")]
    exp: Option<IntegerSeconds>,
    #[serde(default, deserialize_with = "IntegerSeconds::if_there")]
    nbf: Option<IntegerSeconds>,
    #[serde(default, deserialize_with = "IntegerSeconds::if_there")]
    iat: Option<IntegerSeconds>,
}

impl Provider {
    /// The parameters that `client` signed.
    ///
    /// # Errors
    /// `request_not_supported` when the client registered no algorithm for them, `invalid_request_object`, or that its keys cannot be had.
    pub(super) async fn signed_params(&self, client: &Client, object: &str) -> Result<Params, OpError> {
        let Some(registered) = &client.authorization.object_alg else {
            let refused = OAuthErrorCode::RequestNotSupported;
            return Err(Refusal::new(refused, "the client is not registered for request objects").into());
        };
        let Some(alg) = registered.parse().ok().filter(|alg| ALGORITHMS.contains(alg)) else {
            return Err(invalid("its algorithm is not one of this provider").into());
        };
        let expect = Expect {
            typ: Typ::OneOfOrAbsent(&["JWT", "oauth-authz-req+jwt"]),
            algs: &[alg],
            max_len: MAX_LEN,
        };
        let unverified = "it is not a request object with the algorithm that the client registered";
        let header = peek_header(object, &expect).map_err(|_| invalid(unverified))?;
        let keys = self.client_keys(client, header.kid.as_deref()).await?;
        let keys = keys.ok_or_else(|| invalid("the keys of the client cannot be had"))?;
        let verified = verify_with_set(object, &expect, &keys).map_err(|_| invalid("its signature is not good"))?;
        let envelope: Envelope = verified
            .claims()
            .map_err(|_| invalid("a claim is missing or of the wrong kind"))?;
        self.check_envelope(client, &envelope)?;
        let claims: BTreeMap<String, Box<RawValue>> =
            verified.claims().map_err(|_| invalid("its claims cannot be read"))?;
        let params = Params::from_members(&claims).map_err(|_| invalid("a claim cannot be a parameter"))?;
        if params.get("request").is_some() || params.get("request_uri").is_some() {
            return Err(invalid("it contains another one").into());
        }
        Ok(Params::from_pairs(params.without(&OF_THE_JWT))?)
    }

    fn check_envelope(&self, client: &Client, envelope: &Envelope) -> Result<(), Refusal> {
        let now = self.parts.clock.now_seconds();
        let id = client.id.as_str();
        let begun = |time: Option<IntegerSeconds>| time.is_none_or(|time| time.0 <= now + SKEW_SECONDS);
        let rules = [
            (envelope.client_id == id, "client_id inside is another one"),
            (
                envelope.iss.as_deref().is_none_or(|iss| iss == id),
                "it was issued by another client",
            ),
            // What authenticates a client has it as the subject, and is no request (RFC 9101 section 10.8).
            (envelope.sub.as_deref() != Some(id), "its subject is the client"),
            (envelope.aud.contains(self.issuer()), "it is for somebody else"),
            (envelope.exp.is_none_or(|exp| now < exp.0), "its time is over"),
            (begun(envelope.nbf) && begun(envelope.iat), "it comes from the future"),
        ];
        match rules.into_iter().find(|(holds, _)| !holds) {
            Some((_, problem)) => Err(invalid(problem)),
            None => Ok(()),
        }
    }
}

fn invalid(problem: &'static str) -> Refusal {
    Refusal::new(
        OAuthErrorCode::InvalidRequestObject,
        format!("the request object is not acceptable: {problem}"),
    )
}
