//! Which addresses the device talks to: https anywhere, plain http only on this machine, named by its literal address.

use thiserror::Error;
use url::{Host, Url};

/// The address is not one the device would use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("use an address that is neither https nor on this machine")]
pub struct AddressRefused;

/// Reads the address of a backend as a person types it: a bare name means https, a bare loopback address means http.
pub(crate) fn typed(text: &str) -> Result<Url, AddressRefused> {
    let text = text.trim();
    let url = if text.contains("://") {
        Url::parse(text)
    } else if text.starts_with("127.0.0.1") || text.starts_with("[::1]") {
        Url::parse(&format!("http://{text}"))
    } else {
        Url::parse(&format!("https://{text}"))
    };
    let url = allowed(url.map_err(|_| AddressRefused)?)?;
    if url.path() == "/" && url.query().is_none() && url.fragment().is_none() {
        Ok(url)
    } else {
        Err(AddressRefused)
    }
}

/// Lets an address pass that the device may talk to.
pub(crate) fn allowed(url: Url) -> Result<Url, AddressRefused> {
    let local = match url.host() {
        Some(Host::Ipv4(address)) => address == std::net::Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(address)) => address == std::net::Ipv6Addr::LOCALHOST,
        Some(Host::Domain(_)) => false,
        None => return Err(AddressRefused),
    };
    let anonymous = url.username().is_empty() && url.password().is_none();
    match url.scheme() {
        "https" if anonymous => Ok(url),
        "http" if anonymous && local => Ok(url),
        _ => Err(AddressRefused),
    }
}

/// Reads and judges an address out of a document.
pub(crate) fn parse(text: &str) -> Result<Url, AddressRefused> {
    allowed(Url::parse(text).map_err(|_| AddressRefused)?)
}

/// The origin as it stands in claims: no trailing slash.
pub(crate) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_refused_beyond_the_literal_loopback_address() {
        for good in [
            "https://id.example.com",
            "id.example.com",
            "id.example.com:8443",
            "127.0.0.1:8080",
            "http://127.0.0.1:8080",
            "http://[::1]:9",
            " [::1]:9 ",
        ] {
            assert!(typed(good).is_ok(), "S-051: {good} is usable");
        }
        for bad in [
            "http://id.example.com",
            "http://localhost:8080",
            "http://127.0.0.2",
            "http://10.0.0.1",
            "http://127.0.0.1.example.com",
            "http://user@127.0.0.1",
            "ftp://id.example.com",
            "file:///etc/passwd",
            "javascript://x",
            "https://id.example.com/path",
            "https://id.example.com/?q",
            "",
        ] {
            assert_eq!(typed(bad), Err(AddressRefused), "S-051: {bad} is refused");
        }
    }
}
