//! Who the clients are and how they show it.

mod app;
mod assertion;
mod authenticate;
mod basic;
mod keys;
mod secret;
mod sector;
mod subject;

pub(super) use app::app_client;
pub(super) use assertion::ALGORITHMS as ASSERTION_ALGORITHMS;
pub(super) use authenticate::{Authenticated, Proven, PublicClients};
pub use authenticate::{ClientCertificate, ClientRequest, Endpoint};
pub use secret::seal_client_secret;
pub use sector::check_sector;
pub(super) use subject::pairwise_key;
