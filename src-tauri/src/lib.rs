//! The window of Countersign: wires the authentication device to this machine and to its page.
//!
//! Everything that decides lives in the authenticator; everything that is shown lives in the page. This crate carries arguments,
//! answers and events between the two, and gives the device a key store, a browser and a clock.

mod commands;
mod device;
mod environment;
mod events;
mod host;
mod log;
#[cfg(mobile)]
mod phone;
mod presence;
mod private_file;
mod receipts;
mod settings;
#[cfg(test)]
mod tests;
mod window;

use std::sync::Arc;

use countersign_authenticator::{Options, PinCost};
use countersign_clock::{OsRandom, SystemClock};
use tauri::{App, Builder, Manager, Runtime};

use crate::{
    device::Device,
    host::{KeyStores, TauriHost},
};

/// Runs the app until its window is closed.
pub fn run() {
    // Before anything opens a connection: the provider is a choice of the process.
    drop(rustls::crypto::ring::default_provider().install_default());
    log::start();
    let builder = Builder::default();
    #[cfg(desktop)]
    let builder = builder.plugin(tauri_plugin_single_instance::init(|app, _arguments, _folder| {
        window::raise(app);
    }));
    #[cfg(mobile)]
    let builder = builder.plugin(tauri_plugin_deep_link::init());
    if let Err(error) = wired(builder)
        .setup(|app| Ok(start(app)?))
        .run(tauri::generate_context!())
    {
        tracing::error!(error = %crate::log::Chain(&error), "could not run the app");
        std::process::exit(1);
    }
}

/// What every build of the app has, tests included.
fn wired<R: Runtime>(builder: Builder<R>) -> Builder<R> {
    builder
        .plugin(tauri_plugin_clipboard_manager::init())
        .invoke_handler(commands::handler())
}

/// Makes the device, opens the window and lets the device start behind it.
fn start<R: Runtime>(app: &mut App<R>) -> tauri::Result<()> {
    let paths = app.path();
    let random = Arc::new(OsRandom);
    let key_stores = Arc::new(KeyStores::new(
        Arc::new(host::open_store),
        PinCost::default(),
        random.clone(),
        &paths.app_config_dir()?,
        &paths.app_data_dir()?,
    ));
    let host = Arc::new(TauriHost::new(app.handle().clone(), Arc::clone(&key_stores)));
    let device = Arc::new(Device::new(key_stores, Arc::new(SystemClock)));
    app.manage(Arc::clone(&device));
    #[cfg(mobile)]
    phone::follow_links(app.handle(), Arc::clone(&device));
    window::open(app.handle())?;
    tauri::async_runtime::spawn(async move { device.start(host, random, Options::default()).await });
    Ok(())
}
