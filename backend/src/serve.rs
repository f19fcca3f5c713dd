//! The listening socket: plain http on loopback, TLS elsewhere, nobody who keeps it waiting, a graceful end.

mod idle;

use std::{io, net::TcpListener, path::Path, time::Duration};

use axum::Router;
use axum_server::{Address, Handle, Server, tls_rustls::RustlsConfig};
use hyper_util::rt::TokioTimer;

use self::idle::HangUpWhenIdle;
use crate::config::{ServerConfig, TlsMode};

/// How long others may keep us waiting.
#[derive(Clone, Copy)]
struct Patience {
    /// For all headers of a request.
    headers: Duration,
    /// While nothing moves at all. Streams give a sign of life more often.
    idle: Duration,
}

const PATIENCE: Patience = Patience {
    headers: Duration::from_secs(15),
    idle: Duration::from_mins(1),
};

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
    serve_with(PATIENCE, server, listener, router, beside, ready, stop).await
}

/// Serves over plain http until the task is dropped: what the operator's own programs ask, on a listener of their own.
///
/// # Errors
/// When the socket cannot be used.
pub async fn serve_plain(listener: TcpListener, router: Router) -> Result<(), ServeError> {
    listener.set_nonblocking(true)?;
    let serving = bounded(axum_server::from_tcp(listener)?, PATIENCE);
    Ok(serving.serve(router.into_make_service()).await?)
}

async fn serve_with(
    patience: Patience,
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
        let serving = bounded(axum_server::from_tcp(listener)?.handle(handle), patience);
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
    let serving = bounded(axum_server::from_tcp_rustls(listener, tls)?.handle(handle), patience);
    ready();
    Ok(serving.serve(service).await?)
}

/// Without a timer the HTTP library has no time limits.
fn bounded<D: Address, A>(mut server: Server<D, A>, patience: Patience) -> Server<D, HangUpWhenIdle<A>> {
    let http = server.http_builder();
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.headers);
    http.http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(patience.headers);
    server.map(|inner| HangUpWhenIdle {
        inner,
        after: patience.idle,
    })
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
    // The key last, because it is never overwritten: a start that was cut off between the two makes both anew.
    std::fs::write(&certificate, made.cert.pem()).map_err(failed)?;
    crate::keys::write_private(&key, made.signing_key.serialize_pem().as_bytes()).map_err(failed)?;
    Ok((certificate, key))
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
        time::timeout,
    };

    use super::*;
    use crate::config::Config;

    async fn says(patience: Patience, words: &[u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = Config::from_toml("").unwrap().server;
        let router = Router::new().route("/", get(async || "answer"));
        let serving = tokio::spawn(async move {
            let stop = std::future::pending();
            serve_with(patience, &server, listener, router, Path::new(""), || {}, stop).await
        });
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(words).await.unwrap();
        let mut heard = Vec::new();
        timeout(Duration::from_secs(10), stream.read_to_end(&mut heard))
            .await
            .expect("the server hangs up")
            .ok();
        serving.abort();
        String::from_utf8(heard).unwrap()
    }

    #[tokio::test]
    async fn nobody_holds_a_connection_by_silence() {
        let moment = Duration::from_millis(100);
        let never = Duration::from_mins(1);
        let idle = Patience {
            headers: never,
            idle: moment,
        };
        for words in [&b""[..], b"PRI * HT", b"GET / HTTP/1.1\r\nhost: x\r\n"] {
            assert_eq!(says(idle, words).await, "", "{words:?}");
        }
        let headers = Patience {
            headers: moment,
            idle: never,
        };
        let heard = says(headers, b"GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\r\nx: ").await;
        assert!(heard.ends_with("answer"), "what was asked before is answered: {heard}");
    }
}
