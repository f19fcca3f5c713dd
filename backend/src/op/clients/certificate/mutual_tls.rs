//! Where clients may show certificates, and which authorities speak for them (RFC 8705).

use std::{fmt, io, path::PathBuf, sync::Arc, time::Duration};

use rustls::{
    RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, UnixTime, pem::PemObject as _},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};

use super::{CertificateIssuers, ClientCertificate};
use crate::{config::MtlsConfig, domain::ClientAuthMethod};

/// The listener for certificates, as the provider knows it.
#[derive(Clone)]
pub struct MutualTls {
    origin: String,
    authorities: Option<Arc<dyn ClientCertVerifier>>,
}

/// The authorities of `tls_client_auth` cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the authorities in {} cannot be used", path.display())]
pub struct MutualTlsError {
    /// Which file.
    path: PathBuf,
    /// Why.
    #[source]
    source: io::Error,
}

impl MutualTls {
    /// What `[mtls]` says; none when certificates are asked for nowhere.
    ///
    /// # Errors
    /// When `ca_file` cannot be read, or has no certificate of an authority.
    pub fn open(config: &MtlsConfig) -> Result<Option<Self>, MutualTlsError> {
        let Some(origin) = config.origin() else {
            return Ok(None);
        };
        let path = &config.ca_file;
        let authorities = if path.as_os_str().is_empty() {
            None
        } else {
            let read = std::fs::read(path).and_then(|pem| authorities(&pem));
            let failed = |source| MutualTlsError {
                path: path.clone(),
                source,
            };
            Some(read.map_err(failed)?)
        };
        Ok(Some(Self { origin, authorities }))
    }

    /// The origin of the listener.
    pub(in crate::op) fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether `certificate` leads to one of the authorities and is good at `now`, seconds, for a client (RFC 5280 section 6, with
    /// `id-kp-clientAuth` where its uses are named).
    pub(super) fn vouches(&self, certificate: &ClientCertificate, issuers: &CertificateIssuers, now: i64) -> bool {
        let (Some(authorities), Ok(now)) = (&self.authorities, u64::try_from(now)) else {
            return false;
        };
        let issuers: Vec<CertificateDer<'_>> = issuers
            .0
            .iter()
            .map(|der| CertificateDer::from(der.as_slice()))
            .collect();
        let certificate = CertificateDer::from(&*certificate.0);
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        authorities.verify_client_cert(&certificate, &issuers, now).is_ok()
    }
}

/// What clients can use certificates for here: what is told of it, and what can be registered.
#[derive(Debug, Clone, Copy)]
pub struct CertificateOffer {
    listener: bool,
    authorities: bool,
}

impl From<&MtlsConfig> for CertificateOffer {
    fn from(config: &MtlsConfig) -> Self {
        Self {
            listener: config.listen.is_some(),
            authorities: !config.ca_file.as_os_str().is_empty(),
        }
    }
}

impl From<Option<&MutualTls>> for CertificateOffer {
    fn from(listener: Option<&MutualTls>) -> Self {
        Self {
            listener: listener.is_some(),
            authorities: listener.is_some_and(|listener| listener.authorities.is_some()),
        }
    }
}

impl CertificateOffer {
    /// That clients can authenticate by `method`, as far as it takes a certificate.
    ///
    /// # Errors
    /// Why they cannot.
    pub(in crate::op) fn check_method(self, method: ClientAuthMethod) -> Result<(), &'static str> {
        match method {
            ClientAuthMethod::TlsClientAuth if self.listener && !self.authorities => {
                Err("is not offered: there is no authority that could vouch for a client ([mtls] ca_file)")
            }
            ClientAuthMethod::TlsClientAuth | ClientAuthMethod::SelfSignedTlsClientAuth => self.check_binding(),
            ClientAuthMethod::ClientSecretBasic
            | ClientAuthMethod::ClientSecretPost
            | ClientAuthMethod::ClientSecretJwt
            | ClientAuthMethod::PrivateKeyJwt
            | ClientAuthMethod::None => Ok(()),
        }
    }

    /// That tokens can be bound to certificates.
    ///
    /// # Errors
    /// Why they cannot.
    pub(in crate::op) fn check_binding(self) -> Result<(), &'static str> {
        if self.listener {
            Ok(())
        } else {
            Err("is not offered: clients are asked for certificates nowhere ([mtls] listen)")
        }
    }
}

impl fmt::Debug for MutualTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("MutualTls");
        shown.field("origin", &self.origin).finish_non_exhaustive()
    }
}

fn authorities(pem: &[u8]) -> io::Result<Arc<dyn ClientCertVerifier>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots
            .add(certificate.map_err(io::Error::other)?)
            .map_err(io::Error::other)?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    let verifier = verifier.map_err(io::Error::other)?;
    Ok(verifier)
}
