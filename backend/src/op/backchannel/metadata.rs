//! What the discovery document says of authentication requests (CIBA Core section 4).

use std::collections::BTreeSet;

use countersign_jose::Algorithm;
use countersign_protocol::DeliveryMode;
use serde::Serialize;

use crate::{
    config::{FapiVersion, SubjectFormat},
    op::{Provider, clients::Rules},
};

/// The members about the backchannel authentication endpoint. None of them is there when requests are not taken.
#[derive(Debug, Clone, Serialize)]
#[expect(clippy::struct_field_names, reason = "the registry names these members")]
pub(in crate::op) struct BackchannelMetadata {
    backchannel_authentication_endpoint: String,
    backchannel_token_delivery_modes_supported: Vec<DeliveryMode>,
    backchannel_user_code_parameter_supported: bool,
    /// Left out where no request may be signed, which says so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    backchannel_authentication_request_signing_alg_values_supported: Vec<Algorithm>,
    /// FAPI-CIBA draft 03 section 4.3; no other text knows it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    backchannel_endpoint_login_hint_token_types_supported: BTreeSet<SubjectFormat>,
}

impl Provider {
    /// Path of the backchannel authentication endpoint; none when requests are not taken.
    #[must_use]
    pub fn backchannel_authentication_path(&self) -> Option<&str> {
        let config = &self.parts.config;
        config
            .takes_requests()
            .then_some(config.backchannel_authentication_path.as_str())
    }

    pub(in crate::op) fn backchannel_metadata(&self) -> Option<BackchannelMetadata> {
        let config = &self.parts.config;
        let path = self.backchannel_authentication_path()?;
        let rules = Rules::of_all(config);
        let modes = config.delivery_modes.iter().copied();
        let algorithms = config.request_signing_algs.iter().copied();
        let draft = config.fapi_ciba == FapiVersion::Draft03;
        let issuers = config.login_hint_token_issuers.iter().filter(|_| draft);
        Some(BackchannelMetadata {
            backchannel_authentication_endpoint: format!("{}{path}", self.issuer()),
            backchannel_token_delivery_modes_supported: modes.filter(|mode| rules.allows_delivery(*mode)).collect(),
            backchannel_user_code_parameter_supported: config.user_code,
            backchannel_authentication_request_signing_alg_values_supported: algorithms
                .filter(|algorithm| rules.algorithms.contains(algorithm))
                .collect(),
            backchannel_endpoint_login_hint_token_types_supported: issuers
                .flat_map(|issuer| issuer.subjects.keys().copied())
                .collect(),
        })
    }
}
