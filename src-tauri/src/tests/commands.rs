//! What commands answer.

use serde_json::json;

use super::Shell;

const ABSENT: &str = "bm90LXRoZXJl";

#[test]
fn the_status_says_what_the_window_needs_to_begin() {
    let status = Shell::start().call("get_status", &json!(null)).unwrap();
    assert_eq!(
        status["key_store"],
        json!({"kind": "none", "state": "missing", "level": "software"}),
        "S-052"
    );
    assert_eq!(status["accounts"], json!([]));
    assert_eq!(status["app_version"], json!(env!("CARGO_PKG_VERSION")));
    assert_ne!(status["suggested_device_name"], json!(""));
}

#[test]
fn what_is_not_there_is_said_with_a_code() {
    let shell = Shell::start();
    let request = json!({"account_id": "nobody", "handle": ABSENT});
    for (command, input) in [
        ("get_request", request.clone()),
        ("present", request.clone()),
        ("save_receipt", request.clone()),
        (
            "deny",
            json!({"account_id": "nobody", "handle": ABSENT, "reason": "not_me"}),
        ),
        ("get_history", json!({"account_id": "nobody"})),
        ("get_devices", json!({"account_id": "nobody"})),
        ("revoke_device", json!({"account_id": "nobody", "device_id": "d"})),
        (
            "rename_device",
            json!({"account_id": "nobody", "device_id": "d", "name": "n"}),
        ),
        ("sign_out", json!({"account_id": "nobody"})),
    ] {
        let error = shell.call(command, &input).unwrap_err();
        assert_eq!(error["code"], json!("not_found"), "{command}: {error}");
        assert!(
            error["message"].is_string(),
            "{command} says it in words for the log too"
        );
    }
}

#[test]
fn an_approval_behind_another_window_is_refused() {
    let shell = Shell::start();
    // The window of this window system never has the focus.
    let input = json!({"account_id": "nobody", "handle": ABSENT, "pin": "271828"});
    let error = shell.call("approve", &input).unwrap_err();
    assert_eq!(
        error["code"],
        json!("not_presented"),
        "V-029, S-032: presence is measured on this side, before the request is even looked for"
    );
}

#[test]
fn an_address_beyond_this_machine_needs_https() {
    let input = json!({"backend": "http://id.example.com", "device_name": "Desk", "pin": "271828"});
    let shell = Shell::start();
    shell
        .call("choose_encrypted_file", &json!({"passphrase": "correct horse battery"}))
        .unwrap();
    let error = shell.call("pair", &input).unwrap_err();
    assert_eq!(error["code"], json!("address_refused"), "S-051");
}

#[test]
fn the_encrypted_file_is_chosen_once_and_unlocked_after_each_start() {
    let shell = Shell::start();
    let passphrase = json!({"passphrase": "correct horse battery"});
    let status = shell.call("choose_encrypted_file", &passphrase).unwrap();
    assert_eq!(
        status["key_store"]["kind"],
        json!("encrypted_file"),
        "S-052: said as it is"
    );
    assert_eq!(status["key_store"]["state"], json!("ready"));

    let shell = shell.restarted();
    let status = shell.call("get_status", &json!(null)).unwrap();
    assert_eq!(
        status["key_store"]["kind"],
        json!("encrypted_file"),
        "the choice is kept"
    );
    assert_eq!(status["key_store"]["state"], json!("locked"), "the passphrase is not");
    let error = shell
        .call("unlock_key_store", &json!({"passphrase": "incorrect horse"}))
        .unwrap_err();
    assert_eq!(error["code"], json!("key_store_locked"));
    let status = shell.call("unlock_key_store", &passphrase).unwrap();
    assert_eq!(status["key_store"]["state"], json!("ready"));
}
