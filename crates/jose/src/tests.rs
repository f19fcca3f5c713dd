//! Tests of the crate as a whole: published vectors, keys, and what must be refused.

mod corpus;
mod forgery;
mod keys;
mod macs;
mod refusals;
mod tampering;
mod types;
mod vectors;
