//! The consent backend with its embedded OpenID Provider.
//!
//! Modules stand in arrow order: each imports only from those above it, as `tests/architecture.rs` proves.

/// Names a step of a grant at which a build for tests can be told to fail. In every other build it is nothing.
macro_rules! fail_point {
    ($point:ident) => {
        #[cfg(feature = "failpoints")]
        crate::failpoints::reach(crate::failpoints::Point::$point);
    };
}

#[cfg(feature = "failpoints")]
mod failpoints;
pub mod meters;
pub mod steps;

pub mod config;
pub mod domain;
pub mod dpop;
pub mod issuers;
pub mod outbound;
pub mod published_keys;
pub mod storage;
pub mod telemetry;
pub mod wakes;

pub mod keys;
pub mod op;

pub mod devices;

pub mod connectors;
pub mod consent;
pub mod jobs;
pub mod nodes;

pub mod http;
pub mod serve;

pub mod app;
pub mod cli;
pub mod doctor;
