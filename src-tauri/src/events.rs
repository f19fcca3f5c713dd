//! What the device tells, handed on to the window.

use countersign_authenticator::AppEvent;
use serde::Serialize;
use tauri::{AppHandle, Emitter, Runtime};

use crate::window;

/// Hands an event on. Where no window listens it is dropped: each event is the whole state, and a window that opens asks for it.
pub(crate) fn forward<R: Runtime>(app: &AppHandle<R>, event: AppEvent) {
    match event {
        AppEvent::Inbox(view) => tell(app, "inbox", &view),
        AppEvent::Status(view) => tell(app, "status", &view),
        AppEvent::Pairing(view) => {
            // The person comes back from the browser: the window should be what they see next. On a phone the link has shown it.
            #[cfg(desktop)]
            if matches!(view, countersign_authenticator::view::PairingView::Verifying) {
                window::raise(app);
            }
            tell(app, "pairing", &view);
        }
    }
}

fn tell<R: Runtime, V: Serialize + Clone>(app: &AppHandle<R>, event: &'static str, view: &V) {
    if let Err(error) = app.emit_to(window::MAIN, event, view) {
        tracing::error!(%error, event, "could not tell the window");
    }
}
