//! The arrows between modules, and the size of files, as a test. `docs/architecture.md` draws the same table.

#![expect(clippy::unwrap_used, reason = "a broken tree fails the test")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Each module with what it may import.
const ARROWS: [(&str, &[&str]); 24] = [
    ("failpoints", &[]),
    ("meters", &[]),
    ("steps", &[]),
    ("config", &[]),
    ("domain", &[]),
    ("dpop", &[]),
    ("outbound", &["config"]),
    ("published_keys", &["config", "outbound"]),
    ("issuers", &["config", "outbound", "published_keys"]),
    ("telemetry", &["steps", "config"]),
    ("storage", &["meters", "steps", "domain", "config"]),
    ("wakes", &["domain"]),
    ("keys", &["meters", "domain", "storage"]),
    ("nodes", &["storage", "wakes"]),
    (
        "op",
        &[
            "meters",
            "steps",
            "config",
            "domain",
            "dpop",
            "outbound",
            "published_keys",
            "storage",
            "keys",
            "wakes",
        ],
    ),
    ("devices", &["config", "domain", "dpop", "issuers", "storage", "keys"]),
    (
        "consent",
        &[
            "meters", "steps", "config", "domain", "storage", "keys", "wakes", "devices",
        ],
    ),
    (
        "connectors",
        &[
            "meters", "steps", "config", "domain", "outbound", "issuers", "storage", "keys", "op", "devices", "consent",
        ],
    ),
    (
        "jobs",
        &[
            "meters",
            "steps",
            "domain",
            "storage",
            "keys",
            "wakes",
            "op",
            "consent",
            "connectors",
        ],
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
            "issuers",
            "devices",
            "consent",
            "connectors",
        ],
    ),
    ("serve", &["config", "keys", "op"]),
    (
        "app",
        &[
            "config",
            "domain",
            "outbound",
            "issuers",
            "storage",
            "keys",
            "wakes",
            "op",
            "devices",
            "consent",
            "connectors",
            "jobs",
            "http",
            "serve",
            "nodes",
        ],
    ),
    (
        "doctor",
        &["config", "domain", "outbound", "storage", "keys", "op", "app"],
    ),
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
const HOMES: [(&str, &[&str]); 9] = [
    ("rusqlite", &["storage"]),
    // Calls that others chose go out by `outbound`; the operator's own collector and address by the other two.
    ("reqwest", &["outbound", "telemetry", "doctor"]),
    ("sqlx", &["storage"]),
    ("axum::", &["http", "app", "serve", "telemetry"]),
    ("std::env", &["config", "failpoints"]),
    ("askama", &["http"]),
    ("x509_parser", &["op"]),
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

/// Libraries with known faults below a version.
const FLOORS: [(&str, [u32; 3]); 7] = [
    ("aws-lc-sys", [0, 39, 0]),
    ("rustls-webpki", [0, 103, 13]),
    ("h2", [0, 4, 16]),
    ("tokio-postgres", [0, 7, 18]),
    ("postgres-protocol", [0, 6, 12]),
    ("hickory-proto", [0, 26, 1]),
    ("idna", [1, 0, 0]),
];
/// Libraries that have no place here.
const BANNED: [&str; 4] = ["openssl", "openssl-sys", "native-tls", "rsa"];

/// Proves V-044: by the lock file, and by the rule that keeps it so.
#[test]
fn libraries_with_known_faults_stay_out() {
    let read = |name| fs::read_to_string(backend().join("..").join(name)).unwrap();
    let (lock, rules) = (read("Cargo.lock"), read("deny.toml"));
    let field = |text: &str, name: &str| -> Option<String> {
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "))?;
        Some(value.trim_matches('"').to_owned())
    };
    let mut locked = 0;
    for package in lock.split("[[package]]").skip(1) {
        let (name, version) = (field(package, "name").unwrap(), field(package, "version").unwrap());
        let numbers: Vec<u32> = version
            .split(['.', '-', '+'])
            .map_while(|part| part.parse().ok())
            .collect();
        if let Some((_, floor)) = FLOORS.iter().find(|(known, _)| *known == name) {
            assert!(numbers[..] >= floor[..], "V-044: {name} {version}");
        }
        assert!(!BANNED.contains(&name.as_str()), "V-044: {name}");
        locked += 1;
    }
    assert!(locked > 100, "the lock file was read");
    for (name, [major, minor, patch]) in FLOORS {
        assert!(
            rules.contains(&format!("{name}:<{major}.{minor}.{patch}\"")),
            "V-044: {name}"
        );
    }
    for name in BANNED {
        assert!(rules.contains(&format!("crate = \"{name}\"")), "V-044: {name}");
    }
}

/// Proves V-039: what SQL says is written here, and nobody's text becomes a part of it.
#[test]
fn sql_is_never_put_together_while_running() {
    for path in sources(&backend().join("src")) {
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("AssertSqlSafe"), "V-039: {}", path.display());
    }
    let statements = fs::read_to_string(backend().join("src/storage/statements.rs")).unwrap();
    let taken = statements.matches("sql: ").count();
    assert!(taken > 0, "statements take SQL");
    assert_eq!(
        taken,
        statements.matches("sql: &'static str").count(),
        "V-039: a text that is known before the program runs"
    );
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
