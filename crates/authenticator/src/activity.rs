//! What was decided, and by which devices: history with receipts, the list of devices.

use countersign_clock::Millis;
use countersign_protocol::{DeviceId, Handle, HistoryEntry, Receipt, SettledView};

use crate::{
    account::Account,
    core::Core,
    error::AuthenticatorError,
    receipt::verify_receipt,
    sync::read,
    verify::is_pinned,
    view::{DevicesView, HistoryEntryView, HistoryView},
};

const PAGE: u32 = 50;
/// Pages that are searched for one receipt.
const SEARCHED: usize = 20;

/// A page of settled requests, settled before `before` (device's clock).
pub(crate) async fn history(
    core: &Core,
    account: &Account,
    before: Option<Millis>,
) -> Result<HistoryView, AuthenticatorError> {
    let link = account.link()?;
    let offset = account.clock.now() - account.clock.local_now();
    let asked = account.clock.local_now();
    let page = core
        .heeded(
            account,
            link.api.history(before.map(|before| before + offset), PAGE).await,
        )
        .await?;
    account.clock.measured(page.server_time, asked);
    let entries = page
        .entries
        .into_iter()
        .map(|entry| entry_view(account, entry))
        .collect::<Result<_, _>>()?;
    // The offset may just have been measured anew: `before` has to come back exactly.
    let next = page
        .next
        .map(|next| next - (account.clock.now() - account.clock.local_now()));
    Ok(HistoryView { entries, next })
}

/// The receipt of one settled request as JSON text.
pub(crate) async fn receipt(core: &Core, account: &Account, handle: &Handle) -> Result<String, AuthenticatorError> {
    let mut before = None;
    for _ in 0..SEARCHED {
        let page = history(core, account, before).await?;
        if let Some(entry) = page.entries.into_iter().find(|entry| entry.handle == *handle) {
            return entry.receipt.ok_or(AuthenticatorError::NotFound);
        }
        before = Some(page.next.ok_or(AuthenticatorError::NotFound)?);
    }
    Err(AuthenticatorError::NotFound)
}

/// The person's devices, this one first.
pub(crate) async fn devices(core: &Core, account: &Account) -> Result<DevicesView, AuthenticatorError> {
    let link = account.link()?;
    let mut devices = core.heeded(account, link.api.devices().await).await?.devices;
    for device in &mut devices {
        device.created_at = account.clock.to_local(device.created_at);
        device.last_seen_at = account.clock.to_local(device.last_seen_at);
    }
    devices.sort_by_key(|device| !device.current);
    Ok(DevicesView { devices })
}

/// Renames a device of the person.
pub(crate) async fn rename(
    core: &Core,
    account: &Account,
    device: &DeviceId,
    name: &str,
) -> Result<(), AuthenticatorError> {
    let link = account.link()?;
    let name = name.trim();
    core.heeded(account, link.api.rename(device, name).await).await?;
    if read(&account.record).device_id == *device {
        account
            .update(core, |record| name.clone_into(&mut record.device_name))
            .await?;
        core.emit_status();
    }
    Ok(())
}

/// Revokes a device of the person; this one wipes itself.
pub(crate) async fn revoke(core: &Core, account: &Account, device: &DeviceId) -> Result<(), AuthenticatorError> {
    let link = account.link()?;
    core.heeded(account, link.api.revoke(device).await).await?;
    if read(&account.record).device_id == *device {
        core.removed(account).await;
    }
    Ok(())
}

fn entry_view(account: &Account, entry: HistoryEntry) -> Result<HistoryEntryView, AuthenticatorError> {
    let verified = entry
        .receipt
        .as_ref()
        .is_some_and(|receipt| proves(account, &entry, receipt));
    let clock = &account.clock;
    Ok(HistoryEntryView {
        settled: SettledView {
            state: entry.state,
            settled_at: Some(clock.to_local(entry.settled_at)),
            reason: entry.reason,
            decided_by: entry.decided_by,
            delivery: entry.delivery,
        },
        client: entry.client,
        scopes: entry.scopes,
        message: entry.message,
        created_at: clock.to_local(entry.created_at),
        received_at: entry.received_at.map(|at| clock.to_local(at)),
        receipt: entry.receipt.as_ref().map(serde_json::to_string_pretty).transpose()?,
        receipt_verified: verified,
        handle: entry.handle,
    })
}

/// Whether the receipt proves what the entry says: keys that are pinned or ours, the same request.
fn proves(account: &Account, entry: &HistoryEntry, receipt: &Receipt) -> bool {
    let record = read(&account.record);
    let Some(credentials) = &record.credentials else {
        return false;
    };
    let Ok(proof) = verify_receipt(receipt) else {
        return false;
    };
    let own = proof.decision.iss != record.device_id || record.own_keys.contains(&proof.device_key);
    let by = entry
        .decided_by
        .as_ref()
        .is_none_or(|by| by.device_id == proof.decision.iss);
    own && by
        && is_pinned(&receipt.request_key, &credentials.request_keys)
        && proof.request.iss == record.backend
        && proof.request.sub == record.subject
        && proof.request.req == entry.handle
        && proof.request.client.id == entry.client.id
}
