use serde::Deserialize;

/// A set of rules that a provider, or a listener, keeps beyond the standards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FapiProfile {
    /// None.
    Plain,
    /// FAPI-CIBA with FAPI 1.0.
    FapiCiba,
    /// FAPI-CIBA with FAPI 2.0.
    Fapi2,
}

impl FapiProfile {
    /// The one of both that leaves less of TLS: FAPI 1.0 allows a part of what FAPI 2.0 allows.
    #[must_use]
    pub fn narrower_tls(self, other: Self) -> Self {
        match (self, other) {
            (Self::FapiCiba, _) | (_, Self::FapiCiba) => Self::FapiCiba,
            (Self::Fapi2, _) | (_, Self::Fapi2) => Self::Fapi2,
            (Self::Plain, Self::Plain) => Self::Plain,
        }
    }
}

/// Which text of FAPI-CIBA holds where it meets FAPI 1.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FapiVersion {
    /// Implementer's Draft 1: every request is signed.
    Id1,
    /// Draft 03: signed or not, as the client registered.
    Draft03,
}
