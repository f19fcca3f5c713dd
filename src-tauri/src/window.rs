//! The one window: where it may go, and what the device learns from it.

use std::sync::Arc;

use tauri::{
    AppHandle, Manager, Runtime, Url, WebviewWindow, WebviewWindowBuilder, WindowEvent, webview::NewWindowResponse,
};

use crate::device::Device;

/// Its label, as capabilities and events name it.
pub(crate) const MAIN: &str = "main";

/// Opens the window as the configuration describes it. It shows this app's own pages, opens no other windows and downloads nothing.
///
/// # Errors
/// What the window system says.
pub(crate) fn open<R: Runtime>(app: &AppHandle<R>) -> tauri::Result<WebviewWindow<R>> {
    let windows = &app.config().app.windows;
    let config = windows
        .iter()
        .find(|window| window.label == MAIN)
        .ok_or(tauri::Error::WindowNotFound)?;
    let dev_url = if tauri::is_dev() {
        app.config().build.dev_url.clone()
    } else {
        None
    };
    let window = WebviewWindowBuilder::from_config(app, config)?
        .on_navigation(move |url| is_ours(url, dev_url.as_ref()))
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .on_download(|_, _| false)
        .build()?;
    watch(&window);
    Ok(window)
}

/// Brings the window to the front, as far as the window system lets a program do that.
#[cfg(desktop)]
pub(crate) fn raise<R: Runtime>(app: &AppHandle<R>) {
    let Some(window) = app.get_webview_window(MAIN) else {
        return;
    };
    if let Err(error) = window
        .unminimize()
        .and_then(|()| window.show())
        .and_then(|()| window.set_focus())
    {
        tracing::warn!(%error, "could not bring the window to the front");
    }
}

/// Tells the device when the window gets and loses the focus.
fn watch<R: Runtime>(window: &WebviewWindow<R>) {
    let device = Arc::clone(window.state::<Arc<Device>>().inner());
    window.on_window_event(move |event| match event {
        WindowEvent::Focused(true) => device.came_to_front(),
        WindowEvent::Focused(false) | WindowEvent::CloseRequested { .. } | WindowEvent::Destroyed => {
            device.left_front();
        }
        #[cfg(mobile)]
        WindowEvent::Suspended => device.left_front(),
        _ => {}
    });
}

/// Whether an address is one of this app's own pages: the embedded ones, or while developing those of the development server.
fn is_ours(url: &Url, dev_url: Option<&Url>) -> bool {
    if let Some(dev_url) = dev_url {
        return url.origin() == dev_url.origin();
    }
    // Windows and Android have no custom schemes and use a host name that resolves nowhere.
    let embedded = match url.scheme() {
        "tauri" => url.host_str() == Some("localhost"),
        "http" | "https" => cfg!(any(windows, target_os = "android")) && url.host_str() == Some("tauri.localhost"),
        _ => false,
    };
    embedded && url.port().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn the_window_only_ever_shows_this_apps_own_pages() {
        assert!(is_ours(&url("tauri://localhost/"), None));
        for foreign in [
            "https://example.com/",
            "http://app.evil.example/",
            "http://tauri.localhost.evil.example/",
            "tauri://evil.example/",
            "https://localhost/",
            "http://127.0.0.1:1420/",
            "file:///etc/passwd",
            "data:text/html,hello",
            "javascript:alert(1)",
            "about:blank",
            "blob:tauri://localhost/1",
        ] {
            assert!(!is_ours(&url(foreign), None), "V-028: {foreign}");
        }
    }

    #[test]
    fn while_developing_only_the_development_server_is_added() {
        let server = url("http://127.0.0.1:1420");
        assert!(is_ours(&url("http://127.0.0.1:1420/index.html"), Some(&server)));
        assert!(!is_ours(&url("http://127.0.0.1:1421/"), Some(&server)), "V-028");
        assert!(!is_ours(&url("https://example.com/"), Some(&server)), "V-028");
    }
}
