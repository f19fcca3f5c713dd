//! Clients written by other people: the programs of `tests/interop`, on openid-client, oauth4webapi and the SDKs of Auth0.

use std::{path::PathBuf, process::Stdio};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::{Backend, Credentials, RelyingParty, program};

/// A program that plays one story.
pub struct Stranger {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Stranger {
    /// Starts `program` as `client`; `more` are further members of its configuration.
    ///
    /// # Panics
    /// When its packages are not installed: `make test` does that first.
    #[must_use]
    pub fn start(program: &str, backend: &Backend, client: &RelyingParty, more: &Value) -> Self {
        let (Credentials::Basic(secret) | Credentials::Post(secret)) = &client.credentials else {
            panic!("{program} is given a secret")
        };
        Self::start_as(program, backend, &client.id, secret, more)
    }

    /// As [`Self::start`], for a client that nobody else plays.
    ///
    /// # Panics
    /// As [`Self::start`].
    #[must_use]
    pub fn start_as(program: &str, backend: &Backend, client_id: &str, client_secret: &str, more: &Value) -> Self {
        let folder = program::workspace().join("tests/interop");
        let (interpreter, packages) = match program.rsplit_once('.') {
            Some((_, "py")) => (folder.join(".venv/bin/python"), folder.join(".venv")),
            _ => (PathBuf::from("node"), folder.join("node_modules")),
        };
        assert!(
            packages.exists(),
            "the packages of tests/interop are not installed, `make test` does that"
        );
        let mut config = json!({ "issuer": backend.origin, "client_id": client_id, "client_secret": client_secret });
        let more = more.as_object().expect("further members are an object");
        config
            .as_object_mut()
            .expect("the configuration is an object")
            .extend(more.clone());
        let trusted = backend.certificate();
        let trusted = trusted.iter().flat_map(|path| {
            ["NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"].map(|variable| (variable, path))
        });
        let mut process = Command::new(interpreter)
            .arg(folder.join(program))
            .envs(trusted)
            .env("INTEROP", config.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node can be started");
        let stdout = process.stdout.take().expect("its output is piped");
        let lines = BufReader::new(stdout).lines();
        Self { process, lines }
    }

    /// Waits until the person may decide.
    pub async fn started(&mut self) {
        assert_eq!(
            self.line().await,
            json!({ "event": "started" }),
            "the story gets under way"
        );
    }

    /// Waits for the end; returns the result line.
    pub async fn result(mut self) -> Value {
        let result = self.line().await;
        let status = self.process.wait().await.expect("the program ends");
        assert_eq!(
            status.success(),
            result["ok"] == true,
            "exit code and result agree: {result}"
        );
        result
    }

    async fn line(&mut self) -> Value {
        let line = self.lines.next_line().await.expect("the program speaks UTF-8");
        serde_json::from_str(&line.expect("the program says how it went")).expect("it speaks JSON")
    }
}
