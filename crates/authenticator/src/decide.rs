//! Approve and deny: each try is one signed decision, sent until it is answered or over, never silently signed again.

use std::sync::Arc;

use countersign_clock::Millis;
use countersign_jose::digest;
use countersign_protocol::{
    DECISION_TYP, DecisionClaims, DecisionRequest, DeviceId, Handle, Problem, ProblemCode, PromptState, Settled,
    SettledView, UserVerification, UserVerificationPolicy, UvMethod, Verdict,
};

use crate::{
    account::{Account, Link},
    api::ApiError,
    backoff,
    core::{Core, Presented},
    dpop,
    error::AuthenticatorError,
    inbox::{self, Entry},
    signer::Signer,
    sync::{held, read},
    uv::Unlocked,
    verify,
    view::{ApproveInput, DenyInput, RequestState, RequestView},
};

/// Seconds between `iat` and `exp` of a decision.
const LIFETIME: i64 = 60;
/// How often the same signed decision is sent.
const SENDINGS: u32 = 3;
/// How often a denial is signed anew: it harms nobody, and the person wants it gone.
const DENIALS: u32 = 3;

/// Starts the time that a request has to be in view.
pub(crate) fn present(core: &Core, account_id: &str, handle: &Handle) -> Result<(), AuthenticatorError> {
    request(core, account_id, handle)?;
    let mut presented = held(&core.presented);
    let same = presented
        .as_ref()
        .is_some_and(|now| now.account == account_id && now.handle == *handle);
    if !same {
        *presented = Some(Presented {
            account: account_id.to_owned(),
            handle: handle.clone(),
            since: core.clock.now(),
        });
    }
    Ok(())
}

/// Ends it.
pub(crate) fn conceal(core: &Core, account_id: &str, handle: &Handle) {
    let mut presented = held(&core.presented);
    if presented
        .as_ref()
        .is_some_and(|now| now.account == account_id && now.handle == *handle)
    {
        *presented = None;
    }
}

/// The request as it is now.
pub(crate) fn request(core: &Core, account_id: &str, handle: &Handle) -> Result<RequestView, AuthenticatorError> {
    let account = core.account(account_id)?;
    let inbox = held(&account.inbox);
    let entry = inbox.find(handle).ok_or(AuthenticatorError::NotFound)?;
    Ok(inbox::view(entry, &account, core.clock.now()))
}

/// Approves, with everything that has to be true before.
pub(crate) async fn approve(core: &Core, input: ApproveInput) -> Result<RequestView, AuthenticatorError> {
    let account = core.account(&input.account_id)?;
    let link = account.link()?;
    let Some(entry) = waiting(core, &account, &input.handle)? else {
        return request(core, &account.id, &input.handle);
    };
    let claims = entry.claims().ok_or(AuthenticatorError::CannotVerify)?;
    check_presented(core, &account.id, &input.handle)?;
    let matched = if verify::wants_number(claims) {
        let typed = input.matched.filter(|typed| verify::is_number(typed));
        Some(typed.ok_or(AuthenticatorError::MatchMalformed)?)
    } else {
        None
    };
    let asked = claims.policy.uv == UserVerificationPolicy::Required || input.pin.is_some();
    let unlocked = if asked {
        Some(unlock(core, &account, inbox::uv_max_age(claims), input.pin).await?)
    } else {
        None
    };
    let Some(sending) = Sending::begin(core, &account, &entry) else {
        return request(core, &account.id, &input.handle);
    };
    let key = unlocked.as_ref().map_or(&link.pop, |open| &open.signer);
    let uv = unlocked.as_ref().map(|open| verification(&account, open));
    let draft = Draft {
        verdict: Verdict::Approve,
        reason: None,
        matched,
        uv,
    };
    let answer = sign_and_send(core, &account, &link, &entry, key, draft).await;
    drop(unlocked);
    if matches!(&answer, Ok(settled) if settled.settled.state == PromptState::Approved)
        && let Err(error) = account.remember(core, &claims.client.id).await
    {
        tracing::warn!(account.id, %error, "could not remember a client as seen");
    }
    sending.conclude(answer).await
}

