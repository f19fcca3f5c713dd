//! `countersign doctor`: what is well, and what is not.

use std::{fmt, fs, net::TcpListener, os::unix::fs::PermissionsExt as _};

use countersign_e2e::{Backend, BackendOptions};
use serde_json::Value;

const CHECKS: [&str; 13] = [
    "configuration",
    "address",
    "tls",
    "mtls",
    "database",
    "integrity",
    "disk",
    "log",
    "clock",
    "keys",
    "listen",
    "discovery",
    "jwks",
];

/// What the doctor said.
pub struct Report {
    code: Option<i32>,
    json: Value,
    errors: String,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.json)
    }
}

impl Report {
    /// How it ended.
    pub fn code(&self) -> Option<i32> {
        self.code
    }

    pub fn of(backend: &Backend) -> Self {
        let output = backend.command(&["doctor", "--json"], "");
        Self {
            code: output.status.code(),
            json: serde_json::from_slice(&output.stdout).expect("JSON"),
            errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    pub fn state(&self, check: &str) -> &str {
        let checks = self.json["checks"].as_array().expect("checks");
        let found = checks.iter().find(|finding| finding["check"] == check);
        let found = found.unwrap_or_else(|| panic!("{check}: {}", self.json));
        found["state"].as_str().expect("a state")
    }

    pub fn says(&self, check: &str) -> String {
        let checks = self.json["checks"].as_array().expect("checks");
        let found = checks.iter().find(|finding| finding["check"] == check);
        found.map(Value::to_string).unwrap_or_default()
    }

    /// Exactly these checks found something wrong, and say what to do.
    #[track_caller]
    pub fn ill(&self, expected: &[&str], words: &str) {
        let checks = self.json["checks"].as_array().expect("checks");
        let ill = checks.iter().filter(|finding| finding["state"] == "ill");
        let names: Vec<&str> = ill.clone().filter_map(|finding| finding["check"].as_str()).collect();
        assert_eq!(names, expected, "{:#}", self.json);
        for finding in ill {
            assert!(
                finding["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()),
                "{finding}"
            );
        }
        assert!(
            self.says(expected[0]).contains(words),
            "{words}: {}",
            self.says(expected[0])
        );
        assert_eq!((self.code, &self.json["healthy"]), (Some(1), &Value::Bool(false)));
        assert!(self.errors.contains("found something wrong"), "{}", self.errors);
    }
}

#[test]
fn a_healthy_server_is_found_healthy_whether_it_runs_or_not() {
    let mut backend = Backend::start(&BackendOptions::default());
    let beside = Report::of(&backend);
    for check in CHECKS {
        assert_eq!(beside.state(check), "ok", "{:#}", beside.json);
    }
    assert_eq!((beside.code, &beside.json["healthy"]), (Some(0), &Value::Bool(true)));
    assert!(beside.says("listen").contains("a server listens on"));
    let text = backend.succeed(&["doctor"], "");
    assert_eq!(text.lines().count(), CHECKS.len(), "one sentence each: {text}");

    assert!(backend.stop().success());
    let before = countersign_e2e::snapshot::take(&backend);
    let alone = Report::of(&backend);
    for check in ["discovery", "jwks"] {
        assert_eq!(alone.state(check), "skipped", "{:#}", alone.json);
    }
    assert_eq!(alone.code, Some(0), "{:#}", alone.json);
    assert!(alone.says("listen").contains("is free"));
    assert_eq!(countersign_e2e::snapshot::take(&backend), before, "it changes nothing");
}

/// One server looks at another one, which is a provider like any other.
#[test]
fn a_provider_outside_is_looked_at() {
    let provider = Backend::start(&BackendOptions::default());
    let connector = |id: &str, issuer: &str| {
        format!(
            "[op]\nenabled = false\n[[connectors.keycloak]]\nname = \"other\"\nissuer = \"{issuer}\"\ntitle = \"Other\"\napp_client_id = \"{id}\"\n"
        )
    };
    let backend = Backend::start(&BackendOptions::with(&connector("countersign-app", &provider.origin)));
    let report = Report::of(&backend);
    for check in [
        "issuer",
        "issuer_clock",
        "issuer_keys",
        "issuer_ciba",
        "sign_in",
        "app_client",
    ] {
        assert_eq!(report.state(check), "ok", "{report}");
        assert!(report.says(check).contains("\"connector\":\"other\""), "{report}");
    }
    assert_eq!(
        (report.state("discovery"), report.state("jwks")),
        ("ok", "skipped"),
        "{report}"
    );
    assert_eq!(report.code(), Some(0), "{report}");
    let text = backend.succeed(&["doctor"], "");
    assert!(text.contains("other: signatures can be verified: "), "{text}");
    let listed = backend.succeed(&["connector", "list"], "");
    assert!(
        listed
            .lines()
            .nth(1)
            .is_some_and(|line| line.starts_with("other  keycloak")),
        "{listed}"
    );

    let unknown = Backend::prepare(&BackendOptions::with(&connector("nobody", &provider.origin)));
    Report::of(&unknown).ill(&["app_client"], "does not know the client nobody");
    let slash = Backend::prepare(&BackendOptions::with(&connector(
        "countersign-app",
        &format!("{}/", provider.origin),
    )));
    Report::of(&slash).ill(&["issuer"], "about another issuer");
}

#[test]
fn it_speaks_tls_with_the_certificate_that_the_server_made() {
    let backend = Backend::start(&BackendOptions::with("[server]\ntls = \"development\"\n"));
    let report = Report::of(&backend);
    for check in CHECKS {
        assert_eq!(report.state(check), "ok", "{:#}", report.json);
    }
}

#[test]
fn before_the_first_start_nothing_is_wrong_and_nothing_is_made() {
    let backend = Backend::prepare(&BackendOptions::default());
    let report = Report::of(&backend);
    assert_eq!(report.code, Some(0), "{:#}", report.json);
    assert!(report.says("database").contains("the first start makes it"));
    assert!(!backend.database().exists());
    let lost = Backend::prepare(&BackendOptions::default());
    let text = fs::read_to_string(lost.config_path()).expect("a configuration");
    fs::write(
        lost.config_path(),
        text.replace("/countersign.db", "/nowhere/countersign.db"),
    )
    .expect("written");
    Report::of(&lost).ill(&["database"], "nor a folder");
}

#[test]
fn a_configuration_that_cannot_be_used_is_said() {
    for (config, words) in [
        ("[op]\nexpires_inn = 3\n", "expires_inn"),
        ("[op]\nmin_expiry = 700\n", "min_expiry"),
        ("[server]\npublic_url = \"http://id.example.com\"\n", "public_url"),
        ("[op\n", "configuration cannot be read"),
    ] {
        let backend = Backend::prepare(&BackendOptions::with(config));
        Report::of(&backend).ill(&["configuration"], words);
    }
}

#[test]
fn a_key_that_is_gone_wrong_or_open_to_others_is_said() {
    let mut backend = Backend::start(&BackendOptions::default());
    assert!(backend.stop().success());
    let key = backend.folder().join("countersign.db.key");
    let kept = fs::read(&key).expect("it can be read");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("a mode");
    Report::of(&backend).ill(&["keys"], "can be read by others");
    fs::remove_file(&key).expect("it can be removed");
    Report::of(&backend).ill(&["keys"], "is missing");
    assert!(!key.exists(), "no new one is made");
    fs::write(&key, "A".repeat(43)).expect("written");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("a mode");
    Report::of(&backend).ill(&["keys"], "does not open");
    fs::write(&key, kept).expect("written");
    assert_eq!(Report::of(&backend).code, Some(0));
}

#[test]
fn a_database_that_is_damaged_too_new_or_open_to_others_is_said() {
    let mut backend = Backend::start(&BackendOptions::default());
    for name in ["anna", "ben", "cleo"] {
        let _ = countersign_e2e::Person::add(&backend, name);
    }
    assert!(backend.stop().success());
    let database = backend.database();
    fs::set_permissions(&database, fs::Permissions::from_mode(0o640)).expect("a mode");
    Report::of(&backend).ill(&["database"], "can be read by others");
    fs::set_permissions(&database, fs::Permissions::from_mode(0o600)).expect("a mode");

    let version = |version: i64| {
        let store = rusqlite::Connection::open(&database).expect("the database opens");
        let before: i64 = store
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .expect("it has a version");
        store
            .pragma_update(None, "user_version", version)
            .expect("the version is set");
        before
    };
    let current = version(9_999);
    Report::of(&backend).ill(&["database"], "schema version 9999");
    version(current);
    assert_eq!(Report::of(&backend).code, Some(0));

    let whole = fs::read(&database).expect("it can be read");
    let mut scribbled = whole.clone();
    let (from, to) = (whole.len() / 2, whole.len() * 3 / 4);
    scribbled[from..to].fill(0x5a);
    fs::write(&database, scribbled).expect("written");
    let report = Report::of(&backend);
    assert_eq!(report.state("integrity"), "ill", "{:#}", report.json);
    assert!(report.says("integrity").contains("restore"), "{:#}", report.json);
    fs::write(&database, "no database").expect("written");
    let report = Report::of(&backend);
    assert_eq!(report.state("database"), "ill", "{:#}", report.json);
}

#[test]
fn a_port_that_somebody_else_has_is_said() {
    let somebody = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let listen = somebody.local_addr().expect("an address");
    let backend = Backend::prepare(&BackendOptions::default());
    let backend = backend.at(&listen.to_string());
    Report::of(&backend).ill(&["listen"], "another program");
}

#[test]
fn a_server_under_another_name_or_configuration_is_said() {
    let named = "[server]\npublic_url = \"https://id.example.com\"\n";
    let backend = Backend::start(&BackendOptions::with(named));
    let text = fs::read_to_string(backend.config_path()).expect("a configuration");
    fs::write(backend.config_path(), text.replace(named, "")).expect("written");
    Report::of(&backend).ill(&["discovery"], "https://id.example.com");
    // Nobody listens where the other configuration says.
    fs::write(
        backend.config_path(),
        text.replace(named, "[server]\npublic_url = \"http://127.0.0.1:9\"\n"),
    )
    .expect("written");
    Report::of(&backend).ill(&["discovery"], "does not answer as it should");
    let elsewhere = backend.at("127.0.0.1:0");
    let report = Report::of(&elsewhere);
    report.ill(&["listen"], "nobody listens");
}
