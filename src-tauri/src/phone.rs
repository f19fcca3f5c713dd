//! What is different on a phone: the system starts the app by a symbol of this library, and the browser comes back to it by a link.

use std::sync::Arc;

use tauri::{AppHandle, Runtime};
use tauri_plugin_deep_link::DeepLinkExt;

use crate::device::Device;

/// Runs the app for as long as the system lets it.
#[tauri::mobile_entry_point]
fn start() {
    super::run();
}

/// Hands the links that open this app to `device`. A link that started it is none of them: the sign-in it could answer ended with the
/// process that began it.
pub(crate) fn follow_links<R: Runtime>(app: &AppHandle<R>, device: Arc<Device>) {
    app.deep_link().on_open_url(move |event| {
        for url in event.urls() {
            device.redirected(url);
        }
    });
}
