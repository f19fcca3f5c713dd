use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use serde::Deserialize;
use url::Url;

use super::{ConfigError, require};

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
            self.tls != TlsMode::Off || is_literal_loopback(self.listen.ip()),
            "server",
            "listen",
            || {
                format!(
                    "{} is not a loopback address: plain http is served on 127.0.0.1 or [::1] alone, set `tls`",
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

/// 127.0.0.1 or [::1]. The rest of 127.0.0.0/8 never leaves the machine either, but no device talks plain http to it.
fn is_literal_loopback(ip: IpAddr) -> bool {
    ip == Ipv4Addr::LOCALHOST || ip == Ipv6Addr::LOCALHOST
}

fn is_loopback_origin(origin: &str) -> bool {
    Url::parse(origin).is_ok_and(|url| match url.host() {
        Some(url::Host::Ipv4(ip)) => is_literal_loopback(ip.into()),
        Some(url::Host::Ipv6(ip)) => is_literal_loopback(ip.into()),
        _ => false,
    })
}
