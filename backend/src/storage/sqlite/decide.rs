use countersign_protocol::{DecidedBy, DenyReason, DeviceId, Handle, PromptState, SettledReason, SettledView};
use rusqlite::{Connection, params};

use super::{
    StorageError, devices,
    prompts::{self, Found},
    rows::Columns as _,
    settle::{Ending, settle},
    statement::Statements,
};
use crate::{
    domain::{AccountKey, Decision, Device, Matching},
    storage::{Decide, Decided, Mismatch, MismatchVerdict, sql},
};

pub(super) fn decide(connection: &Connection, decide: &Decide) -> Result<Decided, StorageError> {
    let Some(Found { prompt, .. }) = prompts::find_of_person(connection, &decide.handle, &decide.account)? else {
        return Ok(Decided::Unknown);
    };
    // Before anything that may have changed since: the same decision gets the same answer.
    if let Some(settlement) = &prompt.settlement
        && settlement.decision_jti.as_ref() == Some(&decide.jti)
        && (settlement.view.state, settlement.view.reason) == outcome_of(&decide.decision)
        && settlement
            .view
            .decided_by
            .as_ref()
            .is_some_and(|by| by.device_id == decide.device_id)
    {
        return Ok(Decided::Recorded(settlement.view.clone()));
    }
    let Some(device) = active_device(connection, &decide.account, &decide.device_id)? else {
        return Ok(Decided::DeviceRemoved);
    };
    if !holds(&device, &decide.key_thumbprint) {
        return Ok(Decided::DeviceRemoved);
    }
    // Other providers know their people themselves.
    let disabled = prompt.connector.is_embedded()
        && !connection.any(sql::accounts::IS_ENABLED, params![decide.account.sub.as_str()])?;
    if disabled {
        return Ok(Decided::AccountDisabled);
    }
    let ending = Ending {
        view: view_of(decide, &device),
        deadline_after: decide.now,
        approval: match &decide.decision {
            Decision::Approve(approval) => Some(approval),
            Decision::Deny(_) => None,
        },
        jti: Some(&decide.jti),
        receipt: Some(&decide.receipt),
    };
    if !settle(connection, &prompt, &ending)? {
        return Ok(Decided::Settled(prompt.view_at(decide.now)));
    }
    let typed_right = ending.approval.is_some() && matches!(prompt.matching, Matching::Type { .. });
    if typed_right {
        connection.run(sql::devices::FORGET_MISMATCHES, params![device.id.as_str()])?;
    }
    Ok(Decided::Recorded(ending.view))
}

pub(super) fn mismatch(connection: &Connection, mismatch: &Mismatch) -> Result<MismatchVerdict, StorageError> {
    let Some(Found { prompt, .. }) = prompts::find_of_person(connection, &mismatch.handle, &mismatch.account)? else {
        return Ok(MismatchVerdict::Unknown);
    };
    let counted = connection.one(
        sql::prompts::FIND_ATTEMPT,
        params![mismatch.handle.as_str(), mismatch.device_id.as_str(), mismatch.decision],
        |row| row.value::<u32>("tries_left"),
    )?;
    if let Some(tries_left) = counted {
        let settled = (tries_left == 0).then(|| prompt.view_at(mismatch.now));
        return Ok(MismatchVerdict::Wrong { tries_left, settled });
    }
    let Some(device) = active_device(connection, &mismatch.account, &mismatch.device_id)? else {
        return Ok(MismatchVerdict::DeviceRemoved);
    };
    let view = prompt.view_at(mismatch.now);
    if view.state.is_final() {
        return Ok(MismatchVerdict::Settled(view));
    }
    let tries_left = count_try(connection, mismatch, &device)?;
    if tries_left > 0 {
        return Ok(MismatchVerdict::Wrong {
            tries_left,
            settled: None,
        });
    }
    let ending = Ending {
        view: SettledView {
            state: PromptState::Denied,
            settled_at: Some(mismatch.now),
            reason: Some(SettledReason::NumberMismatch),
            decided_by: Some(decided_by(&device)),
        },
        deadline_after: mismatch.now,
        approval: None,
        jti: None,
        receipt: None,
    };
    settle(connection, &prompt, &ending)?;
    Ok(MismatchVerdict::Wrong {
        tries_left,
        settled: Some(ending.view),
    })
}

/// Counts a try on prompt and device and says how many are left: the lower of what both have.
fn count_try(connection: &Connection, mismatch: &Mismatch, device: &Device) -> Result<u32, StorageError> {
    let (handle, device_id) = (mismatch.handle.as_str(), device.id.as_str());
    let had = device_left(connection, &mismatch.handle, &device.id)?.unwrap_or(match device.mismatches {
        0 => mismatch.max_tries,
        // A wrong number on an earlier request costs a try on this one, but never the last.
        _ => mismatch.max_tries.saturating_sub(1).max(1),
    });
    let device_left = had.saturating_sub(1);
    let tries = connection
        .one(sql::prompts::COUNT_TRY, params![handle], |row| {
            row.value::<u32>("tries")
        })?
        .ok_or(StorageError::Corrupt { what: "prompt" })?;
    let tries_left = mismatch.max_tries.saturating_sub(tries).min(device_left);
    connection.run(
        sql::prompts::ADD_ATTEMPT,
        params![handle, device_id, mismatch.decision, device_left, tries_left],
    )?;
    connection.run(sql::devices::COUNT_MISMATCH, params![device_id])?;
    Ok(tries_left)
}

fn device_left(connection: &Connection, handle: &Handle, device: &DeviceId) -> Result<Option<u32>, StorageError> {
    let params = params![handle.as_str(), device.as_str()];
    let left = connection.one(sql::prompts::DEVICE_LEFT, params, |row| row.value("device_left"))?;
    Ok(left.flatten())
}

fn active_device(connection: &Connection, account: &AccountKey, id: &DeviceId) -> Result<Option<Device>, StorageError> {
    let device = devices::find(connection, id)?;
    Ok(device.filter(|device| device.account == *account && device.revoked_at.is_none()))
}

fn holds(device: &Device, thumbprint: &str) -> bool {
    device
        .keys
        .as_ref()
        .is_some_and(|keys| keys.pop_thumbprint == thumbprint || keys.uv_thumbprint == thumbprint)
}

fn outcome_of(decision: &Decision) -> (PromptState, Option<SettledReason>) {
    match decision {
        Decision::Approve(_) => (PromptState::Approved, None),
        Decision::Deny(DenyReason::NotMe) => (PromptState::Denied, Some(SettledReason::NotMe)),
        Decision::Deny(DenyReason::ChangedMind) => (PromptState::Denied, Some(SettledReason::ChangedMind)),
        Decision::Deny(DenyReason::TooMany) => (PromptState::Denied, Some(SettledReason::TooMany)),
    }
}

fn view_of(decide: &Decide, device: &Device) -> SettledView {
    let (state, reason) = outcome_of(&decide.decision);
    SettledView {
        state,
        settled_at: Some(decide.now),
        reason,
        decided_by: Some(decided_by(device)),
    }
}

fn decided_by(device: &Device) -> DecidedBy {
    DecidedBy {
        device_id: device.id.clone(),
        name: device.name.clone(),
    }
}
