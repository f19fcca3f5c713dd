//! The device API of `docs/protocol.md`, one function per endpoint.

use countersign_clock::Millis;
use countersign_protocol::{
    DecisionRequest, DeviceId, DeviceList, DeviceRegistered, DeviceRegistration, Handle, HistoryPage, KeyAnnouncements,
    KeyRotation, PendingList, ProblemCode, PushTarget, PushUpdate, Rename, RequestStatus, Secret, SessionRequest,
    SessionResponse, Settled, UserCodeState, UserCodeUpdate,
};
use reqwest::{Method, Response};
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use url::Url;

pub use crate::transport::ApiError;
use crate::{
    server_clock::ServerClock,
    transport::{Call, Proof, Transport, json},
};

/// A token that is about to end is not used any more.
const TOKEN_MARGIN: Millis = 30_000;

/// The backend as a registered device talks to it.
pub(crate) struct Api {
    transport: Transport,
    session: Secret,
    // Held while a token is renewed, so that many calls at once renew it once.
    token: Mutex<Option<AccessToken>>,
}

struct AccessToken {
    value: Secret,
    ends: Millis,
}

/// Registers a device (section 3).
pub(crate) async fn register(
    transport: &Transport,
    endpoint: Url,
    registration: &DeviceRegistration,
) -> Result<DeviceRegistered, ApiError> {
    let asked = transport.clock().local_now();
    let call = call(Method::POST, endpoint, Proof::Key).with(json(registration)?);
    let registered: DeviceRegistered = transport.ask(call).await?;
    transport.clock().measured(registered.server_time, asked);
    Ok(registered)
}

impl Api {
    pub(crate) fn new(transport: Transport, session: Secret) -> Self {
        let token = Mutex::new(None);
        Self {
            transport,
            session,
            token,
        }
    }

    pub(crate) fn clock(&self) -> &ServerClock {
        self.transport.clock()
    }

    /// `GET /ad/v1/requests`.
    pub(crate) async fn requests(&self) -> Result<PendingList, ApiError> {
        let asked = self.clock().local_now();
        let list: PendingList = self
            .ask(Method::GET, self.transport.at(&["ad", "v1", "requests"])?, None)
            .await?;
        self.clock().measured(list.server_time, asked);
        Ok(list)
    }

    /// `GET /ad/v1/requests/{handle}`.
    pub(crate) async fn request(&self, handle: &Handle) -> Result<RequestStatus, ApiError> {
        let url = self.transport.at(&["ad", "v1", "requests", handle.as_str()])?;
        self.ask(Method::GET, url, None).await
    }

    /// `POST /ad/v1/requests/{handle}/decision`: the decision is its own proof.
    pub(crate) async fn decide(&self, handle: &Handle, decision: &DecisionRequest) -> Result<Settled, ApiError> {
        let url = self
            .transport
            .at(&["ad", "v1", "requests", handle.as_str(), "decision"])?;
        self.transport
            .ask(call(Method::POST, url, Proof::None).with(json(decision)?))
            .await
    }

    /// `GET /ad/v1/history`.
    pub(crate) async fn history(&self, before: Option<Millis>, limit: u32) -> Result<HistoryPage, ApiError> {
        let mut url = self.transport.at(&["ad", "v1", "history"])?;
        url.query_pairs_mut().append_pair("limit", &limit.to_string());
        if let Some(before) = before {
            url.query_pairs_mut().append_pair("before", &before.to_string());
        }
        self.ask(Method::GET, url, None).await
    }

    /// `GET /ad/v1/stream`, everything after `last_event_id`.
    pub(crate) async fn stream(&self, last_event_id: Option<&str>) -> Result<Response, ApiError> {
        let url = self.transport.at(&["ad", "v1", "stream"])?;
        let mut headers = vec![("accept", "text/event-stream".to_owned())];
        headers.extend(last_event_id.map(|id| ("last-event-id", id.to_owned())));
        for attempt in 0.. {
            let token = self.token().await?;
            let mut call = call(Method::GET, url.clone(), Proof::Token(&token));
            call.headers.clone_from(&headers);
            match self.transport.open(call).await {
                Err(error) if attempt == 0 && error.code() == Some(ProblemCode::InvalidToken) => {
                    self.forget(&token).await;
                }
                result => return result,
            }
        }
        Err(ApiError::Address)
    }

    /// `GET /ad/v1/devices`.
    pub(crate) async fn devices(&self) -> Result<DeviceList, ApiError> {
        self.ask(Method::GET, self.transport.at(&["ad", "v1", "devices"])?, None)
            .await
    }

    /// `PATCH /ad/v1/devices/{device_id}`.
    pub(crate) async fn rename(&self, device: &DeviceId, name: &str) -> Result<(), ApiError> {
        let url = self.transport.at(&["ad", "v1", "devices", device.as_str()])?;
        self.tell(Method::PATCH, url, json(&Rename { name: name.to_owned() })?)
            .await
    }

