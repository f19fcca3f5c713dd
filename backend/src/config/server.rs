use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use serde::Deserialize;
use url::Url;

use super::{ConfigError, FapiProfile, require};

/// `[server]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port.
    pub listen: SocketAddr,
    /// Origin seen from outside, or empty.
    pub public_url: String,
    /// Whether and with which certificate TLS is served.
    pub tls: TlsMode,
    /// PEM certificate chain.
    pub tls_certificate: PathBuf,
    /// PEM private key.
    pub tls_key: PathBuf,
    /// Which TLS is spoken.
    pub tls_profile: FapiProfile,
    /// Whether a proxy on this machine names its callers in `X-Forwarded-For`.
    pub forwarded_for: bool,
    /// Seconds for open requests at the end.
    pub shutdown_seconds: u64,
}

/// Where the certificate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsMode {
    /// Plain http on loopback.
    Off,
    /// Given files.
    Files,
    /// A self-signed certificate.
    Development,
}

impl ServerConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        require(
            self.tls != TlsMode::Off || is_loopback(self.listen.ip()),
            "server",
            "listen",
            || {
                format!(
                    "{} is neither 127.0.0.1 nor [::1]: plain http is served there alone, set `tls`",
                    self.listen
                )
            },
        )?;
        let files = !self.tls_certificate.as_os_str().is_empty() && !self.tls_key.as_os_str().is_empty();
        require(self.tls != TlsMode::Files || files, "server", "tls_certificate", || {
            "`tls = \"files\"` needs `tls_certificate` and `tls_key`".to_owned()
        })?;
        if !self.public_url.is_empty() {
            let origin =
                Url::parse(&self.public_url).map(|url| (url.scheme().to_owned(), url.origin().ascii_serialization()));
            let good = origin
                .is_ok_and(|(scheme, origin)| (scheme == "https" || scheme == "http") && origin == self.public_url);
            require(good, "server", "public_url", || {
                format!("{:?} is not an origin such as https://id.example.com", self.public_url)
            })?;
            let plain = self.public_url.starts_with("http://");
            require(
                !plain || is_loopback_origin(&self.public_url),
                "server",
                "public_url",
                || "http is allowed for a literal loopback address alone".to_owned(),
            )?;
        }
        Ok(())
    }

    /// The origin seen from outside, once the port is known.
    #[must_use]
    pub fn origin(&self, bound: SocketAddr) -> String {
        if !self.public_url.is_empty() {
            return self.public_url.clone();
        }
        let scheme = if self.tls == TlsMode::Off { "http" } else { "https" };
        format!("{scheme}://{bound}")
    }
}

/// The two addresses that everybody who speaks with us, the app among them, takes for this machine.
fn is_loopback(ip: IpAddr) -> bool {
    ip == Ipv4Addr::LOCALHOST || ip == Ipv6Addr::LOCALHOST
}

fn is_loopback_origin(origin: &str) -> bool {
    Url::parse(origin).is_ok_and(|url| match url.host() {
        Some(url::Host::Ipv4(ip)) => is_loopback(ip.into()),
        Some(url::Host::Ipv6(ip)) => is_loopback(ip.into()),
        _ => false,
    })
}
