//! What a provider is told of the end of its request.

use countersign_clock::Millis;
use countersign_protocol::{PromptState, PublicJwk, Receipt, SettledReason};
use serde::Serialize;

use crate::{domain::Amr, storage::SettledQuestion};

/// Body of the callback.
#[derive(Serialize)]
pub(super) struct ResultBody<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    sub: &'a str,
    result: Ended,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amr: Option<&'a [Amr]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a str>,
    decided_at: Millis,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<Receipt>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Ended {
    Approved,
    Denied,
    Expired,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    NotMe,
    ChangedMind,
    TooMany,
    NumberMismatch,
    Superseded,
}

impl<'a> ResultBody<'a> {
    /// None for a request that has not ended.
    pub(super) fn of(ended: &'a SettledQuestion) -> Option<Self> {
        let prompt = &ended.prompt;
        let view = &prompt.settlement.as_ref()?.view;
        let (result, ended_for) = match view.state {
            PromptState::Pending => return None,
            PromptState::Approved | PromptState::Failed => (Ended::Approved, None),
            PromptState::Denied | PromptState::Cancelled => (Ended::Denied, None),
            PromptState::Superseded => (Ended::Denied, Some(Reason::Superseded)),
            PromptState::Expired => (Ended::Expired, None),
        };
        let approval = ended.approval.as_ref().filter(|_| result == Ended::Approved);
        if result == Ended::Approved && approval.is_none() {
            return None;
        }
        Some(Self {
            kind: "request.settled",
            id: prompt.external_ref.as_deref()?,
            sub: prompt.account.sub.as_str(),
            result,
            reason: view.reason.map(reason).or(ended_for),
            auth_time: approval.map(|approval| approval.auth_time),
            amr: approval.map(|approval| approval.amr.as_slice()),
            acr: approval.map(|approval| approval.acr.0.as_str()),
            decided_at: view.settled_at.unwrap_or(prompt.expires_at),
            receipt: receipt(ended),
        })
    }
}

fn reason(reason: SettledReason) -> Reason {
    match reason {
        SettledReason::NotMe => Reason::NotMe,
        SettledReason::ChangedMind => Reason::ChangedMind,
        SettledReason::TooMany => Reason::TooMany,
        SettledReason::NumberMismatch => Reason::NumberMismatch,
    }
}

fn receipt(ended: &SettledQuestion) -> Option<Receipt> {
    let signed = ended.receipt.as_ref()?;
    let key = |json: &str| serde_json::from_str(json).ok().map(PublicJwk);
    Some(Receipt {
        request: signed.request.clone(),
        decision: signed.decision.clone(),
        device_key: key(&signed.device_key)?,
        request_key: key(&signed.request_key)?,
    })
}
