//! `countersign client`, as an operator runs it.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

fn client(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_countersign"))
        .arg("client")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn add(folder: &Path, id: &str, name: &str) -> (String, String) {
    let auth = ["--auth", "client_secret_basic", "--grant", "ciba"];
    let added = client(folder, &[&["add", "--id", id, "--name", name][..], &auth].concat());
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(added.stdout), text(added.stderr));
    assert!(added.status.success(), "{err}");
    (out, err)
}

/// Proves S-020: the operator is warned, and the secret stays the only line of the output.
#[test]
fn a_name_that_looks_like_another_clients_is_warned_about() {
    let folder = tempfile::tempdir().unwrap();
    let (out, err) = add(folder.path(), "shop", "Demo Shop");
    assert_eq!((out.lines().count(), err.as_str()), (1, ""), "the first of its name");
    let (_, err) = add(folder.path(), "terminal", "Terminal");
    assert_eq!(err, "", "S-020: another name");
    let (out, err) = add(folder.path(), "trap", "Dem\u{43e} Sh0p");
    assert_eq!(out.lines().count(), 1);
    assert!(
        err.starts_with("warning: ") && err.contains("(trap)") && err.contains("\"Demo Shop\" (shop)"),
        "S-020: {err}"
    );
    assert_eq!(err.lines().count(), 1, "S-020: it looks like one other: {err}");
}

/// Proves R-046: keys are what the help prefers, and nobody gets a secret without asking for one.
#[test]
fn a_key_is_preferred_to_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let help = client(folder.path(), &["add", "--help"]);
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("Prefer private_key_jwt"), "R-046: {help}");
    let silent = client(
        folder.path(),
        &["add", "--id", "shop", "--name", "Shop", "--grant", "ciba"],
    );
    assert!(!silent.status.success(), "R-046: the method has no default");
    let said = String::from_utf8(silent.stderr).unwrap();
    assert!(said.contains("--auth"), "R-046: {said}");
    assert!(
        fs::read_dir(folder.path()).unwrap().next().is_none(),
        "nothing was made"
    );
}
