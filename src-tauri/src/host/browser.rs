//! The system browser, in which people sign in.

use std::io;

use countersign_authenticator::BrowserUnavailable;
use tauri::{AppHandle, Runtime};
use url::Url;

/// Opens `url` in the person's browser, or on a desktop in what `BROWSER` names. Only web addresses: nothing else is handed to the system.
///
/// # Errors
/// [`BrowserUnavailable`] when none could be started.
pub(super) async fn open<R: Runtime>(app: &AppHandle<R>, url: &Url) -> Result<(), BrowserUnavailable> {
    if !matches!(url.scheme(), "https" | "http") {
        return Err(BrowserUnavailable);
    }
    match start(app, url.to_string()).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            tracing::warn!(kind = ?error.kind(), "could not open the system browser");
            Err(BrowserUnavailable)
        }
        Err(error) => {
            tracing::error!(%error, "opening the system browser broke off");
            Err(BrowserUnavailable)
        }
    }
}

/// Starting a program waits for the disk, and for text browsers until they end.
#[cfg(not(target_os = "ios"))]
async fn start<R: Runtime>(_app: &AppHandle<R>, address: String) -> tauri::Result<io::Result<()>> {
    super::blocking(move || webbrowser::open(&address)).await
}

/// The application object may be touched on the main thread alone.
#[cfg(target_os = "ios")]
async fn start<R: Runtime>(app: &AppHandle<R>, address: String) -> tauri::Result<io::Result<()>> {
    let (tell, told) = tokio::sync::oneshot::channel();
    app.run_on_main_thread(move || drop(tell.send(webbrowser::open(&address))))?;
    Ok(told.await.unwrap_or_else(|_| Err(io::ErrorKind::Interrupted.into())))
}