/// Denies: at once, without PIN, and again when the first signature grew too old on the way.
pub(crate) async fn deny(core: &Core, input: DenyInput) -> Result<RequestView, AuthenticatorError> {
    let account = core.account(&input.account_id)?;
    let link = account.link()?;
    let Some(entry) = waiting(core, &account, &input.handle)? else {
        return request(core, &account.id, &input.handle);
    };
    let Some(sending) = Sending::begin(core, &account, &entry) else {
        return request(core, &account.id, &input.handle);
    };
    let mut signatures = 1;
    let answer = loop {
        let draft = Draft {
            verdict: Verdict::Deny,
            reason: Some(input.reason),
            matched: None,
            uv: None,
        };
        let answer = sign_and_send(core, &account, &link, &entry, &link.pop, draft).await;
        if signatures >= DENIALS || !matches!(&answer, Err(error) if error.is_transient()) {
            break answer;
        }
        signatures += 1;
    };
    sending.conclude(answer).await
}

/// Signs once and sends that.
async fn sign_and_send(
    core: &Core,
    account: &Account,
    link: &Link,
    entry: &Entry,
    key: &Arc<dyn Signer>,
    draft: Draft,
) -> Result<Settled, ApiError> {
    let signed = sign(core, account, entry, key, draft).await?;
    send(core, account, link, &entry.handle, &signed).await
}

/// The request, when it can be decided now. `None` when it is settled or on its way.
fn waiting(core: &Core, account: &Account, handle: &Handle) -> Result<Option<Entry>, AuthenticatorError> {
    let expired = held(&account.inbox).expire(account.clock.now(), core.clock.now());
    if expired {
        core.emit_inbox();
    }
    let inbox = held(&account.inbox);
    let entry = inbox.find(handle).ok_or(AuthenticatorError::NotFound)?;
    match &entry.state {
        RequestState::CannotVerify => Err(AuthenticatorError::CannotVerify),
        RequestState::Pending { .. } => Ok(Some(entry.clone())),
        RequestState::Sending
        | RequestState::Decided { .. }
        | RequestState::HandledElsewhere { .. }
        | RequestState::Expired
        | RequestState::Superseded { .. }
        | RequestState::Cancelled
        | RequestState::Failed { .. } => Ok(None),
    }
}

fn check_presented(core: &Core, account_id: &str, handle: &Handle) -> Result<(), AuthenticatorError> {
    let presented = held(&core.presented);
    let since = presented
        .as_ref()
        .filter(|now| now.account == account_id && now.handle == *handle)
        .map(|now| now.since);
    match since {
        Some(since) if core.clock.now() - since >= core.options.present_for_ms => Ok(()),
        _ => Err(AuthenticatorError::NotPresented),
    }
}

async fn unlock(
    core: &Core,
    account: &Account,
    max_age: Millis,
    pin: Option<String>,
) -> Result<Unlocked, AuthenticatorError> {
    let now = core.clock.now();
    if let Some(pin) = pin {
        let pin = zeroize::Zeroizing::new(pin);
        let store = core.host.secrets();
        let open = account.gate.unlock(store.as_ref(), &pin, now).await?;
        account.changed.notify_one();
        return Ok(open);
    }
    account
        .gate
        .unlocked(now, max_age)
        .ok_or(AuthenticatorError::PinRequired)
}

struct Draft {
    verdict: Verdict,
    reason: Option<countersign_protocol::DenyReason>,
    matched: Option<String>,
    uv: Option<UserVerification>,
}

fn verification(account: &Account, open: &Unlocked) -> UserVerification {
    let time = account.clock.now() - (account.clock.local_now() - open.at);
    UserVerification {
        method: UvMethod::Pin,
        time: time.div_euclid(1000),
    }
}

/// A decision with the time after which it is of no use.
struct Signed {
    body: DecisionRequest,
    exp: i64,
}

