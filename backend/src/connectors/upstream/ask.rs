use std::time::Duration;

use countersign_clock::Millis;
use countersign_jose::{b64, peek_header};
use countersign_protocol::{CIBA_GRANT, DecidedBy, DeviceId, Handle, PromptState};
use serde::Deserialize;

use super::{
    Upstreams,
    answer::{self, EXPECT, MAX_ID_TOKEN_BYTES},
    client::Client,
    errand::{Asked, Errand},
};
use crate::{
    connectors::Paid,
    domain::{Approval, ClaimedDebt, Evidence, Payment, Prompt},
    meters::{Outcome, meters},
    outbound::{FormAnswer, ProviderCallError},
    storage::{self, Asking, Heard, StorageError, Telling, UpstreamAnswer},
};

/// Between two polls where the provider does not say (CIBA Core section 7.3), and bounds for what it says.
const INTERVAL_SECONDS: u32 = 5;
const LONGEST_INTERVAL_SECONDS: u32 = 60;
/// What `slow_down` adds (CIBA Core section 11).
const SLOWER: Millis = 5_000;
/// Before an answer is looked at again whose keys could not be had.
const KEYS_AGAIN: Millis = 5_000;
/// How often a person is asked the same: once more when the answer was lost on its way.
const MOST_RINGS: u32 = 2;
/// Longest name of a request there that is kept, bytes.
const MAX_AUTH_REQ_ID_BYTES: usize = 1024;

/// What the end of a step means.
enum Next {
    /// It goes on at a time, from here.
    GoOn(Box<Errand>, Millis),
    /// The person has answered.
    Answered(Option<Box<(Approval, Evidence)>>),
    /// There is nothing more to ask there.
    Over(Payment),
    /// Again, after the usual wait or this one.
    Again(Option<Millis>, String),
}

#[derive(Deserialize)]
struct Acknowledged {
    auth_req_id: String,
    interval: Option<u32>,
}

#[derive(Deserialize)]
struct Granted {
    id_token: String,
}

#[derive(Deserialize)]
struct Refused {
    error: String,
}

impl Upstreams {
    /// Takes the next step of asking another provider: asks, asks for the answer, or takes it. None while the person has not answered; `again_at` says
    /// when a step that failed is made again.
    ///
    /// # Errors
    /// When the store does not answer: then the claim comes to its end and the step is made later.
    pub async fn pay(
        &self,
        debt: &ClaimedDebt,
        again_at: impl Fn(Millis) -> Millis + Send,
    ) -> Result<Option<Paid>, StorageError> {
        let handle = Handle::new(&debt.id.reference);
        let prompt = self.parts.storage.find_prompt(&handle).await?;
        let next = match self.clients.get(&debt.creditor) {
            Some(client) => self.step(client, debt, prompt.as_ref()).await,
            None => Next::Again(
                None,
                format!("there is no upstream {} in the configuration", debt.creditor),
            ),
        };
        fail_point!(Called);
        let now = self.parts.clock.now();
        match next {
            Next::GoOn(errand, due_at) => self.go_on(debt, &handle, &errand, due_at).await,
            Next::Answered(answer) => self.settle(debt, prompt.as_ref(), answer.map(|answer| *answer)).await,
            Next::Over(payment) => self.end(debt, payment).await,
            Next::Again(wait, error) => {
                let due_at = wait.map_or_else(|| again_at(now), |wait| now + wait);
                let payment = if due_at < debt.deadline {
                    Payment::Retry { due_at, error }
                } else {
                    Payment::Dead { error }
                };
                self.end(debt, payment).await
            }
        }
    }

    async fn step(&self, client: &Client, debt: &ClaimedDebt, prompt: Option<&Prompt>) -> Next {
        let dead = |error: &str| {
            Next::Over(Payment::Dead {
                error: error.to_owned(),
            })
        };
        let Some(prompt) = prompt else {
            return dead("its request is not there any more");
        };
        let Some(errand) = Errand::open(self.parts.keys.sealing(), &prompt.handle, &debt.payload) else {
            return dead("what is owed cannot be opened: is the key-encryption key the one that sealed it?");
        };
        let state = prompt.view_at(self.parts.clock.now()).state;
        if state == PromptState::Expired && errand.rings == 0 {
            return dead("its request was over before the provider could be asked");
        }
        if state.is_final() {
            return Next::Over(Payment::Done);
        }
        match errand.asked.clone() {
            None => self.ring(client, errand, prompt).await,
            Some(Asked {
                id_token: Some(token), ..
            }) => self.take(client, errand, token).await,
            Some(asked) => self.listen(client, errand, asked).await,
        }
    }

