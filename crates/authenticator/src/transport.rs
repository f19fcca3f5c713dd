//! One call to the backend: proof, nonce, time, size, and what a refusal says. Knows no endpoint.

use std::sync::{Arc, Mutex};

use countersign_clock::Random;
use countersign_protocol::{Problem, ProblemCode, Secret};
use futures_util::StreamExt;
use reqwest::{Method, Response, StatusCode, header::AUTHORIZATION};
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;
use url::Url;

use crate::{
    dpop::{self, Purpose},
    options::Timing,
    server_clock::ServerClock,
    signer::{Signer, SignerError},
    sync::held,
};

/// An answer longer than this is no answer of a backend.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
const NONCE: &str = "DPoP-Nonce";
const PROOF: &str = "DPoP";

/// Why a call brought nothing.
#[derive(Debug, Error)]
pub enum ApiError {
    /// No connection, or no answer in time.
    #[error("reach the backend")]
    Unreachable(#[source] reqwest::Error),
    /// The backend says why.
    #[error("have the backend do this ({:?})", .0.code)]
    Refused(Box<Problem>),
    /// The answer is neither what was asked for nor a problem: something between us and the backend answered.
    #[error("understand an answer with status {status}")]
    Unreadable {
        /// The HTTP status.
        status: u16,
    },
    /// A path does not lead to the pinned origin.
    #[error("stay at the pinned origin")]
    Address,
    /// The proof could not be signed.
    #[error("prove possession of the key")]
    Sign(#[from] SignerError),
}

impl ApiError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Unreadable { status } => *status >= 500 || *status == 429 || *status == 408,
            Self::Refused(problem) => {
                matches!(problem.code, ProblemCode::Unavailable | ProblemCode::TooManyRequests)
            }
            Self::Address | Self::Sign(_) => false,
        }
    }

    /// The backend's code, when it gave one.
    #[must_use]
    pub fn code(&self) -> Option<ProblemCode> {
        match self {
            Self::Refused(problem) => Some(problem.code),
            Self::Unreachable(_) | Self::Unreadable { .. } | Self::Address | Self::Sign(_) => None,
        }
    }
}

/// How a call proves who makes it.
#[derive(Clone, Copy)]
pub(crate) enum Proof<'a> {
    /// Not at all: the body is the proof.
    None,
    /// A DPoP proof.
    Key,
    /// A DPoP proof and an access token.
    Token(&'a Secret),
}

/// A call before it is made.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) proof: Proof<'a>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) headers: Vec<(&'static str, String)>,
}

/// Where calls go and what they are made with.
pub(crate) struct Transport {
    http: reqwest::Client,
    origin: Url,
    signer: Arc<dyn Signer>,
    clock: Arc<ServerClock>,
    random: Arc<dyn Random>,
    timing: Timing,
    nonce: Mutex<Option<String>>,
}

impl Transport {
    pub(crate) fn new(
        http: reqwest::Client,
        origin: Url,
        signer: Arc<dyn Signer>,
        clock: Arc<ServerClock>,
        random: Arc<dyn Random>,
        timing: Timing,
    ) -> Self {
        let nonce = Mutex::new(None);
        Self {
            http,
            origin,
            signer,
            clock,
            random,
            timing,
            nonce,
        }
    }

    pub(crate) fn clock(&self) -> &ServerClock {
        &self.clock
    }

    /// The address of a path below the pinned origin.
    pub(crate) fn at(&self, segments: &[&str]) -> Result<Url, ApiError> {
        let mut url = self.origin.clone();
        url.path_segments_mut()
            .map_err(|()| ApiError::Address)?
            .clear()
            .extend(segments);
        Ok(url)
    }

    /// Makes a call and reads its JSON.
    pub(crate) async fn ask<R: DeserializeOwned>(&self, call: Call<'_>) -> Result<R, ApiError> {
        let answer = self.send(call, true).await?;
        let status = answer.status().as_u16();
        let body = body_of(answer).await?;
        serde_json::from_slice(&body).map_err(|_| ApiError::Unreadable { status })
    }

    /// Makes a call whose answer has no body.
    pub(crate) async fn tell(&self, call: Call<'_>) -> Result<(), ApiError> {
        self.send(call, true).await.map(drop)
    }

    /// Makes a call whose answer does not end.
    pub(crate) async fn open(&self, call: Call<'_>) -> Result<Response, ApiError> {
        self.send(call, false).await
    }

    /// Sends the call; when the backend asks for its nonce, once more with it (RFC 9449 section 8).
    async fn send(&self, call: Call<'_>, bounded: bool) -> Result<Response, ApiError> {
        match self.send_once(&call, bounded).await {
            Err(error) if error.code() == Some(ProblemCode::UseDpopNonce) => self.send_once(&call, bounded).await,
            result => result,
        }
    }

    async fn send_once(&self, call: &Call<'_>, bounded: bool) -> Result<Response, ApiError> {
        let mut request = self.http.request(call.method.clone(), call.url.clone());
        if bounded {
            request = request.timeout(self.timing.call);
        }
        let token = match call.proof {
            Proof::Token(token) => Some(token),
            Proof::None | Proof::Key => None,
        };
        if !matches!(call.proof, Proof::None) {
            let nonce = held(&self.nonce).clone();
            let purpose = Purpose {
                method: call.method.as_str(),
                url: &call.url,
                nonce: nonce.as_deref(),
                token,
                now: self.clock.now_seconds(),
            };
            request = request.header(
                PROOF,
                dpop::proof(self.signer.as_ref(), self.random.as_ref(), purpose).await?,
            );
        }
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("DPoP {}", token.expose()));
        }
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        if let Some(body) = &call.body {
            request = request.header("content-type", "application/json").body(body.clone());
        }
        let answer = request
            .send()
            .await
            .map_err(|error| ApiError::Unreachable(error.without_url()))?;
        self.clock.glimpsed(answer.headers());
        if let Some(nonce) = answer.headers().get(NONCE).and_then(|value| value.to_str().ok()) {
            *held(&self.nonce) = Some(nonce.to_owned());
        }
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(refusal(answer).await)
    }
}

/// A body as the wire wants it.
pub(crate) fn json<B: Serialize>(body: &B) -> Result<Option<Vec<u8>>, ApiError> {
    serde_json::to_vec(body)
        .map(Some)
        .map_err(|_| ApiError::Unreadable { status: 0 })
}

async fn refusal(answer: Response) -> ApiError {
    let status: StatusCode = answer.status();
    let problem = body_of(answer)
        .await
        .ok()
        .and_then(|body| serde_json::from_slice(&body).ok());
    problem.map_or(
        ApiError::Unreadable {
            status: status.as_u16(),
        },
        |problem| ApiError::Refused(Box::new(problem)),
    )
}

/// Reads a body, but never more than a backend would send.
pub(crate) async fn body_of(answer: Response) -> Result<Vec<u8>, ApiError> {
    let status = answer.status().as_u16();
    let mut chunks = answer.bytes_stream();
    let mut body = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| ApiError::Unreachable(error.without_url()))?;
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(ApiError::Unreadable { status });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
