//! The commands of the window: argument in, one call of the device, answer or `ErrorView` out.
//!
//! A command takes at most one argument, an object named `input`. Nothing secret is ever in an answer: tokens, keys and signatures
//! stay on this side.

mod account;
mod failure;
mod key_store;
mod request;

use tauri::{Runtime, ipc::Invoke};

/// Every command. What is missing here cannot be called, and what is here has to be granted by a capability too.
pub(crate) fn handler<R: Runtime>() -> impl Fn(Invoke<R>) -> bool + Send + Sync + 'static {
    tauri::generate_handler![
        key_store::get_status,
        key_store::choose_encrypted_file,
        key_store::unlock_key_store,
        account::pair,
        account::choose_provider,
        account::cancel_pairing,
        account::reopen_browser,
        account::get_devices,
        account::rename_device,
        account::revoke_device,
        account::get_user_code,
        account::set_user_code,
        account::sign_out,
        request::get_inbox,
        request::refresh,
        request::get_request,
        request::present,
        request::conceal,
        request::approve,
        request::deny,
        request::get_history,
        request::save_receipt,
        request::copy_text,
    ]
}
