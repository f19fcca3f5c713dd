//! What Keycloak takes for the authentication channel: hands every call to the backend whose turn it is, byte by byte, and remembers it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{Request, Response, StatusCode, header},
};
use countersign_jose::b64;
use serde_json::Value;
use tokio::sync::watch;

use crate::{eventually, http};

/// One call of Keycloak.
#[derive(Debug, Clone)]
pub struct Intake {
    /// The bearer token, which is good for telling Keycloak the result.
    pub bearer: String,
    /// The body.
    pub body: String,
    /// What Keycloak was answered.
    pub status: StatusCode,
}

impl Intake {
    /// The claims of the bearer token.
    #[must_use]
    pub fn claims(&self) -> Value {
        part(&self.bearer, 1)
    }

    /// The header of the bearer token.
    #[must_use]
    pub fn header(&self) -> Value {
        part(&self.bearer, 0)
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("Keycloak sends JSON")
    }
}

fn part(jwt: &str, index: usize) -> Value {
    let part = jwt.split('.').nth(index).expect("a compact JWS has three parts");
    serde_json::from_slice(&b64::decode(part).expect("base64url")).expect("JSON")
}

/// Who is behind the relay.
#[derive(Clone)]
enum Target {
    /// Nobody: the relay answers 503.
    Nobody,
    /// Nobody, but the relay answers 201 as if there were a backend.
    Stub,
    /// The backend at this origin.
    Backend(String),
}

struct Book {
    target: Mutex<Target>,
    intakes: Mutex<Vec<Intake>>,
    /// Whether answers get through to Keycloak.
    open: watch::Sender<bool>,
}

/// The relay. It lives in a thread of its own, because the stories' runtimes come and go.
pub struct Relay {
    address: SocketAddr,
    book: Arc<Book>,
}

impl Relay {
    /// Listens on a free port of 127.0.0.1.
    pub(super) fn start() -> Self {
        let book = Arc::new(Book {
            target: Mutex::new(Target::Nobody),
            intakes: Mutex::default(),
            open: watch::Sender::new(true),
        });
        let app = Router::new().fallback(pass_on).with_state(book.clone());
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        listener
            .set_nonblocking(true)
            .expect("a socket can be told not to block");
        let address = listener.local_addr().expect("it is bound");
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be made").block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("the runtime takes the socket");
                axum::serve(listener, app).await.expect("it serves");
            });
        });
        Self { address, book }
    }

    /// Where it listens.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Hands calls to `backend` from now on.
    pub fn hand_to(&self, backend: &str) {
        *self.book.target.lock().expect("nobody panicked") = Target::Backend(backend.to_owned());
    }

    /// Answers 201 by itself from now on.
    pub fn acknowledge(&self) {
        *self.book.target.lock().expect("nobody panicked") = Target::Stub;
    }

    /// Calls nobody, and has heard nothing.
    pub(super) fn forget(&self) {
        *self.book.target.lock().expect("nobody panicked") = Target::Nobody;
        self.let_answers_through();
        self.book.intakes.lock().expect("nobody panicked").clear();
    }

    /// From now on the backend's answers do not reach Keycloak, until [`Self::let_answers_through`].
    pub fn hold_answers(&self) {
        self.book.open.send_replace(false);
    }

    /// The answers that were held reach Keycloak, and all later ones.
    pub fn let_answers_through(&self) {
        self.book.open.send_replace(true);
    }

    /// Every call until now.
    #[must_use]
    pub fn intakes(&self) -> Vec<Intake> {
        self.book.intakes.lock().expect("nobody panicked").clone()
    }

    /// Waits for the call number `count`, counted from one.
    pub async fn intake(&self, count: usize) -> Intake {
        let heard = async || self.intakes().get(count - 1).cloned();
        eventually("a call of Keycloak", Duration::from_secs(30), heard).await
    }
}

async fn pass_on(State(book): State<Arc<Book>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
    let target = book.target.lock().expect("nobody panicked").clone();
    let (status, answer) = match target {
        Target::Nobody => (StatusCode::SERVICE_UNAVAILABLE, Bytes::new()),
        Target::Stub => (StatusCode::CREATED, Bytes::new()),
        Target::Backend(origin) => ask(&origin, &parts, body.clone()).await,
    };
    let bearer = parts.headers.get(header::AUTHORIZATION);
    let bearer = bearer.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let intake = Intake {
        bearer: bearer.unwrap_or_default().to_owned(),
        body: String::from_utf8_lossy(&body).into_owned(),
        status,
    };
    book.intakes.lock().expect("nobody panicked").push(intake);
    let mut open = book.open.subscribe();
    open.wait_for(|open| *open)
        .await
        .expect("the book outlives its readers");
    let mut response = Response::new(Body::from(answer));
    *response.status_mut() = status;
    response
}

async fn ask(target: &str, parts: &axum::http::request::Parts, body: Bytes) -> (StatusCode, Bytes) {
    let url = format!("{target}{}", parts.uri);
    let mut headers = parts.headers.clone();
    for name in [header::HOST, header::CONNECTION, header::ACCEPT_ENCODING] {
        headers.remove(name);
    }
    let sent = http()
        .request(parts.method.clone(), url)
        .headers(headers)
        .body(body)
        .send()
        .await;
    match sent {
        Ok(answer) => (answer.status(), answer.bytes().await.unwrap_or_default()),
        Err(_) => (StatusCode::BAD_GATEWAY, Bytes::new()),
    }
}
