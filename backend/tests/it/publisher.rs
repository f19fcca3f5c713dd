//! A host of documents on loopback: a client's keys, or the addresses of a sector. It says what it is told to and counts who asks.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, Response, Uri},
};
use countersign_jose::SigningKey;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::sync::watch;
use url::Url;

/// The setting that lets the backend call it.
pub const ALLOW: &str = "[outbound]\nallow = [\"127.0.0.1/32\"]\n";

/// What stands at one path.
#[derive(Clone)]
pub enum Page {
    /// JSON, said to be JSON.
    Json(Value),
    /// JSON with these headers beside its content type.
    With(Vec<(&'static str, String)>, Value),
    /// Any other answer: status, content type, body.
    Raw(u16, &'static str, String),
    /// A redirect to a path of its own.
    Elsewhere(u16, &'static str),
    /// JSON that never ends.
    Endless,
    /// JSON, a byte every 100 ms, for a minute.
    Drip,
}

/// What was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
}

struct Shared {
    pages: Mutex<HashMap<String, Page>>,
    asked: Mutex<Vec<Asked>>,
    held: watch::Sender<bool>,
}

/// Listens until dropped.
pub struct Publisher {
    origin: String,
    shared: Arc<Shared>,
    serving: tokio::task::JoinHandle<()>,
}

impl Publisher {
    pub async fn start() -> Self {
        let shared = Arc::new(Shared {
            pages: Mutex::default(),
            asked: Mutex::default(),
            held: watch::Sender::new(false),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            origin,
            shared,
            serving,
        }
    }

    pub fn at(&self, path: &str) -> Url {
        Url::parse(&format!("{}{path}", self.origin)).unwrap()
    }

    /// Puts `page` at `path`, and returns where it stands.
    pub fn put(&self, path: &str, page: Page) -> Url {
        self.shared.pages.lock().unwrap().insert(path.to_owned(), page);
        self.at(path)
    }

    /// Publishes keys at `path`.
    pub fn publish(&self, path: &str, keys: &[&SigningKey]) -> Url {
        self.put(path, Page::Json(jwks(keys)))
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.asked().len()
    }

    /// Keeps every answer back, until it is told to go on.
    pub fn hold(&self) {
        self.shared.held.send_replace(true);
    }

    pub fn go_on(&self) {
        self.shared.held.send_replace(false);
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

pub fn jwks(keys: &[&SigningKey]) -> Value {
    let keys: Vec<_> = keys.iter().map(|key| key.public_jwk()).collect();
    json!({"keys": keys})
}

async fn answer(State(shared): State<Arc<Shared>>, method: Method, uri: Uri, headers: HeaderMap) -> Response<Body> {
    let path = uri.path().to_owned();
    let page = shared.pages.lock().unwrap().get(&path).cloned();
    shared.asked.lock().unwrap().push(Asked { method, path, headers });
    shared.held.subscribe().wait_for(|held| !held).await.unwrap();
    let json = "application/json";
    let response = Response::builder();
    match page {
        None => response.status(404).body(Body::from("{}")),
        Some(Page::Json(value)) => response
            .header("content-type", json)
            .body(Body::from(value.to_string())),
        Some(Page::With(more, value)) => {
            let mut response = response.header("content-type", json);
            for (name, value) in more {
                response = response.header(name, value);
            }
            response.body(Body::from(value.to_string()))
        }
        Some(Page::Raw(status, content_type, body)) => response
            .status(status)
            .header("content-type", content_type)
            .body(Body::from(body)),
        Some(Page::Elsewhere(status, path)) => response.status(status).header("location", path).body(Body::empty()),
        Some(Page::Endless) => {
            let chunk = || Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 8_192]));
            response
                .header("content-type", json)
                .body(Body::from_stream(stream::repeat_with(chunk)))
        }
        Some(Page::Drip) => {
            let drops = stream::iter(0..600).then(|_| async {
                tokio::time::sleep(Duration::from_millis(100)).await;
                Ok::<_, std::io::Error>(Bytes::from_static(b" "))
            });
            response.header("content-type", json).body(Body::from_stream(drops))
        }
    }
    .unwrap()
}
