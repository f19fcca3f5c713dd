//! Pairing, accounts and their devices.

use std::sync::Arc;

use countersign_authenticator::view::{AccountView, DevicesView, PairInput, StatusView, UserCodeInput, UserCodeView};
use countersign_protocol::DeviceId;
use serde::Deserialize;
use tauri::State;

use super::failure::{Answer, of_device};
use crate::device::Device;

/// An account on this device.
#[derive(Deserialize)]
pub(super) struct AccountInput {
    account_id: String,
}

/// The provider where the person signs in.
#[derive(Deserialize)]
pub(super) struct ProviderInput {
    issuer: String,
}

/// One device of an account.
#[derive(Deserialize)]
pub(super) struct DeviceInput {
    account_id: String,
    device_id: DeviceId,
}

/// A device and its new name.
#[derive(Deserialize)]
pub(super) struct RenameDeviceInput {
    account_id: String,
    device_id: DeviceId,
    name: String,
}

/// Pairs this device with an account; the window follows by events.
#[tauri::command]
pub(super) async fn pair(device: State<'_, Arc<Device>>, input: PairInput) -> Answer<AccountView> {
    let authenticator = device.authenticator().await?;
    authenticator.pair(input).await.map_err(of_device("pair"))
}

/// Answers the pairing that asks where the person signs in.
#[tauri::command]
pub(super) async fn choose_provider(device: State<'_, Arc<Device>>, input: ProviderInput) -> Answer<()> {
    let authenticator = device.authenticator().await?;
    authenticator
        .choose_provider(&input.issuer)
        .map_err(of_device("choose_provider"))
}

/// Gives up pairing.
#[tauri::command]
pub(super) async fn cancel_pairing(device: State<'_, Arc<Device>>) -> Answer<()> {
    device.authenticator().await?.cancel_pairing();
    Ok(())
}

/// Opens the browser once more at the same address.
#[tauri::command]
pub(super) async fn reopen_browser(device: State<'_, Arc<Device>>) -> Answer<()> {
    let authenticator = device.authenticator().await?;
    authenticator
        .reopen_browser()
        .await
        .map_err(of_device("reopen_browser"))
}

/// The devices of an account, this one first.
#[tauri::command]
pub(super) async fn get_devices(device: State<'_, Arc<Device>>, input: AccountInput) -> Answer<DevicesView> {
    let authenticator = device.authenticator().await?;
    authenticator
        .devices(&input.account_id)
        .await
        .map_err(of_device("get_devices"))
}

/// Renames a device.
#[tauri::command]
pub(super) async fn rename_device(device: State<'_, Arc<Device>>, input: RenameDeviceInput) -> Answer<()> {
    let authenticator = device.authenticator().await?;
    let renamed = authenticator
        .rename_device(&input.account_id, &input.device_id, &input.name)
        .await;
    renamed.map_err(of_device("rename_device"))
}

/// Removes another device of the account.
#[tauri::command]
pub(super) async fn revoke_device(device: State<'_, Arc<Device>>, input: DeviceInput) -> Answer<()> {
    let authenticator = device.authenticator().await?;
    let revoked = authenticator.revoke_device(&input.account_id, &input.device_id).await;
    revoked.map_err(of_device("revoke_device"))
}

/// Whether clients may ask this person for a code, and whether there is one.
#[tauri::command]
pub(super) async fn get_user_code(device: State<'_, Arc<Device>>, input: AccountInput) -> Answer<UserCodeView> {
    let authenticator = device.authenticator().await?;
    authenticator
        .user_code(&input.account_id)
        .await
        .map_err(of_device("get_user_code"))
}

/// Sets the code that clients ask for, or takes it away.
#[tauri::command]
pub(super) async fn set_user_code(device: State<'_, Arc<Device>>, input: UserCodeInput) -> Answer<()> {
    let authenticator = device.authenticator().await?;
    authenticator
        .set_user_code(input)
        .await
        .map_err(of_device("set_user_code"))
}

/// Removes the account and its keys from this device.
#[tauri::command]
pub(super) async fn sign_out(device: State<'_, Arc<Device>>, input: AccountInput) -> Answer<StatusView> {
    let authenticator = device.authenticator().await?;
    authenticator
        .sign_out(&input.account_id)
        .await
        .map_err(of_device("sign_out"))
}
