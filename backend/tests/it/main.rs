//! The router in process: a manual clock, a real store, and actors that speak the wire.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a broken expectation fails the test"
)]

mod op_browser;
mod op_world;

mod op_authorize;
mod op_backchannel;
mod op_ciba_grant;
mod op_client_auth;
mod op_discovery;
mod op_parameters;
mod op_tokens;
