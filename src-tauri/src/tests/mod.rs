//! The app over a window system that is none: real commands, real capabilities, no display.

mod capability;
mod commands;
mod secrets;

use std::sync::Arc;

use countersign_authenticator::Options;
use countersign_clock::{ManualClock, SeededRandom};
use serde_json::{Value, json};
use tauri::{
    App, Manager, WebviewWindow,
    ipc::{CallbackFn, InvokeBody},
    test::{INVOKE_KEY, MockRuntime, get_ipc_response, mock_builder},
    webview::InvokeRequest,
};

use crate::{
    device::Device,
    host::{KeyStores, TauriHost, cheap_vault, no_store},
    window,
};

/// Where the page of the app lives.
const OWN_PAGE: &str = if cfg!(any(windows, target_os = "android")) {
    "http://tauri.localhost"
} else {
    "tauri://localhost"
};

/// The app with a window.
struct Shell {
    app: App<MockRuntime>,
    window: WebviewWindow<MockRuntime>,
    folder: tempfile::TempDir,
}

impl Shell {
    /// An app on a machine without a key store.
    fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap())
    }

    /// The app, started again where it was before.
    fn restarted(self) -> Self {
        drop(self.app);
        Self::start_in(self.folder)
    }

    fn start_in(folder: tempfile::TempDir) -> Self {
        let app = crate::wired(mock_builder())
            .build(tauri::generate_context!(test = true))
            .unwrap();
        let stores = KeyStores::new(
            Arc::new(no_store),
            cheap_vault(),
            Arc::new(SeededRandom::new(1)),
            folder.path(),
            folder.path(),
        );
        let stores = Arc::new(stores);
        let host = Arc::new(TauriHost::new(app.handle().clone(), Arc::clone(&stores)));
        let device = Arc::new(Device::new(stores, Arc::new(ManualClock::at(1_767_225_600_000))));
        app.manage(Arc::clone(&device));
        let window = window::open(app.handle()).unwrap();
        let random = Arc::new(SeededRandom::new(2));
        tauri::async_runtime::block_on(device.start(host, random, Options::default()));
        Self { app, window, folder }
    }

    /// Calls a command as the app's own page does.
    fn call(&self, command: &str, input: &Value) -> Result<Value, Value> {
        self.call_from(OWN_PAGE, command, input)
    }

    /// Calls a command as a page at `origin` would.
    fn call_from(&self, origin: &str, command: &str, input: &Value) -> Result<Value, Value> {
        let request = InvokeRequest {
            cmd: command.to_owned(),
            callback: CallbackFn(0),
            error: CallbackFn(1),
            url: origin.parse().unwrap(),
            body: InvokeBody::Json(json!({ "input": input })),
            headers: tauri::http::HeaderMap::default(),
            invoke_key: INVOKE_KEY.to_owned(),
        };
        get_ipc_response(&self.window, request).map(|body| body.deserialize().unwrap())
    }
}
