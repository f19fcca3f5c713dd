//! The consent backend with its embedded OpenID Provider.
//!
//! Modules stand in arrow order: each imports only from those above it, as `tests/architecture.rs` proves.

#![forbid(unsafe_code)]

pub mod config;
pub mod domain;
pub mod outbound;
pub mod storage;
pub mod wakes;

pub mod keys;
pub mod op;

pub mod devices;

pub mod consent;
pub mod jobs;

pub mod http;
pub mod serve;

pub mod app;
pub mod cli;
