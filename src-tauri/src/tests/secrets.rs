//! What never reaches the page.

use std::sync::Arc;

use countersign_protocol::Secret;
use serde_json::{Value, json};
use tauri::Manager;

use super::Shell;
use crate::device::Device;

const PASSPHRASE: &str = "correct horse battery";
const PIN: &str = "271828";
const KEPT: &str = "eyJhbGciOiJFUzI1NiJ9.kept.kept";

#[test]
fn no_answer_repeats_a_pin_a_passphrase_or_a_kept_secret() {
    let shell = Shell::start();
    let pairing = json!({"backend": "http://id.example.com", "device_name": "Desk", "pin": PIN});
    let approval = json!({"account_id": "a", "handle": "h", "pin": PIN, "matched": "42"});
    let request = json!({"account_id": "a", "handle": "h"});
    let mut answers = vec![shell.call("choose_encrypted_file", &json!({"passphrase": PASSPHRASE}))];

    let device = Arc::clone(shell.app.state::<Arc<Device>>().inner());
    let secrets = device.key_stores().secrets();
    tauri::async_runtime::block_on(secrets.set("kept", &Secret::new(KEPT))).unwrap();

    answers.extend([
        shell.call("choose_encrypted_file", &json!({"passphrase": PASSPHRASE})),
        shell.call("unlock_key_store", &json!({"passphrase": PASSPHRASE})),
        shell.call("unlock_key_store", &json!({"passphrase": {"nested": PASSPHRASE}})),
        shell.call("get_status", &Value::Null),
        shell.call("get_inbox", &Value::Null),
        shell.call("pair", &pairing),
        shell.call("approve", &approval),
        shell.call("get_request", &request),
        shell.call("save_receipt", &request),
        shell.call("get_history", &json!({"account_id": "a"})),
        shell.call("get_devices", &json!({"account_id": "a"})),
    ]);
    for answer in answers {
        let text = format!("{answer:?}");
        for secret in [PASSPHRASE, PIN, KEPT] {
            assert!(!text.contains(secret), "S-075: {text}");
        }
    }
}

#[test]
fn what_the_encrypted_file_keeps_cannot_be_read_from_the_disk() {
    let shell = Shell::start();
    shell
        .call("choose_encrypted_file", &json!({"passphrase": PASSPHRASE}))
        .unwrap();
    let device = Arc::clone(shell.app.state::<Arc<Device>>().inner());
    let secrets = device.key_stores().secrets();
    tauri::async_runtime::block_on(secrets.set("kept", &Secret::new(KEPT))).unwrap();
    for entry in std::fs::read_dir(shell.folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(KEPT) && !text.contains(PASSPHRASE), "S-052: {text}");
    }
}
