//! How prompts end.

use countersign::{
    domain::{Approval, AuthRequestState, Decision, Device, Matching, Settlement, SignedReceipt},
    storage::{Decide, Decided, Mismatch, MismatchVerdict, StorageError},
};
use countersign_clock::Millis;
use countersign_protocol::{DecidedBy, DenyReason, Handle, PromptState, SettledReason, SettledView};

use super::{Kept, prompts::Asked};

pub(super) struct Ending {
    view: SettledView,
    approval: Option<Approval>,
    decision: Option<(String, SignedReceipt)>,
}

impl Ending {
    pub(super) fn without_decision(state: PromptState, at: Millis) -> Self {
        let view = SettledView {
            state,
            settled_at: Some(at),
            reason: None,
            decided_by: None,
            delivery: None,
        };
        Self {
            view,
            approval: None,
            decision: None,
        }
    }
}

impl Ending {
    /// What another provider said.
    pub(super) fn elsewhere(approval: Option<Approval>, by: DecidedBy, at: Millis) -> Self {
        let state = if approval.is_some() {
            PromptState::Approved
        } else {
            PromptState::Denied
        };
        let mut ending = Self::without_decision(state, at);
        ending.view.decided_by = Some(by);
        Self { approval, ..ending }
    }
}

impl Kept {
    /// Ends a prompt that is pending, and the request that waits for it.
    pub(super) fn settle(&mut self, handle: &Handle, ending: Ending) -> Result<(), StorageError> {
        let seq = self.next_change(&self.prompts[handle].prompt.account.clone());
        let asked = self.prompts.get_mut(handle).unwrap();
        assert!(asked.prompt.settlement.is_none(), "a prompt ends once");
        let (jti, receipt) = ending.decision.unzip();
        asked.prompt.seq = seq;
        asked.prompt.settlement = Some(Settlement {
            view: ending.view.clone(),
            decision_jti: jti,
        });
        asked.receipt = receipt;
        let since = ending.view.settled_at.unwrap();
        if !asked.prompt.connector.is_embedded() {
            asked.approval = ending.approval;
            self.owe(handle, since);
            return Ok(());
        }
        let waits = |request: &&mut countersign::domain::AuthRequest| {
            request.handle == *handle && request.state == AuthRequestState::Pending
        };
        match (self.requests.values_mut().find(waits), ending.approval) {
            (Some(request), Some(approval)) => request.state = AuthRequestState::Approved(approval),
            (Some(request), None) if ending.view.state == PromptState::Expired => {
                request.state = AuthRequestState::Expired;
            }
            (Some(request), None) => request.state = AuthRequestState::Denied,
            // Its time was over long ago, and nobody waits for a result any more.
            (None, None) => return Ok(()),
            // It would tell the person something that is not so.
            (None, Some(_)) => {
                return Err(StorageError::Corrupt {
                    what: "authentication request",
                });
            }
        }
        self.owe(handle, since);
        Ok(())
    }

    pub(super) fn decide(&mut self, decide: Decide) -> Result<Decided, StorageError> {
        let Some(asked) = self.asked_of(&decide.handle, &decide.account) else {
            return Ok(Decided::Unknown);
        };
        let prompt = asked.prompt.clone();
        if let Some(settlement) = &prompt.settlement
            && is_the_same(settlement, &decide)
        {
            return Ok(Decided::Recorded(settlement.shown()));
        }
        let device = self.active_device(&decide.account, &decide.device_id);
        let Some(device) = device.filter(|device| holds(device, &decide.key_thumbprint)) else {
            return Ok(Decided::DeviceRemoved);
        };
        let by = decided_by(device);
        if prompt.connector.is_embedded() && !self.is_enabled(&decide.account.sub) {
            return Ok(Decided::AccountDisabled);
        }
        let view = prompt.view_at(decide.now);
        if view.state != PromptState::Pending {
            return Ok(Decided::Settled(view));
        }
        let (state, reason) = outcome(&decide.decision);
        let view = SettledView {
            state,
            settled_at: Some(decide.now),
            reason,
            decided_by: Some(by),
            delivery: prompt.connector.first_delivery(),
        };
        let approval = match decide.decision {
            Decision::Approve(approval) => Some(approval),
            Decision::Deny(_) => None,
        };
        if approval.is_some() && matches!(prompt.matching, Matching::Type { .. }) {
            self.devices.get_mut(&decide.device_id).unwrap().mismatches = 0;
        }
        let ending = Ending {
            view: view.clone(),
            approval,
            decision: Some((decide.jti, decide.receipt)),
        };
        self.settle(&decide.handle, ending)?;
        Ok(Decided::Recorded(view))
    }

