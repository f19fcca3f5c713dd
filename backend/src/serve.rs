//! The listening sockets: plain http on loopback, TLS elsewhere, nobody who keeps them waiting, a graceful end; and one where clients may show
//! a certificate.

mod idle;
mod shown;
mod tls;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};

use axum::Router;
use axum_server::{
    Address, Handle, Server,
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use hyper_util::rt::TokioTimer;
use tokio::task::JoinHandle;

use self::{
    idle::HangUpWhenIdle,
    shown::TellWhatWasShown,
    tls::{REREAD, Tls},
};
use crate::config::{FapiProfile, MtlsConfig, ServerConfig, TlsMode};

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

/// How the public listener, or the one for certificates, answers.
pub struct Serving<'a> {
    /// `[server]`
    pub server: &'a ServerConfig,
    /// The narrowest TLS that the settings of this listener and of the provider name.
    pub tls_profile: FapiProfile,
    /// What answers.
    pub router: Router,
    /// The database's path, where a development certificate is kept.
    pub beside: &'a Path,
}

/// Serves until `stop` resolves, then gives open requests `server.shutdown_seconds`.
///
/// # Errors
/// When the certificate or the socket cannot be used.
pub async fn serve(
    serving: Serving<'_>,
    listener: TcpListener,
    ready: impl FnOnce(),
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    serve_with(PATIENCE, serving, listener, ready, stop).await
}

/// Serves where clients may show a certificate, until `stop` resolves, then as [`serve`]. What was shown stands beside each request.
///
/// # Errors
/// When the certificate or the socket cannot be used.
pub async fn serve_certificates(
    mtls: &MtlsConfig,
    serving: Serving<'_>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    listener.set_nonblocking(true)?;
    let handle = ended_by(stop, serving.server);
    let (certificate, key) = if mtls.tls_certificate.as_os_str().is_empty() {
        serving.certificate(listener.local_addr()?)?
    } else {
        (mtls.tls_certificate.clone(), mtls.tls_key.clone())
    };
    let (tls, following) = followed(Tls {
        certificate,
        key,
        profile: serving.tls_profile,
        asks: true,
    })?;
    let server = axum_server::from_tcp(listener)?.acceptor(TellWhatWasShown {
        inner: RustlsAcceptor::new(tls),
    });
    let service = serving.router.into_make_service_with_connect_info::<SocketAddr>();
    let ended = bounded(server.handle(handle), PATIENCE).serve(service).await;
    following.abort();
    Ok(ended?)
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
    serving: Serving<'_>,
    listener: TcpListener,
    ready: impl FnOnce(),
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    listener.set_nonblocking(true)?;
    let handle = ended_by(stop, serving.server);
    if serving.server.tls == TlsMode::Off {
        let service = serving.router.into_make_service_with_connect_info::<SocketAddr>();
        let server = bounded(axum_server::from_tcp(listener)?.handle(handle), patience);
        ready();
        return Ok(server.serve(service).await?);
    }
    let (certificate, key) = serving.certificate(listener.local_addr()?)?;
    let (tls, following) = followed(Tls {
        certificate,
        key,
        profile: serving.tls_profile,
        asks: false,
    })?;
    let service = serving.router.into_make_service_with_connect_info::<SocketAddr>();
    let server = bounded(axum_server::from_tcp_rustls(listener, tls)?.handle(handle), patience);
    ready();
    let ended = server.serve(service).await;
    following.abort();
    Ok(ended?)
}

impl Serving<'_> {
    /// Certificate and key that `[server]` names.
    fn certificate(&self, bound: SocketAddr) -> Result<(PathBuf, PathBuf), ServeError> {
        match self.server.tls {
            TlsMode::Development => development_certificate(self.beside, &self.server.origin(bound)),
            TlsMode::Off | TlsMode::Files => Ok((self.server.tls_certificate.clone(), self.server.tls_key.clone())),
        }
    }
}

fn ended_by(stop: impl Future<Output = ()> + Send + 'static, server: &ServerConfig) -> Handle<SocketAddr> {
    let handle = Handle::new();
    let grace = Duration::from_secs(server.shutdown_seconds);
    tokio::spawn({
        let handle = handle.clone();
        async move {
            stop.await;
            handle.graceful_shutdown(Some(grace));
        }
    });
    handle
}

fn followed(tls: Tls) -> Result<(RustlsConfig, JoinHandle<()>), ServeError> {
    let config = RustlsConfig::from_config(tls.load()?);
    let following = tokio::spawn(tls.follow(config.clone(), REREAD));
    Ok((config, following))
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
fn development_certificate(beside: &Path, origin: &str) -> Result<(PathBuf, PathBuf), ServeError> {
    let path = |suffix: &str| {
        let mut path = beside.to_owned().into_os_string();
        path.push(suffix);
        PathBuf::from(path)
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
            let serving = Serving {
                server: &server,
                tls_profile: FapiProfile::Plain,
                router,
                beside: Path::new(""),
            };
            serve_with(patience, serving, listener, || {}, stop).await
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