    /// Asks (CIBA Core section 7.1). When nobody knows whether that was heard it is asked again: the person's device rings twice, no more.
    async fn ring(&self, client: &Client, mut errand: Errand, prompt: &Prompt) -> Next {
        let now = self.parts.clock.now();
        let metadata = match self.parts.issuers.metadata_of(&client.config.issuer).await {
            Ok(metadata) => metadata,
            Err(error) => return Next::Again(None, error.to_string()),
        };
        let Some(endpoint) = metadata.backchannel_authentication_endpoint else {
            return given_up("the provider has no backchannel authentication endpoint");
        };
        let parameters = errand.parameters(&client.config.scope, prompt.expires_at - now);
        let jti = self.fresh();
        let called = client.post(&self.parts.outbound, &endpoint, &parameters, now, &jti);
        let answer = match called.await {
            Ok(answer) => answer,
            Err(error) => return unanswered(error),
        };
        if answer.status != 200 {
            return refused(&answer);
        }
        let acknowledged = serde_json::from_slice::<Acknowledged>(&answer.body).ok();
        let acknowledged = acknowledged.filter(|it| (1..=MAX_AUTH_REQ_ID_BYTES).contains(&it.auth_req_id.len()));
        let Some(acknowledged) = acknowledged else {
            return given_up("the provider's acknowledgement has no auth_req_id");
        };
        let seconds = acknowledged.interval.unwrap_or(INTERVAL_SECONDS);
        let interval = Millis::from(seconds.clamp(1, LONGEST_INTERVAL_SECONDS)) * 1000;
        errand.rings += 1;
        errand.asked = Some(Asked {
            auth_req_id: acknowledged.auth_req_id,
            interval,
            at: now,
            id_token: None,
        });
        Next::GoOn(Box::new(errand), now + interval)
    }

    /// Asks for the answer (CIBA Core section 10.1).
    async fn listen(&self, client: &Client, mut errand: Errand, asked: Asked) -> Next {
        let metadata = match self.parts.issuers.metadata_of(&client.config.issuer).await {
            Ok(metadata) => metadata,
            Err(error) => return Next::Again(None, error.to_string()),
        };
        let Some(endpoint) = metadata.token_endpoint else {
            return given_up("the provider has no token endpoint");
        };
        let parameters = [
            ("grant_type", CIBA_GRANT.to_owned()),
            ("auth_req_id", asked.auth_req_id.clone()),
        ];
        let now = self.parts.clock.now();
        let jti = self.fresh();
        let called = client.post(&self.parts.outbound, &endpoint, &parameters, now, &jti);
        let answer = match called.await {
            Ok(answer) => answer,
            Err(error) => return unanswered(error),
        };
        if answer.status == 200 {
            let granted = serde_json::from_slice::<Granted>(&answer.body).ok();
            let granted = granted.filter(|granted| granted.id_token.len() <= MAX_ID_TOKEN_BYTES);
            return match granted {
                Some(granted) => self.take(client, errand, granted.id_token).await,
                None => given_up("the provider's answer has no ID token"),
            };
        }
        let now = self.parts.clock.now();
        match error_of(&answer).as_str() {
            "authorization_pending" => Next::GoOn(Box::new(errand), now + asked.interval),
            "slow_down" => {
                let interval = asked.interval + SLOWER;
                errand.asked = Some(Asked { interval, ..asked });
                Next::GoOn(Box::new(errand), now + interval)
            }
            "access_denied" => Next::Answered(None),
            // Nobody answered there in time; a device here still may.
            "expired_token" => Next::Over(Payment::Done),
            // The answer was given out, and lost on its way.
            "invalid_grant" if errand.rings < MOST_RINGS => {
                errand.asked = None;
                Next::GoOn(Box::new(errand), now)
            }
            _ => refused(&answer),
        }
    }

    /// Takes an answer, once its keys can be had.
    async fn take(&self, client: &Client, mut errand: Errand, token: String) -> Next {
        let Some(asked) = errand.asked.clone() else {
            return given_up("there is an answer and no question");
        };
        let kid = peek_header(&token, &EXPECT).ok().and_then(|header| header.kid);
        let now = self.parts.clock.now();
        let Ok(keys) = self.parts.issuers.keys_of(&client.config.issuer, kid.as_deref()).await else {
            errand.asked = Some(Asked {
                id_token: Some(token),
                ..asked
            });
            return Next::GoOn(Box::new(errand), now + KEYS_AGAIN);
        };
        match answer::read(&token, &keys, &client.config, &errand, &asked, now) {
            Ok(proved) => Next::Answered(Some(Box::new(proved))),
            Err(problem) => given_up(&format!("the provider's ID token is not taken: {problem}")),
        }
    }

    async fn go_on(
        &self,
        debt: &ClaimedDebt,
        handle: &Handle,
        errand: &Errand,
        due_at: Millis,
    ) -> Result<Option<Paid>, StorageError> {
        let Ok(payload) = errand.seal(self.parts.keys.sealing(), handle) else {
            let error = "what is owed cannot be sealed".to_owned();
            return self.end(debt, Payment::Dead { error }).await;
        };
        let asking = Asking {
            id: debt.id.clone(),
            lease: debt.lease.clone(),
            connector: debt.creditor.clone(),
            payload,
            due_at,
            now: self.parts.clock.now(),
        };
        let kept = self.parts.storage.keep_asking(asking).await?;
        Ok((!kept).then_some(Paid::Lost))
    }

