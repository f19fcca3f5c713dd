//! The one HTTP client of the device: its own TLS provider, no redirects, no cookies, no referrer, bounded in time.

use std::time::Duration;

/// Builds the client.
///
/// # Errors
/// When the platform's certificate verifier cannot be set up.
pub(crate) fn client(app_version: &str) -> Result<reqwest::Client, reqwest::Error> {
    // An error means that a provider is installed already, by the program around us: then that one is used.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder();
    #[cfg(target_os = "android")]
    let client = trusting_mozillas_roots(client);
    client
        .user_agent(format!("Countersign/{app_version}"))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(Duration::from_secs(10))
        .tcp_keepalive(Duration::from_secs(30))
        .build()
}

/// Trusts Mozilla's roots, compiled in, and asks the system nothing.
///
/// Everywhere else the system judges certificates, so that an organisation's own authority is honoured. Android can be asked only through
/// a class that has to be packed into the app beside this library, and whoever forgets it gets an app in which every connection fails. What
/// is given up is small: apps do not trust authorities that people add to Android unless they say so themselves. Roots are renewed
/// with the app.
#[cfg(any(test, target_os = "android"))]
fn trusting_mozillas_roots(client: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        // A root that cannot be read vouches for nobody.
        .filter_map(|root| reqwest::Certificate::from_der(root).ok());
    client.tls_certs_only(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_root_that_is_compiled_in_can_be_read() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS;
        assert!(
            roots.len() > 50,
            "{} roots are no list of public authorities",
            roots.len()
        );
        for root in roots {
            reqwest::Certificate::from_der(root).unwrap();
        }
        trusting_mozillas_roots(reqwest::Client::builder()).build().unwrap();
    }
}
