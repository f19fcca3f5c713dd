//! Calls that may get no answer, each written down with its time.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use countersign_jose::{JwkSet, b64, digest};
use countersign_protocol::{CIBA_GRANT, Handle, Pending, RequestClaims, RequestStatus, Settled, SettledView, Verdict};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::sync::watch;

use super::history::{Action, At, DecideAnswer, End, RedeemAnswer, RequestHistory, Step};
use crate::{RawDevice, RelyingParty};

/// A decision is good for a minute; its sender gives up before.
const PERSEVERANCE: Duration = Duration::from_secs(40);
/// Before a call is made again.
const PAUSE: Duration = Duration::from_millis(20);
const GRACE: At = 20_000_000;

/// The time of the run, and what nobody expected.
pub struct World {
    began: Instant,
    up: watch::Receiver<bool>,
    answers: AtomicU64,
    surprises: Mutex<Vec<String>>,
}

/// A client, with the keys that its ID tokens have to verify with.
pub struct Client {
    /// The client.
    pub party: RelyingParty,
    /// The provider's keys.
    pub keys: JwkSet,
}

/// How a device decides.
#[derive(Debug, Clone, Copy)]
pub struct Deciding {
    /// What.
    pub verdict: Verdict,
    /// Signed at once, but sent then.
    pub not_before: At,
    /// Whether it goes on until there is an answer.
    pub perseveres: bool,
}

/// A request that was acknowledged, and what happens to it.
pub struct Question {
    /// What the client polls with.
    pub auth_req_id: String,
    handle: Handle,
    invoked: At,
    acknowledged: At,
    lifetime: At,
    steps: Mutex<Vec<Step>>,
}

impl Question {
    /// The moment, in the time of the run, at which it is over at the latest.
    #[must_use]
    pub fn deadline(&self) -> At {
        self.acknowledged + self.lifetime
    }

    /// All that happened.
    #[must_use]
    pub fn history(&self) -> RequestHistory {
        RequestHistory {
            handle: self.handle.to_string(),
            invoked: self.invoked,
            acknowledged: self.acknowledged,
            lifetime: self.lifetime,
            grace: GRACE,
            steps: self.steps.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            told: None,
        }
    }

    fn note(&self, invoked: At, completed: At, action: Action) {
        let step = Step {
            invoked,
            completed,
            action,
        };
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).push(step);
    }
}

impl World {
    /// A world whose server takes calls while `up`.
    #[must_use]
    pub fn new(up: watch::Receiver<bool>) -> Self {
        Self {
            began: Instant::now(),
            up,
            answers: AtomicU64::default(),
            surprises: Mutex::default(),
        }
    }

    /// Microseconds since the run began.
    #[must_use]
    pub fn now(&self) -> At {
        At::try_from(self.began.elapsed().as_micros()).expect("no run is that long")
    }

    /// How many calls that matter were answered.
    #[must_use]
    pub fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    fn count(&self, answered: bool) {
        self.answers.fetch_add(u64::from(answered), Ordering::Relaxed);
    }

