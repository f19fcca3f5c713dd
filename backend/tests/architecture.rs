//! The arrows between modules, and the size of files, as a test. `docs/architecture.md` draws the same table.

#![expect(clippy::unwrap_used, reason = "a broken tree fails the test")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Each module with what it may import.
const ARROWS: [(&str, &[&str]); 21] = [
    ("failpoints", &[]),
    ("meters", &[]),
    ("steps", &[]),
    ("config", &[]),
    ("domain", &[]),
    ("dpop", &[]),
    ("outbound", &["config"]),
    ("telemetry", &["steps", "config"]),
    ("storage", &["meters", "steps", "domain", "config"]),
    ("wakes", &["domain"]),
    ("keys", &["meters", "domain", "storage"]),
    ("nodes", &["storage", "wakes"]),
    (
        "op",
        &[
            "meters", "steps", "config", "domain", "dpop", "outbound", "storage", "keys", "wakes",
        ],
    ),
    ("devices", &["config", "domain", "dpop", "storage", "keys"]),
    (
        "consent",
        &[
            "meters", "steps", "config", "domain", "storage", "keys", "wakes", "op", "devices",
        ],
    ),
    (
        "jobs",
        &["meters", "steps", "domain", "storage", "keys", "wakes", "op", "consent"],
    ),
    (
        "http",
        &[
            "meters",
            "steps",
            "config",
            "domain",
            "telemetry",
            "storage",
            "keys",
            "wakes",
            "op",
            "devices",
            "consent",
        ],
    ),
    ("serve", &["config", "keys"]),
    (
        "app",
        &[
            "config", "domain", "outbound", "storage", "keys", "wakes", "op", "devices", "consent", "jobs", "http",
            "serve", "nodes",
        ],
    ),
    ("doctor", &["config", "domain", "storage", "keys", "app"]),
    (
        "cli",
        &[
            "config",
            "domain",
            "outbound",
            "telemetry",
            "storage",
            "keys",
            "wakes",
            "op",
            "devices",
            "consent",
            "app",
            "doctor",
        ],
    ),
];

/// Libraries that belong to one place.
const HOMES: [(&str, &[&str]); 8] = [
    ("rusqlite", &["storage"]),
    // Calls that others chose go out by `outbound`; the operator's own collector and address by the other two.
    ("reqwest", &["outbound", "telemetry", "doctor"]),
    ("sqlx", &["storage"]),
    ("axum::", &["http", "app", "serve", "telemetry"]),
    ("std::env", &["config", "failpoints"]),
    ("askama", &["http"]),
    ("prometheus_client", &["meters"]),
    ("opentelemetry", &["telemetry"]),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}

fn backend() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `consent/decide.rs` and `consent.rs` both belong to `consent`.
fn module(path: &Path) -> String {
    let inside = path.strip_prefix(backend().join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// Top-level modules that `text` names after `crate::`, nested groups included.
fn imports(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let mut take = |name: &str| {
            let word: String = name
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            found.insert(word);
        };
        let Some(group) = rest.strip_prefix('{') else {
            take(rest);
            continue;
        };
        let (mut depth, mut start) = (0, true);
        for (at, letter) in group.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => start = true,
                letter if start && letter.is_ascii_alphabetic() => {
                    take(&group[at..]);
                    start = false;
                }
                _ => {}
            }
        }
    }
    found
}

#[test]
fn nested_groups_are_read_as_imports() {
    let read = imports("use crate::{domain::{A, B}, keys::KeyRing};\ncrate::op::x();");
    assert_eq!(read, ["domain", "keys", "op"].map(str::to_owned).into());
}

#[test]
fn every_arrow_is_in_the_table() {
    let known: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let mut wrong = Vec::new();
    for path in sources(&backend().join("src")) {
        let from = module(&path);
        if ["lib", "main"].contains(&from.as_str()) {
            continue;
        }
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == from) else {
            wrong.push(format!("{}: `{from}` is not in the table", path.display()));
            continue;
        };
        for to in imports(&fs::read_to_string(&path).unwrap()) {
            if known.contains(to.as_str()) && to != from && !allowed.contains(&to.as_str()) {
                wrong.push(format!("{}: {from} -> {to}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that turn back:\n{}", wrong.join("\n"));
}

#[test]
fn libraries_stay_at_home() {
    let mut wrong = Vec::new();
    for path in sources(&backend().join("src")) {
        let from = module(&path);
        let text = fs::read_to_string(&path).unwrap();
        let code: String = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect::<Vec<_>>()
            .join("\n");
        for (library, homes) in HOMES {
            if code.contains(library) && !homes.contains(&from.as_str()) {
                wrong.push(format!("{}: {library}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "libraries away from home:\n{}", wrong.join("\n"));
}

#[test]
fn files_have_one_reason_to_exist() {
    let long: Vec<String> = ["src", "tests"]
        .iter()
        .flat_map(|folder| sources(&backend().join(folder)))
        .filter_map(|path| {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            (lines > 400).then(|| format!("{lines} {}", path.display()))
        })
        .collect();
    assert!(long.is_empty(), "longer than 400 lines:\n{}", long.join("\n"));
}
