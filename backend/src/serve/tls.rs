//! TLS as each listener speaks it: which versions and suites, whose certificate, and what is asked of who calls.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum_server::tls_rustls::RustlsConfig;
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme, SupportedCipherSuite,
    client::danger::HandshakeSignatureValid,
    crypto::{
        CryptoProvider,
        aws_lc_rs::{cipher_suite, default_provider},
        verify_tls12_signature, verify_tls13_signature,
    },
    pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject as _},
    server::danger::{ClientCertVerified, ClientCertVerifier},
    version::{TLS12, TLS13},
};

use super::ServeError;
use crate::config::FapiProfile;

/// Between two looks at the files.
pub(super) const REREAD: Duration = Duration::from_secs(30);

/// Everything that one listener's TLS is made of.
#[derive(Debug, Clone)]
pub(super) struct Tls {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    pub(super) profile: FapiProfile,
    /// Whether clients may show a certificate.
    pub(super) asks: bool,
}

impl Tls {
    /// What the files say now.
    pub(super) fn load(&self) -> Result<Arc<ServerConfig>, ServeError> {
        let failed = |path: &Path, source| ServeError::Certificate {
            path: path.display().to_string(),
            source,
        };
        let read = |path: &Path| std::fs::read(path).map_err(|source| failed(path, source));
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(&self.certificate)?)
            .collect::<Result<_, _>>()
            .map_err(|error| failed(&self.certificate, io::Error::other(error)))?;
        let key = PrivateKeyDer::from_pem_slice(&read(&self.key)?)
            .map_err(|error| failed(&self.key, io::Error::other(error)))?;
        let provider = Arc::new(CryptoProvider {
            cipher_suites: suites(self.profile),
            ..default_provider()
        });
        let built = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(&[&TLS13, &TLS12]);
        let built = built.and_then(|builder| {
            let builder = if self.asks {
                builder.with_client_cert_verifier(Arc::new(AnyCertificate(provider)))
            } else {
                builder.with_no_client_auth()
            };
            builder.with_single_cert(chain, key)
        });
        let mut config = built.map_err(|error| failed(&self.certificate, io::Error::other(error)))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// Takes the files again whenever one of them changed, so that a renewed certificate needs no restart. Files that do not fit each other,
    /// as while they are being replaced, change nothing.
    pub(super) async fn follow(self, serving: RustlsConfig, every: Duration) {
        let mut seen = self.changed_at();
        let mut looks = tokio::time::interval(every);
        loop {
            looks.tick().await;
            let now = self.changed_at();
            if now == seen {
                continue;
            }
            seen = now;
            match self.load() {
                Ok(config) => {
                    serving.reload_from_config(config);
                    tracing::info!(certificate = %self.certificate.display(), "the certificate was read again");
                }
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::warn!(cause, "{error}; the one before stays in use");
                }
            }
        }
    }

    fn changed_at(&self) -> [Option<SystemTime>; 2] {
        [&self.certificate, &self.key].map(|path| std::fs::metadata(path).and_then(|file| file.modified()).ok())
    }
}

/// TLS 1.3 as it is. Of TLS 1.2 what FAPI 1.0 part 2 section 8.5 lists (its suites with finite-field Diffie-Hellman are nowhere to be had), or what
/// RFC 9325 section 4.2 recommends, as FAPI 2.0 section 5.2.2 says.
fn suites(profile: FapiProfile) -> Vec<SupportedCipherSuite> {
    let all = default_provider().cipher_suites;
    let rsa = [
        cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ];
    let ecdsa = [
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ];
    let allowed = |suite: &SupportedCipherSuite| {
        suite.tls13().is_some()
            || match profile {
                FapiProfile::Plain => true,
                FapiProfile::Fapi2 => rsa.contains(suite) || ecdsa.contains(suite),
                FapiProfile::FapiCiba => rsa.contains(suite),
            }
    };
    all.into_iter().filter(allowed).collect()
}

/// Lets every certificate pass whose key the client has, and those who show none. Whom a certificate stands for depends on the client that it is
/// shown for, so it is decided where clients authenticate (RFC 8705 sections 2.1 and 2.2).
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rustls::CipherSuite;
    use tokio::time::{Instant, timeout};

    use super::*;

    fn write(tls: &Tls) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(&tls.certificate, made.cert.pem()).unwrap();
        std::fs::write(&tls.key, made.signing_key.serialize_pem()).unwrap();
    }

    #[tokio::test]
    async fn a_renewed_certificate_needs_no_restart() {
        let folder = tempfile::tempdir().unwrap();
        let tls = Tls {
            certificate: folder.path().join("crt"),
            key: folder.path().join("key"),
            profile: FapiProfile::Plain,
            asks: true,
        };
        write(&tls);
        let serving = RustlsConfig::from_config(tls.load().unwrap());
        let first = serving.get_inner();
        let following = tokio::spawn(tls.clone().follow(serving.clone(), Duration::from_millis(5)));
        let changed = async |than: &Arc<ServerConfig>| {
            while Arc::ptr_eq(than, &serving.get_inner()) {
                // The files' times have a grain: what is written within it of the first look is seen by the next change.
                write(&tls);
                tokio::time::sleep_until(Instant::now() + Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(10), changed(&first)).await.unwrap();
        std::fs::write(&tls.certificate, "no certificate").unwrap();
        assert!(tls.load().is_err(), "half a change is none");
        let second = serving.get_inner();
        timeout(Duration::from_secs(10), changed(&second)).await.unwrap();
        following.abort();
    }

    #[test]
    fn a_profile_leaves_what_its_text_lists() {
        let of_1_2 = |profile| -> Vec<CipherSuite> {
            let suites = suites(profile).into_iter();
            let old = suites.filter(|suite| suite.tls13().is_none());
            old.map(|suite| suite.suite()).collect()
        };
        let rsa = [
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        ];
        assert_eq!(of_1_2(FapiProfile::FapiCiba), rsa, "R-211");
        let ecdhe_gcm = of_1_2(FapiProfile::Fapi2);
        assert_eq!(ecdhe_gcm.len(), 4, "R-223, R-224: {ecdhe_gcm:?}");
        assert!(rsa.iter().all(|suite| ecdhe_gcm.contains(suite)), "R-223");
        for profile in [FapiProfile::Plain, FapiProfile::Fapi2, FapiProfile::FapiCiba] {
            let new = suites(profile).into_iter().filter(|suite| suite.tls13().is_some());
            assert_eq!(new.count(), 3, "R-211: TLS 1.3 is as it is");
        }
    }
}
