//! A provider of the generic connector (`docs/connectors/generic.md`): hands requests over and hears how they end, or fails to. The reference for whoever
//! writes one: it shares no code with the backend's side.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_clock::{Clock as _, SystemClock};
use countersign_jose::digest;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinHandle,
};

use crate::{
    eventually,
    notification_endpoint::{Call, read},
    raw_device::{Answer, answered, random_text},
};

/// What it does with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hears {
    /// Takes the result and says so.
    Well,
    /// Takes the result and never answers.
    WithoutAnswer,
    /// Takes the result and closes the connection.
    AndHangsUp,
    /// Closes the connection when it has the head.
    HalfOfIt,
    /// Takes nothing and answers this status.
    Refuses(u16),
    /// Takes nothing and answers something that is not HTTP.
    Babbles,
    /// Takes nothing, answers 200 in pieces that never end.
    Endlessly,
}

/// A result as the callback brought it, its signature verified.
#[derive(Debug, Clone)]
pub struct Heard {
    /// `webhook-id`
    pub message: String,
    /// The body.
    pub body: Value,
}

#[derive(Default)]
struct Book {
    script: Mutex<VecDeque<Hears>>,
    heard: Mutex<Vec<Heard>>,
    /// First results, by the provider's name of the request.
    results: Mutex<HashMap<String, Value>>,
}

/// A provider.
pub struct UpstreamOp {
    /// The connector's name at the backend.
    pub name: String,
    key: Arc<[u8]>,
    folder: TempDir,
    address: SocketAddr,
    book: Arc<Book>,
    closed: Option<TcpSocket>,
    listening: Option<JoinHandle<()>>,
}

impl UpstreamOp {
    /// Does with its first calls what `script` says, and hears well from then on.
    #[must_use]
    pub fn start(name: &str, script: &[Hears]) -> Self {
        let mut provider = Self::closed(name, script);
        provider.open();
        provider
    }

    /// As [`UpstreamOp::start`], but connections are refused until [`UpstreamOp::open`].
    #[must_use]
    pub fn closed(name: &str, script: &[Hears]) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket can be made");
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(anywhere).expect("loopback has a free port");
        let key: Arc<[u8]> = digest::sha256(random_text()).into();
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let secret = format!("whsec_{}\n", STANDARD.encode(&key));
        std::fs::write(folder.path().join("secret"), secret).expect("the secret can be written");
        let book = Arc::new(Book::default());
        book.script.lock().expect("nobody panicked").extend(script);
        Self {
            name: name.to_owned(),
            key,
            folder,
            address: socket.local_addr().expect("it is bound"),
            book,
            closed: Some(socket),
            listening: None,
        }
    }

    /// Takes connections from now on.
    ///
    /// # Panics
    /// When it does already.
    pub fn open(&mut self) {
        let socket = self.closed.take().expect("it is closed");
        let listener = socket.listen(1024).expect("it can listen");
        let (key, book) = (self.key.clone(), self.book.clone());
        self.listening = Some(tokio::spawn(listen(listener, key, book)));
    }

    /// Does with its next calls what `script` says, and hears well from then on.
    pub fn does(&self, script: &[Hears]) {
        *self.book.script.lock().expect("nobody panicked") = script.iter().copied().collect();
    }

    /// The file with its secret.
    #[must_use]
    pub fn secret_file(&self) -> PathBuf {
        self.folder.path().join("secret")
    }

    /// Configuration of a connector for it, whose people sign in at `issuer`.
    #[must_use]
    pub fn connector(&self, issuer: &str) -> String {
        let (name, address, secret) = (&self.name, self.address, self.secret_file().display().to_string());
        format!(
            "[[connectors.generic]]\nname = \"{name}\"\nissuer = \"{issuer}\"\ntitle = \"The {name}\"\n\
             app_client_id = \"countersign-app\"\nsecret_file = {secret:?}\n\
             callback_url = \"http://{address}/countersign/callback\"\n"
        )
    }

    /// A request that can be handed over: `id` is its name here, `sub` who is asked. It waits two minutes.
    #[must_use]
    pub fn request(&self, id: &str, sub: &str) -> Value {
        json!({
            "id": id,
            "sub": sub,
            "client": { "id": "shop", "name": "Demo Shop" },
            "scope": "openid profile",
            "binding_message": "W4SCT",
            "expires_at": SystemClock.now() + 120_000,
        })
    }

    /// Hands `body` over to the backend at `origin` in a message of its own.
    pub async fn hand_over(&self, origin: &str, body: &Value) -> Answer {
        self.hand_over_as(origin, &format!("msg_{}", random_text()), &body.to_string())
            .await
    }

    /// As [`Self::hand_over`], in the message `message`.
    pub async fn hand_over_as(&self, origin: &str, message: &str, body: &str) -> Answer {
        let url = format!("{origin}/connectors/{}/requests", self.name);
        let timestamp = SystemClock.now_seconds();
        let request = crate::http()
            .post(url)
            .header("content-type", "application/json")
            .header("webhook-id", message)
            .header("webhook-timestamp", timestamp)
            .header(
                "webhook-signature",
                sign(&self.key, message, &timestamp.to_string(), body),
            );
        answered(request.body(body.to_owned())).await
    }

    /// Hands over a request that has to be taken in; returns its handle.
    pub async fn ask(&self, origin: &str, body: &Value) -> String {
        let (status, answer) = self.hand_over(origin, body).await;
        assert_eq!(status, StatusCode::CREATED, "the request is taken in: {answer}");
        answer["handle"].as_str().expect("a handle").to_owned()
    }

    /// All results that reached it whole and signed, those that it then refused among them.
    #[must_use]
    pub fn heard(&self) -> Vec<Heard> {
        self.book.heard.lock().expect("nobody panicked").clone()
    }

    /// The result that counts of the request `id`.
    #[must_use]
    pub fn result(&self, id: &str) -> Option<Value> {
        self.book.results.lock().expect("nobody panicked").get(id).cloned()
    }

    /// Waits for the result of the request `id`.
    pub async fn told(&self, id: &str) -> Value {
        eventually("the result at the provider", Duration::from_mins(1), async || {
            self.result(id)
        })
        .await
    }
}

