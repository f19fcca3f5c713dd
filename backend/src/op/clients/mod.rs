//! Who the clients are and how they show it.

mod app;
mod assertion;
mod assertion_proof;
mod authenticate;
mod basic;
mod certificate;
mod credentials;
mod keys;
mod look_alikes;
mod metadata;
mod profile;
mod registration;
mod secret;
mod sector;
mod subject;

pub(super) use app::app_client;
pub(super) use assertion_proof::ALGORITHMS as ASSERTION_ALGORITHMS;
pub(super) use authenticate::{Authenticated, Proven, PublicClients};
pub use authenticate::{CertificateIssuers, ClientCertificate, ClientRequest, Endpoint};
pub use certificate::{CertificateOffer, MutualTls, MutualTlsError, is_certificate_subject};
pub use credentials::{NewSecret, has_secret, is_long_enough, is_secret_of, set_secret};
pub use look_alikes::are_confusable;
pub use metadata::{By, MetadataError, Offer, read as read_metadata, write as write_metadata};
pub(super) use profile::Rules;
pub use profile::{Profiles, Violation, check_profile};
pub(super) use registration::Pace as RegistrationPace;
pub use registration::{RegistrationCall, RegistrationError};
pub use secret::seal_client_secret;
pub use sector::check_sector;
pub(super) use sector::is_pushed_to;
pub(super) use subject::pairwise_key;
