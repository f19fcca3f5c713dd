//! `tls_client_auth` and `self_signed_tls_client_auth` (RFC 8705 section 2): the client names itself by `client_id`, and the certificate of the
//! TLS handshake shows that it is that client. That it has the certificate's key was shown in the handshake.

mod distinguished_name;
mod key;
mod mutual_tls;
mod name;

use x509_parser::prelude::{ASN1Time, FromDer as _, X509Certificate};

use self::{key::is_key_of, name::is_name_in};
use super::{CertificateIssuers, ClientCertificate, ClientRequest};
use crate::{
    domain::{Client, ClientAuthMethod},
    op::{OpError, Provider},
};

pub use mutual_tls::{CertificateOffer, MutualTls, MutualTlsError};
pub use name::is_certificate_subject;

impl Provider {
    /// The client, when the certificate is its own.
    pub(super) async fn with_certificate(
        &self,
        client: Client,
        request: ClientRequest<'_>,
    ) -> Result<Option<Client>, OpError> {
        let (Some(mutual_tls), Some(shown)) = (&self.parts.mutual_tls, request.certificate) else {
            return Ok(None);
        };
        let Some(certificate) = parsed(&shown.0) else {
            return Ok(None);
        };
        let now = self.parts.clock.now_seconds();
        let own = match client.auth_method {
            ClientAuthMethod::TlsClientAuth => {
                let none = CertificateIssuers::default();
                let named = client.certificate_subject.as_ref();
                named.is_some_and(|name| is_name_in(name, &certificate))
                    && mutual_tls.vouches(shown, request.issuers.unwrap_or(&none), now)
            }
            // Nobody vouches for it, but it says itself from when to when it is good (RFC 8705 section 2.2 leaves that to us).
            ClientAuthMethod::SelfSignedTlsClientAuth => {
                is_timely(&certificate, now) && self.is_registered(&client, &certificate).await?
            }
            ClientAuthMethod::ClientSecretBasic
            | ClientAuthMethod::ClientSecretPost
            | ClientAuthMethod::ClientSecretJwt
            | ClientAuthMethod::PrivateKeyJwt
            | ClientAuthMethod::None => false,
        };
        Ok(own.then_some(client))
    }

    /// Whether the certificate is one that the client registered: it holds the public key of one of its JWKs, and where that JWK has an `x5c`
    /// it is the certificate in it (RFC 8705 section 2.2.2, RFC 7517 section 4.7).
    async fn is_registered(&self, client: &Client, certificate: &X509Certificate<'_>) -> Result<bool, OpError> {
        let registered = self.client_keys(client, None).await?;
        if registered.is_some_and(|keys| keys.keys.iter().any(|key| is_key_of(key, certificate))) {
            return Ok(true);
        }
        if client.jwks_uri.is_none() {
            return Ok(false);
        }
        // It may have been published since the keys were fetched. A name that no key has asks for them again.
        let published = self.client_keys(client, Some("")).await?;
        Ok(published.is_some_and(|keys| keys.keys.iter().any(|key| is_key_of(key, certificate))))
    }
}

fn parsed(der: &[u8]) -> Option<X509Certificate<'_>> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    rest.is_empty().then_some(certificate)
}

fn is_timely(certificate: &X509Certificate<'_>, now: i64) -> bool {
    ASN1Time::from_timestamp(now).is_ok_and(|now| certificate.validity().is_valid_at(now))
}