impl Drop for UpstreamOp {
    fn drop(&mut self) {
        if let Some(listening) = &self.listening {
            listening.abort();
        }
    }
}

/// The value of `webhook-signature`.
fn sign(key: &[u8], message: &str, timestamp: &str, body: &str) -> String {
    let tag = digest::hmac_sha256(key, format!("{message}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag))
}

async fn listen(listener: TcpListener, key: Arc<[u8]>, book: Arc<Book>) {
    while let Ok((stream, _)) = listener.accept().await {
        let hears = book.script.lock().expect("nobody panicked").pop_front();
        let (key, book) = (key.clone(), book.clone());
        tokio::spawn(async move {
            // Whoever hangs up ends the connection, which is what some stories are about.
            converse(stream, hears.unwrap_or(Hears::Well), &key, &book).await.ok();
        });
    }
}

async fn converse(mut stream: TcpStream, hears: Hears, key: &[u8], book: &Book) -> std::io::Result<()> {
    if hears == Hears::HalfOfIt {
        let mut head = [0; 16];
        stream.read_exact(&mut head).await?;
        return Ok(());
    }
    let call = read(&mut stream).await?;
    let called = verified(&call, key);
    book.heard.lock().expect("nobody panicked").push(called.clone());
    let status = match hears {
        Hears::Well | Hears::WithoutAnswer | Hears::AndHangsUp => take(book, &called.body),
        Hears::Refuses(status) => status,
        Hears::Babbles => {
            stream.write_all(b"\x16\x03\x01 and so on\r\n\r\n").await?;
            return stream.shutdown().await;
        }
        Hears::Endlessly => 200,
        Hears::HalfOfIt => return Ok(()),
    };
    match hears {
        Hears::WithoutAnswer => std::future::pending().await,
        Hears::AndHangsUp => return Ok(()),
        Hears::Endlessly => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n")
                .await?;
            loop {
                stream.write_all(b"x-again: and again\r\n").await?;
            }
        }
        _ => {}
    }
    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let answer = answer.replace("204 X\r\ncontent-length: 0", "204 X");
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

/// The first result counts; the same again is taken again, another one is not.
fn take(book: &Book, body: &Value) -> u16 {
    let id = body["id"].as_str().expect("a result names its request").to_owned();
    let mut results = book.results.lock().expect("nobody panicked");
    let first = results.entry(id).or_insert_with(|| body.clone());
    if first == body { 204 } else { 409 }
}

/// What every receiver has to check before it believes a call.
fn verified(call: &Call, key: &[u8]) -> Heard {
    assert_eq!(call.line, "POST /countersign/callback HTTP/1.1");
    assert_eq!(call.header("content-type"), "application/json");
    let (message, timestamp) = (call.header("webhook-id"), call.header("webhook-timestamp"));
    let seconds: i64 = timestamp.parse().expect("a number of seconds");
    assert!(
        (SystemClock.now_seconds() - seconds).abs() <= 300,
        "S-092: the call is of now"
    );
    let expected = sign(key, message, timestamp, &call.body);
    assert_eq!(call.header("webhook-signature"), expected, "S-092: the call is signed");
    Heard {
        message: message.to_owned(),
        body: serde_json::from_str(&call.body).expect("the body is JSON"),
    }
}
