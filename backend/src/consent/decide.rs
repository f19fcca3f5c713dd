use std::time::Duration;

use countersign_clock::Millis;
use countersign_jose::{Jwk, b64, digest};
use countersign_protocol::{
    DecisionClaims, DenyReason, Handle, PromptState, Settled, SettledView, UserVerificationPolicy, Verdict,
};

use tracing::{Span, field::Empty};

use super::{Consent, ConsentError, facts, receipt};
use crate::{
    devices::{MAX_ID_CHARS, MAX_JWT_BYTES, is_timely},
    domain::{Decision, Device, DeviceKeys, Matching, Prompt, SignedReceipt},
    meters::{Outcome, meters},
    steps::STEPS,
    storage::{Decide, Decided, Mismatch, MismatchVerdict},
};

/// Longest life of a decision, seconds (`docs/protocol.md` section 6).
const DECISION_SECONDS: i64 = 60;
/// Seconds that a decision may arrive before or after its time.
const SKEW_SECONDS: i64 = 5;

/// A decision as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct Submission<'a> {
    /// The prompt that the call names.
    pub handle: &'a Handle,
    /// The request object the person saw.
    pub request: &'a str,
    /// The signed decision.
    pub decision: &'a str,
}

/// Answer to a decision that verifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecisionAnswer {
    /// It is recorded.
    Recorded(Settled),
    /// Something or somebody was first, or the time is over.
    Settled(SettledView),
    /// The number is wrong.
    MatchWrong {
        /// How often it can be tried again.
        tries_left: u32,
        /// The final state, when there is no try left.
        settled: Option<SettledView>,
    },
}

/// A decision whose signature, sender and subject are beyond doubt.
struct Verified {
    device: Device,
    keys: DeviceKeys,
    claims: DecisionClaims,
    /// Thumbprint of the key that signed.
    signer: String,
    receipt: SignedReceipt,
}

impl Consent {
    /// Takes a decision: verifies it and records it, once. The first valid one wins; the same one again gets the same answer again.
    ///
    /// # Errors
    /// When it does not verify, lacks the verification of the person that the policy asks for, device or person are not active,
    /// the person has no such request, or the store does not answer.
    #[tracing::instrument(target = STEPS, level = "trace", name = "decide", skip_all, fields(prompt.handle = Empty, device.id = Empty))]
    pub async fn decide(&self, submission: Submission<'_>) -> Result<DecisionAnswer, ConsentError> {
        let now = self.parts.clock.now();
        let verified = self.verify(submission, now).await?;
        let prompt = self.parts.storage.find_prompt(submission.handle).await?;
        let prompt = prompt
            .filter(|prompt| prompt.account == verified.device.account)
            .ok_or(ConsentError::NotFound)?;
        // The object's deadline is whole seconds, and the device's clock may be ahead: such a receipt would prove nothing.
        if now < prompt.expires_at && verified.claims.iat >= prompt.expires_at.div_euclid(1000) {
            return Err(ConsentError::Decision(
                "it was made after the deadline of the request object",
            ));
        }
        Span::current()
            .record("prompt.handle", prompt.handle.as_str())
            .record("device.id", verified.device.id.as_str());
        let decision = match verified.claims.dec {
            // A denial is never refused for want of a reason; without one it raises no alarm.
            Verdict::Deny => Decision::Deny(verified.claims.reason.unwrap_or(DenyReason::ChangedMind)),
            Verdict::Approve => {
                check_verification(&verified, &prompt, now)?;
                if !matches(&verified.claims, &prompt.matching)? {
                    return self.count_mismatch(verified, prompt.created_at, now).await;
                }
                Decision::Approve(facts::of(&verified.claims, &verified.keys))
            }
        };
        self.record(verified, decision, prompt.created_at, now).await
    }

    async fn verify(&self, submission: Submission<'_>, now: Millis) -> Result<Verified, ConsentError> {
        check_sizes(submission)?;
        let (claimed, kid) =
            receipt::peek_decision(submission.decision).map_err(|_| ConsentError::Decision("it is not a decision"))?;
        let device = self.parts.storage.find_device(&claimed.iss).await?;
        let stranger = ConsentError::Decision("no such device");
        let device = device.ok_or(stranger)?;
        let keys = device
            .keys
            .clone()
            .ok_or(ConsentError::Decision("this device cannot decide"))?;
        let (signer, key) = if kid == keys.uv_thumbprint {
            (&keys.uv_thumbprint, &keys.uv)
        } else if kid == keys.pop_thumbprint {
            (&keys.pop_thumbprint, &keys.pop)
        } else {
            return Err(ConsentError::Decision("it is not signed by a key of this device"));
        };
        let device_key: Jwk = serde_json::from_value(key.0.clone())
            .map_err(|_| ConsentError::Decision("the key of this device cannot be read"))?;
        let claims = receipt::read_decision(submission.decision, &device_key)
            .map_err(|_| ConsentError::Decision("its signature does not verify"))?;
        if device.revoked_at.is_some() {
            return Err(ConsentError::DeviceRemoved);
        }
        self.check_account(&device).await?;
        let request_digest = digest::sha256(submission.request);
        self.check_claims(&claims, submission, &request_digest, now)?;
        let request_key = self.check_request(&device, submission, &request_digest)?;
        let json =
            |key: &Jwk| serde_json::to_string(key).map_err(|_| ConsentError::Decision("a key cannot be written"));
        Ok(Verified {
            signer: signer.clone(),
            receipt: SignedReceipt {
                request: submission.request.to_owned(),
                decision: submission.decision.to_owned(),
                device_key: json(&device_key)?,
                request_key: json(&request_key)?,
                at: now,
            },
            device,
            keys,
            claims,
        })
    }

