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
use crate::{
    config::{Config, ServerConfig, TlsMode},
    op::MutualTls,
};

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
    if server.tls == TlsMode::Off {
        return ok(if server.public_url.starts_with("https://") {
            "a proxy on this machine speaks TLS for us"
        } else {
            "off: plain http, for this machine alone"
        });
    }
    verdict(shared_files(config), &server.origin(server.listen), now)
}

/// The same for the listener where clients show theirs, and whether those who vouch for them are known.
pub(super) fn mtls(config: &Config, now: Millis) -> Verdict {
    let Some(origin) = config.mtls.origin() else {
        return ok("off: no client shows a certificate");
    };
    if let Err(error) = MutualTls::open(&config.mtls) {
        return ill(
            chain(&error),
            "name a PEM file with the certificates of the authorities in [mtls] ca_file",
        );
    }
    let mtls = &config.mtls;
    let files = if mtls.tls_certificate.as_os_str().is_empty() {
        shared_files(config)
    } else {
        Some((mtls.tls_certificate.clone(), mtls.tls_key.clone()))
    };
    verdict(files, &origin, now)
}

/// What `[server]` names; none when it is still to be made.
fn shared_files(config: &Config) -> Option<(PathBuf, PathBuf)> {
    let server = &config.server;
    if server.tls != TlsMode::Development {
        return Some((server.tls_certificate.clone(), server.tls_key.clone()));
    }
    let beside = |suffix: &str| {
        let mut path = config.storage.path.clone().into_os_string();
        path.push(suffix);
        PathBuf::from(path)
    };
    let files = (beside(".crt"), beside(".crt.key"));
    files.0.exists().then_some(files)
}

fn verdict(files: Option<(PathBuf, PathBuf)>, origin: &str, now: Millis) -> Verdict {
    let Some((certificate, key)) = files else {
        return ok("development: the first start makes a certificate");
    };
    match look_at(&certificate, &key, origin, now) {
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
        return Err(fault(
            format!("{path} has expired"),
            "renew it: the server sees the new one",
        ));
    }
    if left < SOON {
        return Err(fault(
            format!("{path} expires in {days} days"),
            "renew it: the server sees the new one",
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

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertificateParams, KeyPair};
    use tempfile::TempDir;

    use super::*;

    /// 2030-06-15.
    const NOW: Millis = 1_907_712_000_000;

    /// Writes a certificate for localhost that ends on this day of June 2030, and a key.
    fn files(folder: &TempDir, day: u8, own_key: bool) -> Config {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned(), "id.example.com".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2030, 6, day);
        let certificate = params.self_signed(&key).unwrap();
        let key = if own_key { key } else { KeyPair::generate().unwrap() };
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::write(path("tls.pem"), certificate.pem()).unwrap();
        fs::write(path("tls.key"), key.serialize_pem()).unwrap();
        configured(folder, "https://id.example.com")
    }

    fn configured(folder: &TempDir, public_url: &str) -> Config {
        let path = |name: &str| folder.path().join(name).display().to_string();
        let toml = format!(
            "[server]\ntls = \"files\"\npublic_url = {public_url:?}\ntls_certificate = {:?}\ntls_key = {:?}",
            path("tls.pem"),
            path("tls.key")
        );
        Config::from_toml(&toml).unwrap()
    }

    #[track_caller]
    fn ill_with(config: &Config, words: &str) {
        let verdict = tls(config, NOW);
        let Verdict::Ill { says, .. } = &verdict else {
            panic!("{verdict:?}")
        };
        assert!(says.contains(words), "{says}");
    }

    #[test]
    fn a_certificate_is_looked_at_before_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let good = tls(&files(&folder, 30, true), NOW);
        assert_eq!(
            good,
            ok(format!("{}/tls.pem is good for 15 days", folder.path().display()))
        );
        ill_with(&files(&folder, 28, true), "expires in 13 days");
        ill_with(&files(&folder, 15, true), "has expired");
    }

    #[test]
    fn a_certificate_is_for_its_key_and_its_name() {
        let folder = tempfile::tempdir().unwrap();
        ill_with(&files(&folder, 30, false), "is not the key of");
        files(&folder, 30, true);
        ill_with(
            &configured(&folder, "https://login.example.com"),
            "is not for https://login.example.com",
        );
        fs::write(folder.path().join("tls.pem"), "no certificate").unwrap();
        ill_with(&configured(&folder, "https://id.example.com"), "holds no certificate");
        fs::remove_file(folder.path().join("tls.pem")).unwrap();
        ill_with(&configured(&folder, "https://id.example.com"), "cannot be read as PEM");
    }

    #[test]
    fn the_listener_for_certificates_has_one_for_its_own_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = files(&folder, 30, true);
        assert!(matches!(mtls(&config, NOW), Verdict::Ok { .. }), "there is none");
        config.mtls.listen = Some(([127, 0, 0, 1], 8481).into());
        config.mtls.public_url = "https://mtls.id.example".to_owned();
        let Verdict::Ill { says, .. } = mtls(&config, NOW) else {
            panic!("the certificate is for another name")
        };
        assert!(says.contains("is not for https://mtls.id.example"), "{says}");
        config.mtls.public_url.clone_from(&config.server.public_url);
        assert!(matches!(mtls(&config, NOW), Verdict::Ok { .. }), "it is for this name");
        config.mtls.ca_file = folder.path().join("nobody.pem");
        let Verdict::Ill { says, .. } = mtls(&config, NOW) else {
            panic!("nobody is known who vouches for clients")
        };
        assert!(says.contains("nobody.pem"), "{says}");
    }

    #[test]
    fn an_address_that_leads_nowhere_is_noticed() {
        let server = |toml: &str| Config::from_toml(toml).unwrap().server;
        let nowhere = server("[server]\nlisten = \"0.0.0.0:8443\"\ntls = \"development\"");
        assert!(matches!(address(&nowhere), Verdict::Ill { .. }));
        for toml in ["", "[server]\npublic_url = \"https://id.example.com\""] {
            assert!(matches!(address(&server(toml)), Verdict::Ok { .. }), "{toml}");
        }
    }
}
