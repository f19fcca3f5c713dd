//! HTTP: from requests to the parts that answer them, and back. The only place that knows axum.

mod oauth_error;
pub mod op;
mod op_form;
mod sign_in;
mod sign_in_assets;
mod sign_in_page;
