//! Programs of this workspace, built once a run.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
};

/// The root of the workspace.
#[must_use]
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the workspace")
}

/// Builds `package` and returns its program `name`.
#[must_use]
pub fn build(package: &str, name: &str, features: &[&str]) -> PathBuf {
    static BUILT: OnceLock<Mutex<HashMap<(String, String), PathBuf>>> = OnceLock::new();
    let mut built = BUILT
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let wanted = (name.to_owned(), features.join(","));
    if let Some(path) = built.get(&wanted) {
        return path.clone();
    }
    let output = Command::new(env!("CARGO"))
        .current_dir(workspace())
        .args([
            "build",
            "--quiet",
            "--message-format=json",
            "-p",
            package,
            "--bin",
            name,
            "--features",
            &wanted.1,
        ])
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo can be started");
    assert!(output.status.success(), "{package} does not build");
    let text = String::from_utf8(output.stdout).expect("cargo speaks UTF-8");
    let path = text
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("cargo names the program it built");
    built.insert(wanted, path.clone());
    path
}

/// Builds the app with its user interface inside and returns its program.
///
/// # Panics
/// When the user interface was not built: `make app` and `make test` do that first.
#[must_use]
pub fn app() -> PathBuf {
    let page = workspace().join("ui/dist/index.html");
    assert!(page.exists(), "the user interface is not built, run `make app`");
    build("countersign-app", "countersign-app", &["custom-protocol"])
}
