//! What the window may do, written down a second time: whoever widens it has to say so here.

use serde_json::{Value, json};

use super::Shell;

const COMMANDS: [&str; 23] = [
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

fn refused(answer: &Result<Value, Value>) -> bool {
    matches!(answer, Err(Value::String(text)) if text.contains("not allowed"))
}

#[test]
fn the_window_may_call_the_apps_commands_and_hear_events_and_nothing_else() {
    let capability: Value = serde_json::from_str(include_str!("../../capabilities/default.json")).unwrap();
    let mut granted = vec![json!("core:event:allow-listen"), json!("core:event:allow-unlisten")];
    granted.extend(COMMANDS.map(|command| json!(format!("allow-{}", command.replace('_', "-")))));
    assert_eq!(
        capability["permissions"],
        Value::Array(granted),
        "V-028: the allow-list is this one"
    );
    assert_eq!(capability["windows"], json!(["main"]), "V-028: only the main window");
    assert_eq!(capability.get("remote"), None, "V-028: no remote page");
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/capabilities")).unwrap();
    assert_eq!(files.count(), 1, "V-028: there is no second capability");
}

#[test]
fn the_page_loads_nothing_from_elsewhere() {
    let config: Value = serde_json::from_str(include_str!("../../tauri.conf.json")).unwrap();
    let security = &config["app"]["security"];
    let policy = "default-src 'self'; connect-src ipc: http://ipc.localhost; img-src 'self' data:; style-src 'self'; \
                  script-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    assert_eq!(security["csp"], json!(policy), "S-074: the content security policy");
    assert_eq!(security["dangerousDisableAssetCspModification"], Value::Null, "S-074");
    assert_eq!(
        security["capabilities"],
        json!(["default"]),
        "V-028: no other capability is on"
    );
    assert_eq!(
        config["app"]["withGlobalTauri"],
        json!(false),
        "S-074: the bridge is not a global"
    );
    for window in config["app"]["windows"].as_array().unwrap() {
        assert_eq!(window.get("url"), None, "V-028: windows open the app's own page");
    }
}

#[test]
fn the_toolkit_is_one_that_knows_its_own_origin() {
    let version: Vec<u32> = tauri::VERSION.split('.').map(|part| part.parse().unwrap()).collect();
    assert!(
        version >= vec![2, 11, 1],
        "V-028: {} takes foreign hosts for its own",
        tauri::VERSION
    );
}

#[test]
fn every_command_is_there_and_granted() {
    let shell = Shell::start();
    for command in COMMANDS {
        let answer = shell.call(command, &Value::Null);
        assert!(!refused(&answer), "S-075: {command} is granted: {answer:?}");
        let unknown = matches!(&answer, Err(Value::String(text)) if text.contains("not found"));
        assert!(!unknown, "S-075: {command} is there: {answer:?}");
    }
}

#[test]
fn a_page_from_elsewhere_can_call_nothing() {
    let shell = Shell::start();
    for origin in [
        "https://evil.example",
        "http://app.evil.example",
        "http://localhost:1420",
        "tauri://evil.example",
    ] {
        for command in COMMANDS {
            let answer = shell.call_from(origin, command, &Value::Null);
            assert!(refused(&answer), "V-028: {command} from {origin}: {answer:?}");
        }
    }
}

#[test]
fn what_was_not_granted_is_refused_to_the_apps_own_page_too() {
    let shell = Shell::start();
    for command in [
        "plugin:clipboard-manager|read_text",
        "plugin:clipboard-manager|write_text",
        "plugin:event|emit",
        "plugin:webview|create_webview_window",
        "plugin:window|close",
        "plugin:window|set_focus",
        "plugin:path|resolve_directory",
        "plugin:app|version",
        "plugin:image|from_path",
    ] {
        let answer = shell.call(command, &Value::Null);
        assert!(refused(&answer), "S-074: {command}: {answer:?}");
    }
}