    fn check_claims(
        &self,
        claims: &DecisionClaims,
        submission: Submission<'_>,
        request_digest: &[u8; 32],
        now: Millis,
    ) -> Result<(), ConsentError> {
        if claims.jti.chars().count() > MAX_ID_CHARS {
            return Err(ConsentError::TooLong { field: "jti" });
        }
        let approves = claims.dec == Verdict::Approve;
        let rules = [
            (!claims.jti.is_empty(), "`jti` is empty"),
            (claims.aud == self.parts.origin, "`aud` is another backend"),
            (
                is_timely(claims.iat, claims.exp, DECISION_SECONDS, SKEW_SECONDS, now),
                "it is not of this time",
            ),
            (claims.req == *submission.handle, "`req` is another request"),
            (
                claims.rh == b64::encode(request_digest),
                "`rh` is not the digest of `request`",
            ),
            (approves || claims.matched.is_none(), "`match` belongs to an approval"),
            (!approves || claims.reason.is_none(), "`reason` belongs to a denial"),
        ];
        refuse_first(&rules)
    }

    /// The request object is ours, and made for this device, person and prompt. Its deadline is the prompt's, which the store minds.
    fn check_request(
        &self,
        device: &Device,
        submission: Submission<'_>,
        digest: &[u8; 32],
    ) -> Result<Jwk, ConsentError> {
        let unknown = ConsentError::Decision("the request object is signed by no key of ours");
        let key = self.key_of_request_object(submission.request).ok_or(unknown)?;
        let request = self
            .read_request_object(submission.request, digest, &key)
            .map_err(|_| ConsentError::Decision("the request object does not verify"))?;
        let rules = [
            (
                request.iss == self.parts.origin,
                "the request object is of another backend",
            ),
            (request.aud == device.id, "the request object is for another device"),
            (
                request.op == device.account.iss && request.sub == device.account.sub,
                "the request object is for another person",
            ),
            (
                request.req == *submission.handle,
                "the request object is of another request",
            ),
        ];
        refuse_first(&rules)?;
        Ok(key)
    }

    async fn check_account(&self, device: &Device) -> Result<(), ConsentError> {
        if device.account.iss != self.parts.issuer {
            return Ok(());
        }
        let account = self.parts.storage.find_account(&device.account.sub).await?;
        if account.is_some_and(|account| !account.disabled) {
            Ok(())
        } else {
            Err(ConsentError::AccountDisabled)
        }
    }

    async fn record(
        &self,
        verified: Verified,
        decision: Decision,
        asked_at: Millis,
        now: Millis,
    ) -> Result<DecisionAnswer, ConsentError> {
        let (handle, account) = (verified.claims.req, verified.device.account);
        let decide = Decide {
            handle: handle.clone(),
            account: account.clone(),
            device_id: verified.device.id.clone(),
            key_thumbprint: verified.signer,
            jti: verified.claims.jti,
            decision,
            receipt: verified.receipt,
            now,
        };
        fail_point!(Decide);
        match self.parts.storage.decide(decide).await? {
            Decided::Recorded(settled) => {
                fail_point!(Wake);
                self.tell_settled(&account, &handle);
                fail_point!(Woken);
                measure(&settled, asked_at, now);
                let (state, device) = (name_of(settled.state), verified.device.id);
                tracing::info!(prompt.handle = %handle, device.id = %device, "prompt {handle} is {state} by device {device}");
                Ok(DecisionAnswer::Recorded(Settled {
                    server_time: now,
                    handle,
                    settled,
                }))
            }
            Decided::Settled(settled) => self.certain(&handle, settled, now).await.map(DecisionAnswer::Settled),
            Decided::Unknown => Err(ConsentError::NotFound),
            Decided::DeviceRemoved => Err(ConsentError::DeviceRemoved),
            Decided::AccountDisabled => Err(ConsentError::AccountDisabled),
        }
    }

