use countersign_protocol::{DecidedBy, DenyReason, DeviceId, Handle, PromptState, SettledReason, SettledView};

use super::{
    Statements, StorageError, devices,
    prompts::{self, Found},
    settle::{Ending, settle},
    values,
};
use crate::{
    domain::{AccountKey, ConnectorId, Decision, Device, Matching},
    storage::{Decide, Decided, Mismatch, MismatchVerdict, sql},
};

pub(super) async fn decide<S: Statements>(connection: &mut S, decide: &Decide) -> Result<Decided, StorageError> {
    let Some(Found { prompt, .. }) = prompts::find_to_settle(connection, &decide.handle, &decide.account).await? else {
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
        return Ok(Decided::Recorded(settlement.shown()));
    }
    let Some(device) = active_device(connection, &decide.account, &decide.device_id).await? else {
        return Ok(Decided::DeviceRemoved);
    };
    if !holds(&device, &decide.key_thumbprint) {
        return Ok(Decided::DeviceRemoved);
    }
    // Other providers know their people themselves.
    let disabled = prompt.connector.is_embedded()
        && !connection
            .any(sql::accounts::IS_ENABLED.text(S::DIALECT), values![decide.account.sub])
            .await?;
    if disabled {
        return Ok(Decided::AccountDisabled);
    }
    let ending = Ending {
        view: view_of(decide, &device, &prompt.connector),
        deadline_after: decide.now,
        approval: match &decide.decision {
            Decision::Approve(approval) => Some(approval),
            Decision::Deny(_) => None,
        },
        jti: Some(&decide.jti),
        receipt: Some(&decide.receipt),
    };
    if !settle(connection, &prompt, &ending).await? {
        return Ok(Decided::Settled(prompt.view_at(decide.now)));
    }
    let typed_right = ending.approval.is_some() && matches!(prompt.matching, Matching::Type { .. });
    if typed_right {
        connection
            .run(sql::devices::FORGET_MISMATCHES, values![device.id])
            .await?;
    }
    Ok(Decided::Recorded(ending.view))
}

pub(super) async fn mismatch(
    connection: &mut impl Statements,
    mismatch: &Mismatch,
) -> Result<MismatchVerdict, StorageError> {
    let Some(Found { prompt, .. }) = prompts::find_to_settle(connection, &mismatch.handle, &mismatch.account).await?
    else {
        return Ok(MismatchVerdict::Unknown);
    };
    let counted = connection
        .one(
            sql::prompts::FIND_ATTEMPT,
            values![mismatch.handle, mismatch.device_id, mismatch.decision],
            |row| row.value::<u32>("tries_left"),
        )
        .await?;
    if let Some(tries_left) = counted {
        let settled = (tries_left == 0).then(|| prompt.view_at(mismatch.now));
        return Ok(MismatchVerdict::Wrong { tries_left, settled });
    }
    let Some(device) = active_device(connection, &mismatch.account, &mismatch.device_id).await? else {
        return Ok(MismatchVerdict::DeviceRemoved);
    };
    let view = prompt.view_at(mismatch.now);
    if view.state.is_final() {
        return Ok(MismatchVerdict::Settled(view));
    }
    let tries_left = count_try(connection, mismatch, &device).await?;
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
            delivery: prompt.connector.first_delivery(),
        },
        deadline_after: mismatch.now,
        approval: None,
        jti: None,
        receipt: None,
    };
    settle(connection, &prompt, &ending).await?;
    Ok(MismatchVerdict::Wrong {
        tries_left,
        settled: Some(ending.view),
    })
}

/// Counts a try on prompt and device and says how many are left: the lower of what both have.
async fn count_try(
    connection: &mut impl Statements,
    mismatch: &Mismatch,
    device: &Device,
) -> Result<u32, StorageError> {
    let (handle, device_id) = (mismatch.handle.as_str(), device.id.as_str());
    let had = device_left(connection, &mismatch.handle, &device.id)
        .await?
        .unwrap_or(match device.mismatches {
            0 => mismatch.max_tries,
            // A wrong number on an earlier request costs a try on this one, but never the last.
            _ => mismatch.max_tries.saturating_sub(1).max(1),
        });
    let device_left = had.saturating_sub(1);
    let tries = connection
        .one(sql::prompts::COUNT_TRY, values![handle], |row| {
            row.value::<u32>("tries")
        })
        .await?
        .ok_or(StorageError::Corrupt { what: "prompt" })?;
    let tries_left = mismatch.max_tries.saturating_sub(tries).min(device_left);
    connection
        .run(
            sql::prompts::ADD_ATTEMPT,
            values![handle, device_id, mismatch.decision, device_left, tries_left],
        )
        .await?;
    connection.run(sql::devices::COUNT_MISMATCH, values![device_id]).await?;
    Ok(tries_left)
}

async fn device_left(
    connection: &mut impl Statements,
    handle: &Handle,
    device: &DeviceId,
) -> Result<Option<u32>, StorageError> {
    let of = values![handle, device];
    let left = connection
        .one(sql::prompts::DEVICE_LEFT, of, |row| row.value("device_left"))
        .await?;
    Ok(left.flatten())
}

async fn active_device(
    connection: &mut impl Statements,
    account: &AccountKey,
    id: &DeviceId,
) -> Result<Option<Device>, StorageError> {
    let device = devices::find_to_decide(connection, id).await?;
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

fn view_of(decide: &Decide, device: &Device, connector: &ConnectorId) -> SettledView {
    let (state, reason) = outcome_of(&decide.decision);
    SettledView {
        state,
        settled_at: Some(decide.now),
        reason,
        decided_by: Some(decided_by(device)),
        delivery: connector.first_delivery(),
    }
}

fn decided_by(device: &Device) -> DecidedBy {
    DecidedBy {
        device_id: device.id.clone(),
        name: device.name.clone(),
    }
}
