use std::{net::SocketAddr, path::PathBuf};

use serde::Deserialize;
use url::Url;

use super::{ConfigError, FapiProfile, ServerConfig, TlsMode, address_or_empty, require};

/// `[mtls]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MtlsConfig {
    /// Where clients may show certificates; nowhere when none.
    #[serde(deserialize_with = "address_or_empty")]
    pub listen: Option<SocketAddr>,
    /// Origin seen from outside, or empty.
    pub public_url: String,
    /// PEM certificate chain, or empty.
    pub tls_certificate: PathBuf,
    /// PEM private key, or empty.
    pub tls_key: PathBuf,
    /// Which TLS is spoken.
    pub tls_profile: FapiProfile,
    /// PEM certificates of the authorities behind `tls_client_auth`, or empty.
    pub ca_file: PathBuf,
}

impl MtlsConfig {
    pub(super) fn check(&self, server: &ServerConfig) -> Result<(), ConfigError> {
        if self.listen.is_none() {
            return Ok(());
        }
        let empty = [&self.tls_certificate, &self.tls_key].map(|file| file.as_os_str().is_empty());
        require(empty != [true, false], "mtls", "tls_certificate", || {
            "`tls_key` needs its `tls_certificate`".to_owned()
        })?;
        require(empty != [false, true], "mtls", "tls_key", || {
            "`tls_certificate` needs its `tls_key`".to_owned()
        })?;
        let borrowed = empty == [true, true];
        require(
            !borrowed || server.tls != TlsMode::Off,
            "mtls",
            "tls_certificate",
            || "needed where `[server] tls` is \"off\", so that there is no certificate to share".to_owned(),
        )?;
        let origin = Url::parse(&self.public_url)
            .map(|url| (url.scheme() == "https").then(|| url.origin().ascii_serialization()));
        let good = self.public_url.is_empty() || origin.is_ok_and(|origin| origin.as_ref() == Some(&self.public_url));
        require(good, "mtls", "public_url", || {
            format!(
                "{:?} is not an origin such as https://mtls.id.example.com",
                self.public_url
            )
        })
    }

    /// The origin under which clients that have a certificate reach the endpoints; none when certificates are asked for nowhere.
    #[must_use]
    pub fn origin(&self) -> Option<String> {
        let bound = self.listen?;
        Some(if self.public_url.is_empty() {
            format!("https://{bound}")
        } else {
            self.public_url.clone()
        })
    }
}
