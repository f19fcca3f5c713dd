//! The router in process: a manual clock, a real store, and actors that speak the wire.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a broken expectation fails the test"
)]

mod device_actor;
mod device_world;
mod op_world;

mod device_decisions;
mod device_dpop;
mod device_history;
mod device_members;
mod device_registration;
mod device_silence;
mod device_stream;
mod device_swaps;
mod device_upkeep;
mod device_vectors;
mod op_ciba_grant;
mod op_discovery;
