//! Status and key store.

use std::sync::Arc;

use countersign_authenticator::view::StatusView;
use countersign_protocol::Secret;
use serde::Deserialize;
use tauri::State;

use super::failure::{Answer, of_device, of_key_store};
use crate::device::Device;

/// Opens the encrypted file.
#[derive(Deserialize)]
pub(super) struct PassphraseInput {
    passphrase: Secret,
}

/// Everything the window needs when it opens.
#[tauri::command]
pub(super) async fn get_status(device: State<'_, Arc<Device>>) -> Answer<StatusView> {
    Ok(device.authenticator().await?.status())
}

/// Makes the encrypted file the key store, on the person's explicit wish.
#[tauri::command]
pub(super) async fn choose_encrypted_file(
    device: State<'_, Arc<Device>>,
    input: PassphraseInput,
) -> Answer<StatusView> {
    let command = "choose_encrypted_file";
    let authenticator = device.authenticator().await?;
    let chosen = device.key_stores().choose_encrypted_file(input.passphrase).await;
    chosen.map_err(of_key_store(command))?;
    authenticator.reload().await.map_err(of_device(command))
}

/// Opens the key store and starts the accounts in it.
#[tauri::command]
pub(super) async fn unlock_key_store(device: State<'_, Arc<Device>>, input: PassphraseInput) -> Answer<StatusView> {
    let command = "unlock_key_store";
    let authenticator = device.authenticator().await?;
    let unlocked = device.key_stores().unlock(input.passphrase).await;
    unlocked.map_err(of_key_store(command))?;
    authenticator.reload().await.map_err(of_device(command))
}
