//! Who the clients are and how they show it.

mod app;
mod assertion;
mod authenticate;
mod basic;
mod certificate;
mod certificate_key;
mod certificate_name;
mod distinguished_name;
mod mutual_tls;
mod profile;

pub(super) use app::app_client;
pub(super) use assertion::ALGORITHMS as ASSERTION_ALGORITHMS;
pub(super) use authenticate::{Authenticated, Proven, PublicClients};
pub use authenticate::{CertificateIssuers, ClientCertificate, ClientRequest, Endpoint};
pub use certificate_name::is_certificate_subject;
pub use mutual_tls::{MutualTls, MutualTlsError};
pub use profile::check_profile;
