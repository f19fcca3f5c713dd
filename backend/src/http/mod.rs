//! HTTP: routes, limits, and what an error looks like. Nothing below this module knows about it.

mod ad;
pub mod op;

mod access_log;
mod ad_devices;
mod ad_requests;
mod auth0;
mod connectors;
mod connectors_generic;
mod device_api;
mod device_registration;
mod dpop;
mod forwarded;
mod health;
mod intake;
mod interaction;
mod metrics;
mod oauth_error;
mod op_form;
mod problem;
mod registration;
mod sign_in;
mod sign_in_assets;
mod sign_in_page;
mod stream;
mod strict_json;

pub use access_log::access_log;
pub use ad::routes as device_routes;
pub use connectors::routes as connector_routes;
pub use device_api::DeviceApi;
pub use forwarded::behind_proxy;
pub use health::routes as health_routes;
pub use metrics::routes as metrics_routes;
pub use op::routes as op_routes;
