//! HTTP: routes, limits, and what an error looks like. Nothing below this module knows about it.

pub mod ad;
pub mod op;

mod ad_devices;
mod ad_requests;
mod device_registration;
mod dpop;
mod intake;
mod oauth_error;
mod op_form;
mod problem;
mod sign_in;
mod sign_in_assets;
mod sign_in_page;
mod stream;
mod strict_json;
