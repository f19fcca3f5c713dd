//! The loopback listener of RFC 8252 section 7.3: bound before the browser opens, one answer, then gone.

use std::{net::Ipv4Addr, time::Duration};

use countersign_clock::Random;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use url::Url;

use super::{
    callback::{self, Awaited, Unusable},
    page::{self, Page},
};
use crate::error::AuthenticatorError;

const PATH: &str = "/callback";
const MAX_HEAD: usize = 16 * 1024;
/// A connection that does not speak is dropped; meanwhile others are served.
const PATIENCE: Duration = Duration::from_secs(5);
const MOST_CONNECTIONS: usize = 16;

/// The listener.
pub(crate) struct Loopback(TcpListener);

impl Loopback {
    /// Binds a free port of 127.0.0.1.
    pub(crate) async fn bind() -> std::io::Result<Self> {
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map(Self)
    }

    /// The redirect URI: the literal address (RFC 8252 section 8.3), the port, a fixed path.
    pub(crate) fn redirect_uri(&self) -> Result<Url, AuthenticatorError> {
        let port = self.0.local_addr()?.port();
        Url::parse(&format!("http://127.0.0.1:{port}{PATH}")).map_err(|_| AuthenticatorError::AddressRefused)
    }

    /// Waits for the one answer that belongs to this sign-in, tells the person, and closes.
    pub(crate) async fn answer(self, awaited: &Awaited, random: &dyn Random) -> Result<String, AuthenticatorError> {
        let mut connections = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = self.0.accept(), if connections.len() < MOST_CONNECTIONS => {
                    if let Ok((connection, _)) = accepted {
                        connections.push(timeout(PATIENCE, serve(connection, awaited, random)));
                    }
                }
                Some(served) = connections.next() => {
                    if let Ok(Ok(Some(result))) = served {
                        return result.map_err(AuthenticatorError::from);
                    }
                }
            }
        }
    }
}

/// Serves one connection. `None` when it was not the answer.
async fn serve(
    mut connection: TcpStream,
    awaited: &Awaited,
    random: &dyn Random,
) -> std::io::Result<Option<Result<String, Unusable>>> {
    let head = read_head(&mut connection).await?;
    let result = parse(&head, awaited);
    let page = match &result {
        Ok(Ok(_)) => Page::SignedIn,
        Ok(Err(_)) => Page::NotSignedIn,
        Err(page) => *page,
    };
    connection.write_all(page::response(page, random).as_bytes()).await?;
    connection.shutdown().await?;
    Ok(result.ok())
}

async fn read_head(connection: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut buffer = [0; 2048];
    while !head.windows(4).any(|bytes| bytes == b"\r\n\r\n") && head.len() < MAX_HEAD {
        let count = connection.read(&mut buffer).await?;
        if count == 0 {
            break;
        }
        head.extend_from_slice(buffer.get(..count).unwrap_or_default());
    }
    Ok(head)
}

/// Reads the request; everything that is not the answer gets an error page and changes nothing.
fn parse(head: &[u8], awaited: &Awaited) -> Result<Result<String, Unusable>, Page> {
    let head = std::str::from_utf8(head).map_err(|_| Page::BadRequest)?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, target, version) = (words.next(), words.next(), words.next());
    if !matches!(version, Some("HTTP/1.1" | "HTTP/1.0")) || words.next().is_some() {
        return Err(Page::BadRequest);
    }
    if method != Some("GET") {
        return Err(Page::BadRequest);
    }
    // A page of the web that was rebound to this port carries its own name here.
    let here = format!("127.0.0.1:{}", awaited.redirect_uri.port().unwrap_or_default());
    let mut hosts = lines
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| name.eq_ignore_ascii_case("host"))
        .map(|(_, value)| value.trim());
    if hosts.next() != Some(&here) || hosts.next().is_some() {
        return Err(Page::BadRequest);
    }
    let target = target
        .filter(|target| target.starts_with('/') && !target.starts_with("//"))
        .ok_or(Page::BadRequest)?;
    let url = Url::parse(&format!("http://{here}{target}")).map_err(|_| Page::BadRequest)?;
    match callback::code(&url, awaited) {
        Err(Unusable::Foreign) if url.path() == PATH => Err(Page::BadRequest),
        Err(Unusable::Foreign) => Err(Page::NotFound),
        answer => Ok(answer),
    }
}

#[cfg(test)]
mod tests {
    use countersign_clock::SeededRandom;

    use super::*;

    async fn ask(port: u16, request: &str) -> String {
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn one_exact_answer_is_taken_and_every_other_process_is_sent_away() {
        let loopback = Loopback::bind().await.unwrap();
        let redirect_uri = loopback.redirect_uri().unwrap();
        let port = redirect_uri.port().unwrap();
        let awaited = Awaited {
            redirect_uri,
            state: "s".to_owned(),
            issuer: "https://op".to_owned(),
        };
        let waiting = tokio::spawn(async move { loopback.answer(&awaited, &SeededRandom::new(1)).await });
        let silent = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let good = "/callback?code=c&state=s&iss=https%3A%2F%2Fop";
        let host = format!("Host: 127.0.0.1:{port}");
        for (request, status) in [
            (format!("GET /favicon.ico HTTP/1.1\r\n{host}\r\n\r\n"), "404"),
            (
                format!("GET /callback?code=c&state=guess HTTP/1.1\r\n{host}\r\n\r\n"),
                "400",
            ),
            (format!("POST {good} HTTP/1.1\r\n{host}\r\n\r\n"), "400"),
            (
                format!("GET {good} HTTP/1.1\r\nHost: evil.example:{port}\r\n\r\n"),
                "400",
            ),
            (format!("GET {good} HTTP/1.1\r\n\r\n"), "400"),
            (format!("GET {good} HTTP/1.1\r\n{host}\r\n{host}\r\n\r\n"), "400"),
            (
                format!("GET http://127.0.0.1:{port}{good} HTTP/1.1\r\n{host}\r\n\r\n"),
                "400",
            ),
        ] {
            let answer = ask(port, &request).await;
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status}")),
                "V-027: {request} -> {answer}"
            );
        }
        let answer = ask(
            port,
            &format!("GET {good} HTTP/1.1\r\n{host}\r\nOrigin: https://evil.example\r\n\r\n"),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let lower = answer.to_ascii_lowercase();
        assert!(lower.contains("cache-control: no-store") && lower.contains("referrer-policy: no-referrer"));
        assert!(!lower.contains("access-control"), "V-027: no CORS");
        assert!(!answer.contains("code=c"), "the page repeats nothing of the address");
        assert_eq!(waiting.await.unwrap().unwrap(), "c");
        drop(silent);
        assert!(
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err(),
            "V-027: one answer, then nobody listens"
        );
    }

    #[tokio::test]
    async fn the_answer_of_another_issuer_ends_the_sign_in() {
        let loopback = Loopback::bind().await.unwrap();
        let redirect_uri = loopback.redirect_uri().unwrap();
        let port = redirect_uri.port().unwrap();
        let awaited = Awaited {
            redirect_uri,
            state: "s".to_owned(),
            issuer: "https://op".to_owned(),
        };
        let waiting = tokio::spawn(async move { loopback.answer(&awaited, &SeededRandom::new(1)).await });
        let target = "/callback?code=c&state=s&iss=https%3A%2F%2Fevil";
        ask(
            port,
            &format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"),
        )
        .await;
        assert!(
            matches!(waiting.await.unwrap(), Err(AuthenticatorError::SignInMismatch)),
            "V-021, R-269"
        );
    }
}
