//! A client's notification endpoint: https on loopback, answers what it is told to, and remembers every call to the byte.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use countersign_clock::{Clock as _, Millis, SystemClock};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use crate::{eventually, install_tls};

/// What it does with one connection.
#[derive(Debug, Clone, Copy)]
pub enum Says {
    /// Answers this status.
    Status(u16),
    /// Redirects to another path of its own.
    Elsewhere(u16),
    /// Hangs up before TLS begins.
    HangsUp,
    /// Hears the call and never answers.
    Nothing,
    /// Answers 200 and a body without an end.
    Endless,
}

/// One call.
#[derive(Debug, Clone)]
pub struct Call {
    /// When all of it was there.
    pub at: Millis,
    /// The request line.
    pub line: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// As it came.
    pub body: String,
}

impl Call {
    /// The one header of this name.
    ///
    /// # Panics
    /// When there are several or none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let found: Vec<&str> = self
            .headers
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .collect();
        assert_eq!(found.len(), 1, "there is one {name}: {self:?}");
        found[0]
    }

    /// Checks that it is a ping exactly as CIBA Core section 10.2 has it.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn is_ping(&self, token: &str, auth_req_id: &str) {
        assert_eq!(self.line, "POST /ciba/cb?shop=1 HTTP/1.1", "R-150, R-181");
        let bearer = format!("Bearer {token}");
        assert_eq!(
            self.header("authorization"),
            bearer,
            "R-151, R-184: the token of this request"
        );
        assert_eq!(self.header("content-type"), "application/json", "R-181");
        let body: Value = serde_json::from_str(&self.body).expect("R-181: JSON");
        assert_eq!(body, json!({ "auth_req_id": auth_req_id }), "R-181: the single member");
    }
}

/// A port that belongs to the endpoint, heard or not.
enum Door {
    /// Connections are refused.
    Closed(TcpSocket),
    Open(JoinHandle<()>),
    Moving,
}

#[derive(Default)]
struct Book {
    script: Mutex<VecDeque<Says>>,
    calls: Mutex<Vec<Call>>,
}

/// A notification endpoint.
pub struct NotificationEndpoint {
    folder: TempDir,
    address: SocketAddr,
    book: Arc<Book>,
    acceptor: TlsAcceptor,
    door: Door,
}

impl NotificationEndpoint {
    /// Does with its first connections what `script` says, and answers 204 from then on.
    #[must_use]
    pub fn start(script: &[Says]) -> Self {
        let mut endpoint = Self::closed(script);
        endpoint.open();
        endpoint
    }

    /// As [`NotificationEndpoint::start`], but connections are refused until [`NotificationEndpoint::open`].
    #[must_use]
    pub fn closed(script: &[Says]) -> Self {
        install_tls();
        let socket = TcpSocket::new_v4().expect("a socket can be made");
        socket
            .bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .expect("loopback has a free port");
        let address = socket.local_addr().expect("it is bound");
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate can be made");
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        std::fs::write(folder.path().join("ca.pem"), made.cert.pem()).expect("the certificate can be written");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let tls = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("the certificate can be served");
        let book = Arc::new(Book::default());
        book.script.lock().expect("nobody panicked").extend(script);
        Self {
            folder,
            address,
            book,
            acceptor: TlsAcceptor::from(Arc::new(tls)),
            door: Door::Closed(socket),
        }
    }

    /// Takes connections from now on.
    ///
    /// # Panics
    /// When it does already.
    pub fn open(&mut self) {
        let Door::Closed(socket) = std::mem::replace(&mut self.door, Door::Moving) else {
            panic!("it is open")
        };
        let listener = socket.listen(1024).expect("it can listen");
        self.door = Door::Open(tokio::spawn(listen(listener, self.acceptor.clone(), self.book.clone())));
    }

    /// What a client registers.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}/ciba/cb?shop=1", self.address)
    }

    /// The certificate that vouches for it, as a PEM file.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Configuration under which a backend may call it.
    #[must_use]
    pub fn allowed(&self) -> String {
        let file = self.ca_file().display().to_string();
        format!("[outbound]\nallow = [\"127.0.0.1/32\"]\nca_file = {file:?}\n")
    }

    /// Every call until now.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.book.calls.lock().expect("nobody panicked").clone()
    }

    /// Waits for this many calls.
    pub async fn heard(&self, count: usize) -> Vec<Call> {
        let heard = async || Some(self.calls()).filter(|calls| calls.len() >= count);
        eventually("calls at the notification endpoint", Duration::from_mins(1), heard).await
    }
}

impl Drop for NotificationEndpoint {
    fn drop(&mut self) {
        if let Door::Open(listening) = &self.door {
            listening.abort();
        }
    }
}

async fn listen(listener: TcpListener, acceptor: TlsAcceptor, book: Arc<Book>) {
    while let Ok((stream, _)) = listener.accept().await {
        let says = book.script.lock().expect("nobody panicked").pop_front();
        let (acceptor, book) = (acceptor.clone(), book.clone());
        tokio::spawn(async move {
            // Whoever hangs up or does not trust us ends the connection, which is what some stories are about.
            converse(stream, &acceptor, says.unwrap_or(Says::Status(204)), &book)
                .await
                .ok();
        });
    }
}

async fn converse(stream: TcpStream, acceptor: &TlsAcceptor, says: Says, book: &Book) -> std::io::Result<()> {
    if matches!(says, Says::HangsUp) {
        return Ok(());
    }
    let mut stream = acceptor.accept(stream).await?;
    let call = read(&mut stream).await?;
    book.calls.lock().expect("nobody panicked").push(call);
    let head = match says {
        Says::Status(204) => "204 No Content\r\n".to_owned(),
        Says::Status(status) => format!("{status} X\r\ncontent-length: 0\r\n"),
        Says::Elsewhere(status) => format!("{status} X\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n"),
        Says::Endless => "200 OK\r\ntransfer-encoding: chunked\r\n".to_owned(),
        Says::Nothing | Says::HangsUp => std::future::pending().await,
    };
    let answer = format!("HTTP/1.1 {head}connection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).await?;
    if matches!(says, Says::Endless) {
        loop {
            stream.write_all(b"5\r\nxxxxx\r\n").await?;
        }
    }
    stream.shutdown().await
}

/// Reads one request, however its bytes arrive.
pub(crate) async fn read(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> std::io::Result<Call> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap_or_default().to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let mut body = bytes.split_off(end + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(Call {
        at: SystemClock.now(),
        line,
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}