    async fn settle(
        &self,
        debt: &ClaimedDebt,
        prompt: Option<&Prompt>,
        approved: Option<(Approval, Evidence)>,
    ) -> Result<Option<Paid>, StorageError> {
        let (now, yes) = (self.parts.clock.now(), approved.is_some());
        let answer = UpstreamAnswer {
            id: debt.id.clone(),
            lease: debt.lease.clone(),
            connector: debt.creditor.clone(),
            by: self.title_of(&debt.creditor),
            approved,
            now,
        };
        let (handle, connector) = (Handle::new(&debt.id.reference), &debt.creditor);
        match self.parts.storage.settle_upstream(answer).await? {
            Heard::Lost => return Ok(Some(Paid::Lost)),
            Heard::Late => {}
            Heard::Recorded(account) => {
                self.parts.consent.tell_settled(&account, &handle);
                meters().count(if yes { Outcome::Approved } else { Outcome::Denied });
                let since = prompt.map_or(now, |prompt| prompt.created_at);
                meters().decided(Duration::from_millis(u64::try_from(now - since).unwrap_or(0)));
                let word = if yes { "approved" } else { "denied" };
                tracing::info!(prompt.handle = %handle, connector, "prompt {handle} is {word} at {connector}");
            }
        }
        Ok(Some(Paid::Recorded(Payment::Done)))
    }

    async fn end(&self, debt: &ClaimedDebt, payment: Payment) -> Result<Option<Paid>, StorageError> {
        let telling = Telling {
            id: debt.id.clone(),
            lease: debt.lease.clone(),
            connector: debt.creditor.clone(),
            payment: payment.clone(),
            now: self.parts.clock.now(),
        };
        Ok(Some(match self.parts.storage.settle_telling(telling).await? {
            storage::Told::Lost => Paid::Lost,
            storage::Told::Recorded(_) => Paid::Recorded(payment),
        }))
    }

    fn title_of(&self, name: &str) -> DecidedBy {
        let title = self
            .clients
            .get(name)
            .map_or(name, |client| client.config.title.as_str());
        DecidedBy {
            // No device has a colon in its id.
            device_id: DeviceId::new(format!("upstream:{name}")),
            name: title.to_owned(),
        }
    }

    fn fresh(&self) -> String {
        let mut bytes = [0; 16];
        self.parts.random.fill(&mut bytes);
        b64::encode(bytes)
    }
}

fn given_up(error: &str) -> Next {
    Next::Over(Payment::Dead {
        error: error.to_owned(),
    })
}

/// Either call may be made again: a question that was heard rings once more, an answer that was given out is asked for once more.
fn unanswered(error: ProviderCallError) -> Next {
    match error {
        ProviderCallError::Unsent(error) | ProviderCallError::Unclear(error) => Next::Again(None, error),
    }
}

fn error_of(answer: &FormAnswer) -> String {
    let refused = serde_json::from_slice::<Refused>(&answer.body);
    refused.map(|refused| refused.error).unwrap_or_default()
}

/// What another answer than 200 means: a failure that may pass, or a no. Of what was received the codes of CIBA Core section 13 and RFC 6749 section
/// 5.2 alone are repeated.
fn refused(answer: &FormAnswer) -> Next {
    const CODES: [&str; 15] = [
        "invalid_request",
        "invalid_scope",
        "expired_login_hint_token",
        "unknown_user_id",
        "unauthorized_client",
        "missing_user_code",
        "invalid_user_code",
        "invalid_binding_message",
        "invalid_client",
        "access_denied",
        "invalid_grant",
        "unsupported_grant_type",
        "invalid_authorization_details",
        "invalid_target",
        "transaction_failed",
    ];
    let status = answer.status;
    if matches!(status, 408 | 425 | 429 | 500..=599) {
        let wait = answer.retry_after.map(|seconds| Millis::from(seconds) * 1000);
        return Next::Again(wait, format!("answered {status}"));
    }
    let said = error_of(answer);
    let code = CODES.into_iter().find(|code| *code == said).unwrap_or("no code");
    given_up(&format!("the provider refuses: {status}, {code}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> FormAnswer {
        FormAnswer {
            status,
            retry_after: (status == 429).then_some(7),
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_no_is_final_and_a_failure_is_tried_again() {
        for (status, body, expected) in [
            (400, r#"{"error":"unknown_user_id"}"#, "400, unknown_user_id"),
            (401, r#"{"error":"invalid_client"}"#, "401, invalid_client"),
            (400, r#"{"error":"<script>"}"#, "400, no code"),
            (302, "", "302, no code"),
        ] {
            let Next::Over(Payment::Dead { error }) = refused(&answer(status, body)) else {
                panic!("{status} is a no");
            };
            assert!(error.ends_with(expected), "{error}");
        }
        for (status, wait) in [(429, Some(7000)), (503, None), (500, None)] {
            let Next::Again(after, _) = refused(&answer(status, "")) else {
                panic!("{status} may pass");
            };
            assert_eq!(after, wait);
        }
    }
}
