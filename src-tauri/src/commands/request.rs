//! Requests: what waits, what is in view, decisions, history.

use std::{path::PathBuf, sync::Arc};

use countersign_authenticator::view::{ApproveInput, DenyInput, ErrorCode, HistoryView, InboxView, RequestView};
use countersign_protocol::Handle;
use serde::Deserialize;
use tauri::{AppHandle, Manager, Runtime, State, WebviewWindow};
use tauri_plugin_clipboard_manager::ClipboardExt;

use super::failure::{Answer, of_app, of_device, view};
use crate::{device::Device, receipts};

/// One request of an account.
#[derive(Deserialize)]
pub(super) struct RequestInput {
    account_id: String,
    handle: Handle,
}

/// A page of settled requests.
#[derive(Deserialize)]
pub(super) struct HistoryInput {
    account_id: String,
    before: Option<i64>,
}

/// Text for the clipboard.
#[derive(Deserialize)]
pub(super) struct CopyInput {
    text: String,
}

/// What waits, for all accounts.
#[tauri::command]
pub(super) async fn get_inbox(device: State<'_, Arc<Device>>) -> Answer<InboxView> {
    Ok(device.authenticator().await?.inbox())
}

/// Asks every backend now.
#[tauri::command]
pub(super) async fn refresh(device: State<'_, Arc<Device>>) -> Answer<()> {
    device.authenticator().await?.refresh();
    Ok(())
}

/// One request, as far as it is verified.
#[tauri::command]
pub(super) async fn get_request(device: State<'_, Arc<Device>>, input: RequestInput) -> Answer<RequestView> {
    let authenticator = device.authenticator().await?;
    authenticator
        .request(&input.account_id, &input.handle)
        .map_err(of_device("get_request"))
}

/// The request is in view from now on.
#[tauri::command]
pub(super) async fn present(device: State<'_, Arc<Device>>, input: RequestInput) -> Answer<()> {
    let authenticator = device.authenticator().await?;
    let presented = device.present(&authenticator, input.account_id, input.handle);
    presented.map_err(of_device("present"))
}

/// It is not any more.
#[tauri::command]
pub(super) async fn conceal(device: State<'_, Arc<Device>>, input: RequestInput) -> Answer<()> {
    device.authenticator().await?.conceal(&input.account_id, &input.handle);
    Ok(())
}

/// Approves, when a person can have seen the request. A page that was taken over cannot approve behind their back: whether the window
/// is in front is measured on this side.
#[tauri::command]
pub(super) async fn approve<R: Runtime>(
    window: WebviewWindow<R>,
    device: State<'_, Arc<Device>>,
    input: ApproveInput,
) -> Answer<RequestView> {
    let authenticator = device.authenticator().await?;
    if !device.is_watched(&window) {
        tracing::warn!("an approval came while the window was not in front");
        return Err(view(
            ErrorCode::NotPresented,
            "could not approve behind another window".to_owned(),
        ));
    }
    authenticator.approve(input).await.map_err(of_device("approve"))
}

/// Denies. That is safe at any time.
#[tauri::command]
pub(super) async fn deny(device: State<'_, Arc<Device>>, input: DenyInput) -> Answer<RequestView> {
    let authenticator = device.authenticator().await?;
    authenticator.deny(input).await.map_err(of_device("deny"))
}

/// Settled requests of an account, newest first.
#[tauri::command]
pub(super) async fn get_history(device: State<'_, Arc<Device>>, input: HistoryInput) -> Answer<HistoryView> {
    let authenticator = device.authenticator().await?;
    let history = authenticator.history(&input.account_id, input.before).await;
    history.map_err(of_device("get_history"))
}

/// Saves the receipt of a decision and says where.
#[tauri::command]
pub(super) async fn save_receipt<R: Runtime>(
    app: AppHandle<R>,
    device: State<'_, Arc<Device>>,
    input: RequestInput,
) -> Answer<String> {
    let command = "save_receipt";
    let authenticator = device.authenticator().await?;
    let receipt = authenticator
        .receipt(&input.account_id, &input.handle)
        .await
        .map_err(of_device(command))?;
    let folder = receipts_folder(&app).map_err(of_app(command))?;
    let now = device.clock().now();
    let saving = tauri::async_runtime::spawn_blocking(move || receipts::save(&folder, now, &receipt));
    let path = saving.await.map_err(of_app(command))?.map_err(of_app(command))?;
    Ok(path.display().to_string())
}

/// Puts text on the clipboard. The window copies addresses and records with it; it never reads the clipboard.
#[tauri::command]
pub(super) async fn copy_text<R: Runtime>(app: AppHandle<R>, input: CopyInput) -> Answer<()> {
    app.clipboard().write_text(input.text).map_err(of_app("copy_text"))
}

/// Where people look for what they saved; a system without such a folder gets one beside the app's own data.
fn receipts_folder<R: Runtime>(app: &AppHandle<R>) -> tauri::Result<PathBuf> {
    let paths = app.path();
    // iOS lets no app make a folder for downloads; what it shows of an app are its documents.
    let shown = if cfg!(target_os = "ios") {
        paths.document_dir()
    } else {
        paths.download_dir()
    };
    shown.or_else(|_| Ok(paths.app_data_dir()?.join("receipts")))
}
