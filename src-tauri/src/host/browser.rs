//! The system browser, in which people sign in.

use countersign_authenticator::BrowserUnavailable;
use url::Url;

/// Opens `url` in the person's browser, or in what `BROWSER` names. Only web addresses: nothing else is handed to the system.
///
/// # Errors
/// [`BrowserUnavailable`] when none could be started.
#[cfg(not(any(target_os = "android", target_os = "ios")))]
pub(super) async fn open(url: &Url) -> Result<(), BrowserUnavailable> {
    if !matches!(url.scheme(), "https" | "http") {
        return Err(BrowserUnavailable);
    }
    let address = url.to_string();
    // Starting a program waits for the disk, and for text browsers until they end.
    match super::blocking(move || webbrowser::open(&address)).await {
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

/// Phones sign in through the browser tab of the phone plug-in; without it the window offers the address to copy.
#[cfg(any(target_os = "android", target_os = "ios"))]
pub(super) async fn open(_url: &Url) -> Result<(), BrowserUnavailable> {
    Err(BrowserUnavailable)
}
