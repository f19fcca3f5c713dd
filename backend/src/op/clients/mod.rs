//! Who the clients are and how they show it.

mod app;
mod assertion;
mod authenticate;
mod basic;

pub(super) use app::app_client;
pub(super) use assertion::ALGORITHMS as ASSERTION_ALGORITHMS;
pub(super) use authenticate::{Authenticated, Proven, PublicClients};
pub use authenticate::{ClientCertificate, ClientRequest, Endpoint};
