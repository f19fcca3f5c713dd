use std::path::{Path, PathBuf};

use countersign_clock::Millis;
use rustls::{
    client::verify_server_name,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    server::ParsedCertificate,
    sign::CertifiedKey,
};
use url::Url;

use super::{Verdict, certificate, chain, ill, ok};
use crate::config::{Config, ServerConfig, TlsMode};

const DAY: i64 = 24 * 60 * 60;
/// In which a certificate can still be renewed in peace.
const SOON: i64 = 14 * DAY;

/// Whether others can have the address that we give ourselves.
pub(super) fn address(server: &ServerConfig) -> Verdict {
    let origin = server.origin(server.listen);
    if server.public_url.is_empty() && server.listen.ip().is_unspecified() {
        return ill(
            format!("[server] public_url is empty, so clients and devices are told {origin}, which leads nowhere"),
            "set public_url to the address that people use, such as https://id.example.com",
        );
    }
    if server.public_url.is_empty() && server.listen.ip().is_loopback() {
        return ok(format!("{origin}, for this machine alone"));
    }
    ok(origin)
}

/// Whether there is a certificate that others accept, for a while.
pub(super) fn tls(config: &Config, now: Millis) -> Verdict {
    let server = &config.server;
    let (certificate, key) = match server.tls {
        TlsMode::Off if server.public_url.starts_with("https://") => {
            return ok("a proxy on this machine speaks TLS for us");
        }
        TlsMode::Off => return ok("off: plain http, for this machine alone"),
        TlsMode::Files => (server.tls_certificate.clone(), server.tls_key.clone()),
        TlsMode::Development => {
            let beside = |suffix: &str| {
                let mut path = config.storage.path.clone().into_os_string();
                path.push(suffix);
                PathBuf::from(path)
            };
            let files = (beside(".crt"), beside(".crt.key"));
            if !files.0.exists() {
                return ok("development: the first start makes a certificate");
            }
            files
        }
    };
    match look_at(&certificate, &key, &server.origin(server.listen), now) {
        Ok(says) => ok(says),
        Err(Fault { says, remedy }) => ill(says, remedy),
    }
}

struct Fault {
    says: String,
    remedy: String,
}

fn fault(says: String, remedy: &str) -> Fault {
    Fault {
        says,
        remedy: remedy.to_owned(),
    }
}

fn look_at(certificate: &Path, key: &Path, origin: &str, now: Millis) -> Result<String, Fault> {
    let path = certificate.display();
    let unreadable = |path: &Path, error: &dyn std::error::Error| {
        fault(
            format!("{} cannot be read as PEM: {}", path.display(), chain(error)),
            "name a PEM file that the user of the server may read",
        )
    };
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(certificate, &error))?;
    let Some(own) = certificates.first() else {
        return Err(fault(
            format!("{path} holds no certificate"),
            "put the certificate first, then those that lead to a root",
        ));
    };
    let ends = certificates.iter().filter_map(certificate::ends_at).min();
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, &error))?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    CertifiedKey::from_der(certificates.clone(), private, &provider).map_err(|error| {
        fault(
            format!("{} is not the key of {path}: {error}", key.display()),
            "name the two files that were made together",
        )
    })?;
    check_name(own, origin).map_err(|problem| {
        fault(
            format!("{path} is not for {origin}: {problem}"),
            "get a certificate for this name, or set public_url to the name it has",
        )
    })?;
    let Some(ends) = ends else {
        return Err(fault(format!("the end of {path} cannot be read"), "renew it"));
    };
    let left = ends - now / 1000;
    let days = left.div_euclid(DAY);
    if left <= 0 {
        return Err(fault(format!("{path} has expired"), "renew it and restart the server"));
    }
    if left < SOON {
        return Err(fault(
            format!("{path} expires in {days} days"),
            "renew it and restart the server",
        ));
    }
    Ok(format!("{path} is good for {days} days"))
}

fn check_name(certificate: &CertificateDer<'_>, origin: &str) -> Result<(), String> {
    let parsed = ParsedCertificate::try_from(certificate).map_err(|error| error.to_string())?;
    let url = Url::parse(origin).map_err(|error| error.to_string())?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let name = ServerName::try_from(host).map_err(|error| error.to_string())?;
    verify_server_name(&parsed, &name).map_err(|error| error.to_string())
}
