//! HTTP: routes, limits, and what an error looks like. Nothing below this module knows about it.

pub mod ad;

mod ad_devices;
mod ad_requests;
mod device_registration;
mod dpop;
mod intake;
mod problem;
mod stream;
mod strict_json;