    /// Answers that no sound server gives.
    #[must_use]
    pub fn surprises(&self) -> Vec<String> {
        self.surprises.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes an answer that no sound server gives.
    pub fn surprise(&self, what: String) {
        self.surprises.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    /// Waits until a call has a chance.
    pub async fn server(&self) {
        let mut up = self.up.clone();
        up.wait_for(|up| *up)
            .await
            .expect("whoever starts the server outlives its callers");
    }

    /// The client asks the person for something that is to be decided in `seconds`. `None` when nothing is acknowledged.
    pub async fn open(&self, client: &Client, person: &str, seconds: u64) -> Option<Question> {
        self.server().await;
        let expiry = seconds.to_string();
        let form = [
            ("scope", "openid payment"),
            ("login_hint", person),
            ("requested_expiry", &expiry),
        ];
        let invoked = self.now();
        let (status, body) = client
            .party
            .try_post("backchannel_authentication_endpoint", &form)
            .await?;
        let acknowledged = self.now();
        self.count(true);
        if status != StatusCode::OK {
            self.unless_unavailable(status, &body, "a request is acknowledged");
            return None;
        }
        let auth_req_id = body["auth_req_id"].as_str().expect("R-122: it is a string").to_owned();
        Some(Question {
            handle: Handle::new(digest::sha256_b64(format!("countersign-prompt{auth_req_id}"))),
            auth_req_id,
            invoked,
            acknowledged,
            lifetime: seconds * 1_000_000,
            steps: Mutex::default(),
        })
    }

    /// The device looks at the request. `None` when it cannot be decided any more.
    pub async fn look(&self, device: &RawDevice, question: &Question) -> Option<Pending> {
        let path = format!("/ad/v1/requests/{}", question.handle);
        loop {
            self.server().await;
            let Some((status, body)) = device.try_call(Method::GET, &path, None).await else {
                continue;
            };
            if status == StatusCode::OK {
                let found: RequestStatus = serde_json::from_value(body).expect("section 4: a status");
                let handle = found.handle;
                return found.request.map(|request| Pending { handle, request });
            }
            if !status.is_server_error() {
                self.surprise(format!("an acknowledged request is on the device: {status} {body}"));
                return None;
            }
        }
    }

    /// The device decides, unless it thinks that it is too late; when no answer comes and it `perseveres`, it sends the same decision again.
    pub async fn decide(&self, question: &Question, device: &RawDevice, pending: &Pending, how: Deciding) {
        let Deciding {
            verdict,
            not_before,
            perseveres,
        } = how;
        let claims = device.claims(pending, verdict, None);
        if claims.iat >= deadline_of(&pending.request) {
            return;
        }
        let decision = device.sign(pending, &claims);
        tokio::time::sleep(Duration::from_micros(not_before.saturating_sub(self.now()))).await;
        let started = Instant::now();
        loop {
            self.server().await;
            let invoked = self.now();
            let answer = device.try_submit(&pending.handle, &decision).await;
            let answer = answer.map_or(DecideAnswer::Unknown, |(status, body)| {
                self.read_decided(status, body, verdict)
            });
            let action = Action::Decide {
                device: device.id.to_string(),
                verdict,
                digest: digest::sha256_b64(&decision.decision),
                answer,
            };
            question.note(invoked, self.now(), action);
            self.count(answer != DecideAnswer::Unknown);
            if answer != DecideAnswer::Unknown || !perseveres || started.elapsed() > PERSEVERANCE {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn read_decided(&self, status: StatusCode, body: Value, verdict: Verdict) -> DecideAnswer {
        let text = body.to_string();
        let read = match status {
            StatusCode::OK => {
                let settled = serde_json::from_value::<Settled>(body).ok();
                let taken = settled.filter(|settled| End::read(settled.settled.state) == Some(End::of(verdict)));
                taken.map(|_| DecideAnswer::Taken)
            }
            StatusCode::CONFLICT => {
                let settled = body.get("settled").cloned().unwrap_or_default();
                let settled = serde_json::from_value::<SettledView>(settled).ok();
                settled
                    .and_then(|settled| End::read(settled.state))
                    .map(DecideAnswer::Settled)
            }
            status if status.is_server_error() => return DecideAnswer::Unknown,
            _ => None,
        };
        read.unwrap_or_else(|| {
            self.surprise(format!("a {verdict:?} is recorded or too late: {status} {text}"));
            DecideAnswer::Unknown
        })
    }

    /// The client asks for its tokens; says whether it has to slow down.
    pub async fn redeem(&self, question: &Question, client: &Client) -> (RedeemAnswer, bool) {
        let (invoked, answer, slower) = self.ask(&question.auth_req_id, client).await;
        question.note(invoked, self.now(), Action::Redeem(answer.clone()));
        self.count(answer != RedeemAnswer::Unknown);
        (answer, slower)
    }

    /// A client asks for another client's tokens.
    pub async fn steal(&self, question: &Question, client: &Client) {
        let (invoked, answer, _) = self.ask(&question.auth_req_id, client).await;
        question.note(invoked, self.now(), Action::Steal(answer));
    }

    /// Asks for tokens once: when, the answer, and whether to slow down.
    pub async fn ask(&self, auth_req_id: &str, client: &Client) -> (At, RedeemAnswer, bool) {
        self.server().await;
        let form = [("grant_type", CIBA_GRANT), ("auth_req_id", auth_req_id)];
        let invoked = self.now();
        let Some((status, body)) = client.party.try_post("token_endpoint", &form).await else {
            return (invoked, RedeemAnswer::Unknown, false);
        };
        if status == StatusCode::OK {
            let id_token = body["id_token"].as_str().expect("R-166: there is an ID token");
            let _claims = client.party.verify_with(&client.keys, id_token);
            let access = body["access_token"].as_str().expect("R-166: there is an access token");
            return (invoked, RedeemAnswer::Tokens(digest::sha256_b64(access)), false);
        }
        let answer = match body["error"].as_str() {
            _ if status.is_server_error() => RedeemAnswer::Unknown,
            Some("authorization_pending" | "slow_down") => RedeemAnswer::Pending,
            Some("access_denied") => RedeemAnswer::Denied,
            Some("expired_token") => RedeemAnswer::Expired,
            Some("invalid_grant") => RedeemAnswer::Invalid,
            _ => {
                self.surprise(format!("the token endpoint answers what it may: {status} {body}"));
                RedeemAnswer::Unknown
            }
        };
        (invoked, answer, body["error"] == "slow_down")
    }

    fn unless_unavailable(&self, status: StatusCode, body: &Value, what: &str) {
        if !status.is_server_error() {
            self.surprise(format!("{what}: {status} {body}"));
        }
    }
}

/// The deadline that a request object names, seconds.
fn deadline_of(request: &str) -> i64 {
    let payload = request.split('.').nth(1).unwrap_or_default();
    let payload = b64::decode(payload).expect("a request object is a JWS");
    let claims: RequestClaims = serde_json::from_slice(&payload).expect("section 5: its claims");
    claims.exp
}
