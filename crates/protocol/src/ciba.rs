use serde::{Deserialize, Serialize};

use crate::ids::AuthReqId;

/// The grant type of CIBA Core section 10.1.
pub const CIBA_GRANT: &str = "urn:openid:params:grant-type:ciba";

/// How the provider tells the client about the result (CIBA Core section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryMode {
    /// The client asks at the token endpoint until there is a result.
    Poll,
    /// The provider calls the client when there is a result, and the client fetches it at the token endpoint.
    Ping,
    /// The provider calls the client with the tokens.
    Push,
}

/// The acknowledgement of CIBA Core section 7.3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackchannelAuthenticationResponse {
    /// Names the authentication request at the token endpoint.
    pub auth_req_id: AuthReqId,
    /// Seconds, from the receipt of the request, in which it can be decided.
    pub expires_in: u64,
    /// Seconds to wait between two polls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<u64>,
    /// Extension: the number to show to the person, when the client types numbers but sent none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding_code: Option<String>,
}