    pub(super) fn mismatch(&mut self, mismatch: &Mismatch) -> Result<MismatchVerdict, StorageError> {
        let Some(asked) = self.asked_of(&mismatch.handle, &mismatch.account) else {
            return Ok(MismatchVerdict::Unknown);
        };
        let view = asked.prompt.view_at(mismatch.now);
        let connector = asked.prompt.connector.clone();
        let attempt = (mismatch.device_id.clone(), mismatch.decision.clone());
        if let Some(&tries_left) = asked.attempts.get(&attempt) {
            let settled = (tries_left == 0).then_some(view);
            return Ok(MismatchVerdict::Wrong { tries_left, settled });
        }
        let Some(device) = self.active_device(&mismatch.account, &mismatch.device_id) else {
            return Ok(MismatchVerdict::DeviceRemoved);
        };
        let (by, typed_wrong_before) = (decided_by(device), device.mismatches > 0);
        if view.state != PromptState::Pending {
            return Ok(MismatchVerdict::Settled(view));
        }
        let asked = self.prompts.get_mut(&mismatch.handle).unwrap();
        let tries_left = count(asked, mismatch, typed_wrong_before);
        asked.attempts.insert(attempt, tries_left);
        self.devices.get_mut(&mismatch.device_id).unwrap().mismatches += 1;
        if tries_left > 0 {
            return Ok(MismatchVerdict::Wrong {
                tries_left,
                settled: None,
            });
        }
        let mut ending = Ending::without_decision(PromptState::Denied, mismatch.now);
        ending.view.reason = Some(SettledReason::NumberMismatch);
        ending.view.decided_by = Some(by);
        ending.view.delivery = connector.first_delivery();
        let settled = Some(ending.view.clone());
        self.settle(&mismatch.handle, ending)?;
        Ok(MismatchVerdict::Wrong { tries_left, settled })
    }
}

/// Counts a try on prompt and device, and says how many are left.
fn count(asked: &mut Asked, mismatch: &Mismatch, typed_wrong_before: bool) -> u32 {
    let starts_with = if typed_wrong_before && mismatch.max_tries > 1 {
        mismatch.max_tries - 1
    } else {
        mismatch.max_tries
    };
    asked.tries += 1;
    let device_left = asked
        .device_left
        .entry(mismatch.device_id.clone())
        .or_insert(starts_with);
    *device_left = device_left.saturating_sub(1);
    mismatch.max_tries.saturating_sub(asked.tries).min(*device_left)
}

fn is_the_same(settlement: &Settlement, decide: &Decide) -> bool {
    let by = settlement.view.decided_by.as_ref();
    settlement.decision_jti.as_ref() == Some(&decide.jti)
        && by.is_some_and(|by| by.device_id == decide.device_id)
        && (settlement.view.state, settlement.view.reason) == outcome(&decide.decision)
}

fn holds(device: &Device, thumbprint: &str) -> bool {
    let keys = device.keys.as_ref();
    keys.is_some_and(|keys| [&keys.pop_thumbprint, &keys.uv_thumbprint].contains(&&thumbprint.to_owned()))
}

fn decided_by(device: &Device) -> DecidedBy {
    DecidedBy {
        device_id: device.id.clone(),
        name: device.name.clone(),
    }
}

fn outcome(decision: &Decision) -> (PromptState, Option<SettledReason>) {
    match decision {
        Decision::Approve(_) => (PromptState::Approved, None),
        Decision::Deny(DenyReason::NotMe) => (PromptState::Denied, Some(SettledReason::NotMe)),
        Decision::Deny(DenyReason::ChangedMind) => (PromptState::Denied, Some(SettledReason::ChangedMind)),
        Decision::Deny(DenyReason::TooMany) => (PromptState::Denied, Some(SettledReason::TooMany)),
    }
}
