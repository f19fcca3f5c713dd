//! The listening socket: plain http on loopback, TLS elsewhere, a graceful end.

use std::{io, net::TcpListener, path::Path, time::Duration};

use axum::Router;
use axum_server::{Handle, tls_rustls::RustlsConfig};

use crate::config::{ServerConfig, TlsMode};

/// Why the server cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The certificate cannot be used or made.
    #[error("the TLS certificate in {path} cannot be used or made")]
    Certificate {
        /// Which file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The socket failed.
    #[error("the listening socket failed")]
    Socket(#[from] io::Error),
}

/// Serves until `stop` resolves, then gives open requests `server.shutdown_seconds`. `beside` is the database's path, where a development certificate is kept.
///
/// # Errors
/// When the certificate or the socket cannot be used.
pub async fn serve(
    server: &ServerConfig,
    listener: TcpListener,
    router: Router,
    beside: &Path,
    ready: impl FnOnce(),
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    listener.set_nonblocking(true)?;
    let handle = Handle::new();
    let grace = Duration::from_secs(server.shutdown_seconds);
    tokio::spawn({
        let handle = handle.clone();
        async move {
            stop.await;
            handle.graceful_shutdown(Some(grace));
        }
    });
    let service = router.into_make_service_with_connect_info::<std::net::SocketAddr>();
    if server.tls == TlsMode::Off {
        let serving = axum_server::from_tcp(listener)?.handle(handle);
        ready();
        return Ok(serving.serve(service).await?);
    }
    let (certificate, key) = match server.tls {
        TlsMode::Development => development_certificate(beside, &server.origin(listener.local_addr()?))?,
        TlsMode::Off | TlsMode::Files => (server.tls_certificate.clone(), server.tls_key.clone()),
    };
    let tls = RustlsConfig::from_pem_file(&certificate, &key)
        .await
        .map_err(|source| ServeError::Certificate {
            path: certificate.display().to_string(),
            source,
        })?;
    let serving = axum_server::from_tcp_rustls(listener, tls)?.handle(handle);
    ready();
    Ok(serving.serve(service).await?)
}

/// A self-signed certificate for the origin's host, made once and kept, so that who trusted it once can go on.
fn development_certificate(
    beside: &Path,
    origin: &str,
) -> Result<(std::path::PathBuf, std::path::PathBuf), ServeError> {
    let path = |suffix: &str| {
        let mut path = beside.to_owned().into_os_string();
        path.push(suffix);
        std::path::PathBuf::from(path)
    };
    let (certificate, key) = (path(".crt"), path(".crt.key"));
    if certificate.exists() && key.exists() {
        return Ok((certificate, key));
    }
    let failed = |source| ServeError::Certificate {
        path: certificate.display().to_string(),
        source,
    };
    let host = url::Url::parse(origin)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned));
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    names.extend(host.map(|host| host.trim_matches(['[', ']']).to_owned()));
    names.sort();
    names.dedup();
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| failed(io::Error::other(error)))?;
    crate::keys::write_private(&key, made.signing_key.serialize_pem().as_bytes()).map_err(failed)?;
    std::fs::write(&certificate, made.cert.pem()).map_err(failed)?;
    Ok((certificate, key))
}
