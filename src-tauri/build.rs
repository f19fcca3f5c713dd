//! Checks the configuration and the capabilities, and generates a permission for each command of the app.

use tauri_build::{AppManifest, Attributes};

/// The commands. Naming them here takes them out of what every page may call: a capability has to grant each.
const COMMANDS: &[&str] = &[
    "get_status",
    "choose_encrypted_file",
    "unlock_key_store",
    "pair",
    "choose_provider",
    "cancel_pairing",
    "reopen_browser",
    "get_inbox",
    "refresh",
    "get_request",
    "present",
    "conceal",
    "approve",
    "deny",
    "get_history",
    "save_receipt",
    "get_devices",
    "rename_device",
    "revoke_device",
    "get_user_code",
    "set_user_code",
    "sign_out",
    "copy_text",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let manifest = AppManifest::new().commands(COMMANDS);
    Ok(tauri_build::try_build(Attributes::new().app_manifest(manifest))?)
}
