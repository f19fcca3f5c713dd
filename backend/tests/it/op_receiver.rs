//! A client's notification endpoint on loopback, which answers what it is told to and remembers what it was sent.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, Response, StatusCode, Uri},
};
use countersign_protocol::AuthReqId;
use futures_util::stream;
use serde_json::Value;
use tokio::sync::Notify;

/// What it says to one call.
#[derive(Clone, Copy)]
pub enum Says {
    Status(u16),
    /// A redirect to another path of its own.
    Elsewhere(u16),
    /// 429 or 503, and to be left alone for so many seconds.
    Later(u16, u32),
    /// 200, and a body without an end.
    Endless,
    /// Nothing, until it is told to go on; then 204.
    WhenTold,
}

/// One call.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Call {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// A ping, exactly as CIBA Core section 10.2 has it.
    #[track_caller]
    pub fn is_ping(&self, token: &str, auth_req_id: &AuthReqId) {
        assert_eq!(self.method, Method::POST, "R-181");
        assert_eq!(self.path, "/cb?shop=1", "R-150: the registered address, as it is");
        assert_eq!(self.header("authorization"), format!("Bearer {token}"), "R-151");
        assert_eq!(self.headers.get_all("authorization").iter().count(), 1, "R-151");
        assert_eq!(self.header("content-type"), "application/json", "R-181");
        let body: Value = serde_json::from_str(&self.body).unwrap();
        let exactly = serde_json::json!({ "auth_req_id": auth_req_id.expose() });
        assert_eq!(body, exactly, "R-181: the single member");
    }
}

#[derive(Default)]
struct Shared {
    script: Mutex<VecDeque<Says>>,
    calls: Mutex<Vec<Call>>,
    go_on: Notify,
}

/// Listens until dropped.
pub struct Receiver {
    pub endpoint: String,
    shared: Arc<Shared>,
    serving: tokio::task::JoinHandle<()>,
}

impl Receiver {
    /// Answers `script`, then 204 to whatever comes.
    pub async fn start(script: &[Says]) -> Self {
        let shared = Arc::new(Shared::default());
        shared.script.lock().unwrap().extend(script);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/cb?shop=1", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            endpoint,
            shared,
            serving,
        }
    }

    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().unwrap().clone()
    }

    /// Lets one call go on that waits.
    pub fn go_on(&self) {
        self.shared.go_on.notify_one();
    }

    /// Waits for this many calls.
    pub async fn heard(&self, count: usize) -> Vec<Call> {
        eventually("calls", || self.calls().len() >= count).await;
        self.calls()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Waits for a condition, at most a minute.
pub async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(
        tokio::time::timeout(Duration::from_mins(1), waiting).await.is_ok(),
        "waited in vain for {what}"
    );
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    shared.calls.lock().unwrap().push(Call {
        method,
        path: uri.to_string(),
        headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    let says = shared.script.lock().unwrap().pop_front();
    let response = Response::builder();
    match says.unwrap_or(Says::Status(204)) {
        Says::Status(status) => response.status(status).body(Body::from("no")),
        Says::Elsewhere(status) => response
            .status(status)
            .header("location", "/elsewhere")
            .body(Body::empty()),
        Says::Later(status, seconds) => response
            .status(status)
            .header("retry-after", seconds)
            .body(Body::empty()),
        Says::Endless => {
            let chunk = || Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 8_192]));
            response.body(Body::from_stream(stream::repeat_with(chunk)))
        }
        Says::WhenTold => {
            shared.go_on.notified().await;
            response.status(StatusCode::NO_CONTENT).body(Body::empty())
        }
    }
    .unwrap()
}
