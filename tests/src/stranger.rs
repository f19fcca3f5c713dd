//! Clients written by other people: the programs of `tests/interop`, on openid-client, oauth4webapi and the SDKs of Auth0.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt as _, BufReader, Lines},
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
        let trusted = backend.certificate();
        Self::spawn(
            program,
            &backend.origin,
            trusted.as_deref(),
            client_id,
            client_secret,
            more,
        )
    }

    /// As [`Self::start_as`], for a client of another provider.
    ///
    /// # Panics
    /// As [`Self::start`].
    #[must_use]
    pub fn start_at(program: &str, issuer: &str, client_id: &str, client_secret: &str, more: &Value) -> Self {
        Self::spawn(program, issuer, None, client_id, client_secret, more)
    }

    fn spawn(
        program: &str,
        issuer: &str,
        trusted: Option<&Path>,
        client_id: &str,
        client_secret: &str,
        more: &Value,
    ) -> Self {
        let folder = program::workspace().join("tests/interop");
        let (interpreter, packages) = match program.rsplit_once('.') {
            Some((_, "py")) => (folder.join(".venv/bin/python"), folder.join(".venv")),
            _ => (PathBuf::from("node"), folder.join("node_modules")),
        };
        assert!(
            packages.exists(),
            "the packages of tests/interop are not installed, `make test` does that"
        );
        let mut config = json!({ "issuer": issuer, "client_id": client_id, "client_secret": client_secret });
        let more = more.as_object().expect("further members are an object");
        config
            .as_object_mut()
            .expect("the configuration is an object")
            .extend(more.clone());
        let trusted = trusted.iter().flat_map(|path| {
            ["NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"].map(|variable| (variable, path))
        });
        let mut process = Command::new(interpreter)
            .arg(folder.join(program))
            .envs(trusted)
            .env("INTEROP", config.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node can be started");
        let stdout = process.stdout.take().expect("its output is piped");
        let lines = BufReader::new(stdout).lines();
        Self { process, lines }
    }

    /// Waits until it listens at an endpoint of its own; returns the endpoint. The client is to be registered with it before [`Self::go_on`].
    pub async fn listening(&mut self) -> String {
        let line = self.line().await;
        assert_eq!(line["event"], "listening", "the program has an endpoint: {line}");
        line["url"].as_str().expect("an endpoint is a URL").to_owned()
    }

    /// Tells it that its client is registered.
    pub async fn go_on(&mut self) {
        let mut stdin = self.process.stdin.take().expect("its input is piped");
        stdin.write_all(b"registered\n").await.expect("the program reads");
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