    /// `DELETE /ad/v1/devices/{device_id}`.
    pub(crate) async fn revoke(&self, device: &DeviceId) -> Result<(), ApiError> {
        self.tell(
            Method::DELETE,
            self.transport.at(&["ad", "v1", "devices", device.as_str()])?,
            None,
        )
        .await
    }

    /// `GET /ad/v1/keys`.
    pub(crate) async fn key_announcements(&self) -> Result<KeyAnnouncements, ApiError> {
        self.ask(Method::GET, self.transport.at(&["ad", "v1", "keys"])?, None)
            .await
    }

    /// `PUT /ad/v1/keys`.
    pub(crate) async fn rotate_keys(&self, statement: String) -> Result<(), ApiError> {
        let url = self.transport.at(&["ad", "v1", "keys"])?;
        self.tell(Method::PUT, url, json(&KeyRotation { statement })?).await
    }

    /// `POST /ad/v1/session`, to find out whether the backend knows the key.
    pub(crate) async fn prove(&self) -> Result<(), ApiError> {
        self.token().await.map(drop)
    }

    /// `PUT /ad/v1/push`.
    pub(crate) async fn update_push(&self, push: PushTarget) -> Result<(), ApiError> {
        self.tell(
            Method::PUT,
            self.transport.at(&["ad", "v1", "push"])?,
            json(&PushUpdate { push })?,
        )
        .await
    }

    /// `GET /ad/v1/user-code`.
    pub(crate) async fn user_code(&self) -> Result<UserCodeState, ApiError> {
        self.ask(Method::GET, self.transport.at(&["ad", "v1", "user-code"])?, None)
            .await
    }

    /// `PUT /ad/v1/user-code`.
    pub(crate) async fn set_user_code(&self, statement: Secret) -> Result<(), ApiError> {
        let url = self.transport.at(&["ad", "v1", "user-code"])?;
        self.tell(Method::PUT, url, json(&UserCodeUpdate { statement })?).await
    }

    async fn ask<R: DeserializeOwned>(&self, method: Method, url: Url, body: Option<Vec<u8>>) -> Result<R, ApiError> {
        let token = self.token().await?;
        let first = call(method.clone(), url.clone(), Proof::Token(&token)).with(body.clone());
        match self.transport.ask(first).await {
            Err(error) if error.code() == Some(ProblemCode::InvalidToken) => {
                self.forget(&token).await;
                let token = self.token().await?;
                self.transport
                    .ask(call(method, url, Proof::Token(&token)).with(body))
                    .await
            }
            result => result,
        }
    }

    async fn tell(&self, method: Method, url: Url, body: Option<Vec<u8>>) -> Result<(), ApiError> {
        let token = self.token().await?;
        let first = call(method.clone(), url.clone(), Proof::Token(&token)).with(body.clone());
        match self.transport.tell(first).await {
            Err(error) if error.code() == Some(ProblemCode::InvalidToken) => {
                self.forget(&token).await;
                let token = self.token().await?;
                self.transport
                    .tell(call(method, url, Proof::Token(&token)).with(body))
                    .await
            }
            result => result,
        }
    }

    /// The access token, renewed by `POST /ad/v1/session` when it is over.
    async fn token(&self) -> Result<Secret, ApiError> {
        let mut token = self.token.lock().await;
        if let Some(token) = token
            .as_ref()
            .filter(|token| token.ends - TOKEN_MARGIN > self.clock().now())
        {
            return Ok(token.value.clone());
        }
        let asked = self.clock().local_now();
        let url = self.transport.at(&["ad", "v1", "session"])?;
        let body = json(&SessionRequest {
            device_session: self.session.clone(),
        })?;
        let answer: SessionResponse = self
            .transport
            .ask(call(Method::POST, url, Proof::Key).with(body))
            .await?;
        self.clock().measured(answer.server_time, asked);
        let lifetime = i64::try_from(answer.expires_in)
            .unwrap_or(i64::MAX)
            .saturating_mul(1000);
        *token = Some(AccessToken {
            value: answer.access_token.clone(),
            ends: self.clock().now().saturating_add(lifetime),
        });
        Ok(answer.access_token)
    }

    /// Forgets `refused`, unless another call has renewed it meanwhile.
    async fn forget(&self, refused: &Secret) {
        let mut token = self.token.lock().await;
        if token
            .as_ref()
            .is_some_and(|token| token.value.expose() == refused.expose())
        {
            *token = None;
        }
    }
}

fn call(method: Method, url: Url, proof: Proof<'_>) -> Call<'_> {
    Call {
        method,
        url,
        proof,
        body: None,
        headers: Vec::new(),
    }
}

impl Call<'_> {
    fn with(mut self, body: Option<Vec<u8>>) -> Self {
        self.body = body;
        self
    }
}
