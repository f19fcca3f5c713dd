//! Who the clients are and how they show it.

mod app;
mod assertion;
mod assertion_proof;
mod authenticate;
mod basic;
mod keys;
mod published_keys;
mod secret;
mod sector;
mod subject;

pub(super) use app::app_client;
pub(super) use assertion_proof::ALGORITHMS as ASSERTION_ALGORITHMS;
pub(super) use authenticate::{Authenticated, Proven, PublicClients};
pub use authenticate::{ClientCertificate, ClientRequest, Endpoint};
pub(super) use published_keys::PublishedKeys;
pub use secret::seal_client_secret;
pub use sector::check_sector;
pub(super) use sector::is_pushed_to;
pub(super) use subject::pairwise_key;
