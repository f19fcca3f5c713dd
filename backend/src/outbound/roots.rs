use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use super::OutboundSetupError;

/// TLS that trusts the system's certificates and those in `ca_file`, when there is one. A system without certificates is no reason not to start:
/// who calls nobody needs none.
pub(super) fn tls(ca_file: &Path) -> Result<ClientConfig, OutboundSetupError> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (good, _) = roots.add_parsable_certificates(found.certs);
    if good == 0 {
        tracing::warn!("the system has no root certificates: endpoints are trusted by [outbound] ca_file alone");
    }
    if !ca_file.as_os_str().is_empty() {
        add(&mut roots, ca_file).map_err(|source| OutboundSetupError::Certificates {
            path: ca_file.to_owned(),
            source,
        })?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| OutboundSetupError::Library(error.into()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn add(roots: &mut RootCertStore, file: &Path) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut added = 0;
    for certificate in CertificateDer::pem_file_iter(file)? {
        roots.add(certificate?)?;
        added += 1;
    }
    if added == 0 {
        return Err("there is none in it".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let said = tls(&file).unwrap_err().to_string();
        assert!(said.contains("ca.pem"), "it is not there: {said}");
        std::fs::write(&file, "no PEM at all").unwrap();
        assert!(tls(&file).is_err(), "nothing in it");
        let made = rcgen::generate_simple_self_signed(["shop.example".to_owned()]).unwrap();
        std::fs::write(&file, made.cert.pem()).unwrap();
        assert!(tls(&file).is_ok());
    }
}
