//! The one HTTP client of the device: its own TLS provider, no redirects, no cookies, no referrer, bounded in time.

use std::time::Duration;

/// Builds the client.
///
/// # Errors
/// When the platform's certificate verifier cannot be set up.
pub(crate) fn client(app_version: &str) -> Result<reqwest::Client, reqwest::Error> {
    // An error means that a provider is installed already, by the program around us: then that one is used.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder()
        .user_agent(format!("Countersign/{app_version}"))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(Duration::from_secs(10))
        .tcp_keepalive(Duration::from_secs(30))
        .build()
}