    /// What is said to be expired is settled as that first: no decision of another device that is still on its way to the disk can come after it.
    async fn certain(&self, handle: &Handle, view: SettledView, now: Millis) -> Result<SettledView, ConsentError> {
        if view.state != PromptState::Expired {
            return Ok(view);
        }
        self.settle_deadlines().await?;
        let settled = self.parts.storage.find_prompt(handle).await?;
        Ok(settled.map_or(view, |prompt| prompt.view_at(now)))
    }

    async fn count_mismatch(
        &self,
        verified: Verified,
        asked_at: Millis,
        now: Millis,
    ) -> Result<DecisionAnswer, ConsentError> {
        let (handle, account) = (verified.claims.req, verified.device.account);
        let mismatch = Mismatch {
            handle: handle.clone(),
            account: account.clone(),
            device_id: verified.device.id,
            decision: digest::sha256_b64(verified.receipt.decision),
            max_tries: self.parts.config.match_tries,
            now,
        };
        match self.parts.storage.mismatch(mismatch).await? {
            MismatchVerdict::Wrong { tries_left, settled } => {
                if let Some(settled) = &settled {
                    measure(settled, asked_at, now);
                    tracing::warn!(prompt.handle = %handle, "prompt {handle} is denied: the number was wrong too often");
                    self.tell_settled(&account, &handle);
                }
                Ok(DecisionAnswer::MatchWrong { tries_left, settled })
            }
            MismatchVerdict::Settled(settled) => self.certain(&handle, settled, now).await.map(DecisionAnswer::Settled),
            MismatchVerdict::Unknown => Err(ConsentError::NotFound),
            MismatchVerdict::DeviceRemoved => Err(ConsentError::DeviceRemoved),
        }
    }
}

/// Counts a decision, once: the same one sent again is answered with the time of the first.
fn measure(settled: &SettledView, asked_at: Millis, now: Millis) {
    if settled.settled_at != Some(now) {
        return;
    }
    meters().count(if settled.state == PromptState::Approved {
        Outcome::Approved
    } else {
        Outcome::Denied
    });
    meters().decided(Duration::from_millis(u64::try_from(now - asked_at).unwrap_or(0)));
}

fn check_sizes(submission: Submission<'_>) -> Result<(), ConsentError> {
    for (field, text) in [("request", submission.request), ("decision", submission.decision)] {
        if text.len() > MAX_JWT_BYTES {
            return Err(ConsentError::TooLong { field });
        }
    }
    Ok(())
}

fn refuse_first(rules: &[(bool, &'static str)]) -> Result<(), ConsentError> {
    match rules.iter().find(|(holds, _)| !holds) {
        Some((_, problem)) => Err(ConsentError::Decision(problem)),
        None => Ok(()),
    }
}

/// What the policy asks of an approval, and that nothing is claimed which the key does not prove.
fn check_verification(verified: &Verified, prompt: &Prompt, now: Millis) -> Result<(), ConsentError> {
    let by_uv_key = verified.signer == verified.keys.uv_thumbprint;
    let Some(uv) = &verified.claims.uv else {
        return match prompt.policy.uv {
            UserVerificationPolicy::Required => Err(ConsentError::UvRequired),
            UserVerificationPolicy::Optional => Ok(()),
        };
    };
    if !by_uv_key {
        return Err(ConsentError::UvRequired);
    }
    let age = now.div_euclid(1000).saturating_sub(uv.time);
    if age < -SKEW_SECONDS {
        return Err(ConsentError::Decision("`uv.time` is in the future"));
    }
    let max_age = i64::try_from(prompt.policy.uv_max_age).unwrap_or(i64::MAX);
    if age > max_age {
        return Err(ConsentError::UvRequired);
    }
    Ok(())
}

/// Whether the number that was typed is the one of the prompt, compared in a time that does not depend on either.
fn matches(claims: &DecisionClaims, matching: &Matching) -> Result<bool, ConsentError> {
    match (matching, &claims.matched) {
        (Matching::Show { .. }, None) => Ok(true),
        (Matching::Show { .. }, Some(_)) => {
            Err(ConsentError::Decision("nothing is to be typed, yet there is a `match`"))
        }
        (Matching::Type { .. }, None) => Err(ConsentError::Decision(
            "the number is to be typed, yet there is no `match`",
        )),
        (Matching::Type { code }, Some(typed)) => Ok(digest::equal(&digest::sha256(code), &digest::sha256(typed))),
    }
}

fn name_of(state: PromptState) -> &'static str {
    match state {
        PromptState::Pending => "pending",
        PromptState::Approved => "approved",
        PromptState::Denied => "denied",
        PromptState::Expired => "expired",
        PromptState::Cancelled => "cancelled",
        PromptState::Superseded => "superseded",
        PromptState::Failed => "failed",
    }
}