async fn sign(
    core: &Core,
    account: &Account,
    entry: &Entry,
    signer: &Arc<dyn Signer>,
    draft: Draft,
) -> Result<Signed, crate::signer::SignerError> {
    let (device, backend) = {
        let record = read(&account.record);
        (record.device_id.clone(), record.backend.clone())
    };
    let iat = account.clock.now_seconds();
    let claims = DecisionClaims {
        iss: device,
        aud: backend,
        iat,
        exp: iat + LIFETIME,
        jti: dpop::fresh_id(core.random.as_ref()),
        req: entry.handle.clone(),
        rh: digest::sha256_b64(&entry.object),
        dec: draft.verdict,
        reason: draft.reason,
        matched: draft.matched,
        uv: draft.uv,
    };
    let claims = serde_json::to_value(&claims).map_err(|_| countersign_jose::JoseError::Claims)?;
    let decision = signer.sign(DECISION_TYP, &claims).await?;
    Ok(Signed {
        body: DecisionRequest {
            request: entry.object.clone(),
            decision,
        },
        exp: iat + LIFETIME,
    })
}

/// Sends the very same decision until it is answered; the backend answers a repeated one as it did the first time.
async fn send(
    core: &Core,
    account: &Account,
    link: &Link,
    handle: &Handle,
    signed: &Signed,
) -> Result<Settled, ApiError> {
    let mut sendings = 0;
    loop {
        sendings += 1;
        let answer = link.api.decide(handle, &signed.body).await;
        let Err(error) = &answer else { return answer };
        if !error.is_transient() || sendings >= SENDINGS {
            return answer;
        }
        let pause = backoff::full_jitter(core, sendings);
        if account.clock.now() + i64::try_from(pause.as_millis()).unwrap_or(i64::MAX) >= signed.exp * 1000 {
            return answer;
        }
        tokio::time::sleep(pause).await;
    }
}

/// A request whose decision is on its way. When nobody waits for the answer any more, the request is pending again.
struct Sending<'a> {
    core: &'a Core,
    account: &'a Account,
    handle: &'a Handle,
    before: RequestState,
}

impl<'a> Sending<'a> {
    /// Claims the request for one decision at a time.
    fn begin(core: &'a Core, account: &'a Account, entry: &'a Entry) -> Option<Self> {
        let before = {
            let mut inbox = held(&account.inbox);
            let before = inbox.find(&entry.handle)?.state.clone();
            if !matches!(before, RequestState::Pending { .. }) {
                return None;
            }
            inbox.set_waiting(&entry.handle, RequestState::Sending);
            before
        };
        core.emit_inbox();
        Some(Self {
            core,
            account,
            handle: &entry.handle,
            before,
        })
    }

    /// Makes the answer the state of the request.
    async fn conclude(self, answer: Result<Settled, ApiError>) -> Result<RequestView, AuthenticatorError> {
        let (core, account, handle) = (self.core, self.account, self.handle);
        let own: DeviceId = read(&account.record).device_id.clone();
        let now = core.clock.now();
        let settle = |settled: &SettledView| {
            held(&account.inbox).settle(handle, settled, &own, now);
        };
        let failed = match answer {
            Ok(settled) => {
                settle(&settled.settled);
                None
            }
            Err(ApiError::Refused(problem)) if is_outcome(&problem) => {
                if let Some(settled) = &problem.settled {
                    settle(settled);
                } else {
                    let tries_left = problem.tries_left;
                    held(&account.inbox).set_waiting(handle, RequestState::Pending { tries_left });
                }
                None
            }
            Err(error) => {
                core.heed(account, &error).await;
                Some(error)
            }
        };
        drop(self);
        account.changed.notify_one();
        let view = request(core, &account.id, handle);
        match (failed, view) {
            // The stream may have told the outcome while the answer was lost.
            (Some(error), Ok(view)) if matches!(view.state, RequestState::Pending { .. }) => Err(error.into()),
            (Some(error), Err(_)) => Err(error.into()),
            (_, view) => view,
        }
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        {
            let mut inbox = held(&self.account.inbox);
            if inbox
                .find(self.handle)
                .is_some_and(|entry| entry.state == RequestState::Sending)
            {
                inbox.set_waiting(self.handle, self.before.clone());
            }
        }
        self.core.emit_inbox();
    }
}

/// Whether a refusal says what became of the request.
fn is_outcome(problem: &Problem) -> bool {
    match problem.code {
        ProblemCode::Settled => problem.settled.is_some(),
        ProblemCode::MatchWrong => true,
        _ => false,
    }
}
