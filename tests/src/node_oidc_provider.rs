//! A real node-oidc-provider with our package for it (`tests/node-op`), as a process that can be ended and started again.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt as _,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use countersign_authenticator::Timing;
use reqwest::{StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

use crate::{
    Backend, BackendOptions, Credentials, Device, RelyingParty, http,
    person::{browser, form},
    program,
    raw_device::random_text,
    stranger::Stranger,
};

const CLIENT_SECRET: &str = "a secret of the shop that is long enough";

/// One call as it went over the wire.
#[derive(Debug, Clone, Deserialize)]
pub struct Call {
    /// Names in lower case.
    pub headers: serde_json::Map<String, Value>,
    /// As it was sent.
    pub body: String,
    /// What it was answered.
    pub status: u16,
}

impl Call {
    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("both sides send JSON")
    }

    /// Sends it to `url`, with the headers that sign it and `body`.
    pub async fn again(&self, url: &str, body: &str) -> (StatusCode, String) {
        let mut request = http().post(url).header(header::CONTENT_TYPE, "application/json");
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            request = request.header(name, self.headers[name].as_str().expect("it is signed"));
        }
        let answer = request.body(body.to_owned()).send().await.expect("it is answered");
        (answer.status(), answer.text().await.expect("it is text"))
    }
}

/// What the provider sent and what it was sent.
#[derive(Debug, Clone, Deserialize)]
pub struct Calls {
    /// To the backend.
    pub intakes: Vec<Call>,
    /// From the backend.
    pub callbacks: Vec<Call>,
}

/// The provider. It is killed when dropped.
pub struct NodeOp {
    folder: TempDir,
    config: Value,
    process: Option<Child>,
    /// What operator and logs call it.
    pub name: String,
    /// Its issuer.
    pub issuer: String,
}

impl NodeOp {
    /// Starts a provider called `name` on a free port; it has the people `anna` and `bert`.
    #[must_use]
    pub fn start(name: &str) -> Self {
        Self::start_with(name, &json!({}))
    }

    /// As [`Self::start`], with further members of its configuration.
    ///
    /// # Panics
    /// When its packages are not installed, or it does not start.
    #[must_use]
    pub fn start_with(name: &str, more: &Value) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let bytes = format!("{}{}", random_text(), random_text()).replace(['-', '_'], "A");
        let secret = format!("whsec_{}", &bytes[..64]);
        let file = folder.path().join("whsec.txt");
        fs::write(&file, &secret).expect("the secret can be written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("it is its owner's alone");
        let mut config =
            json!({ "folder": folder.path(), "name": name, "secret": secret, "clientSecret": CLIENT_SECRET });
        for (member, value) in more.as_object().expect("further members are an object") {
            config[member] = value.clone();
        }
        let mut op = Self {
            folder,
            config,
            process: None,
            name: name.to_owned(),
            issuer: String::new(),
        };
        op.spawn();
        op
    }

    fn spawn(&mut self) {
        let packages = program::workspace().join("connectors/node-oidc-provider/node_modules");
        assert!(
            packages.exists(),
            "the packages of connectors/node-oidc-provider are not installed, `make test` does that"
        );
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join("op.log"))
            .expect("the log can be written");
        let mut command = Command::new("node");
        command
            .arg(program::workspace().join("tests/node-op/server.mjs"))
            .arg(self.config.to_string());
        if let Some(certificate) = self.config["ca_file"].as_str() {
            command.env("NODE_EXTRA_CA_CERTS", certificate);
        }
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("node can be started");
        let stdout = process.stdout.take().expect("its output is piped");
        let (told, ready) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(issuer) = line.strip_prefix("listening on ") {
                    // Nobody waits any more when the test has failed already.
                    told.send(issuer.to_owned()).ok();
                }
            }
        });
        let Ok(issuer) = ready.recv_timeout(Duration::from_secs(30)) else {
            process.kill().ok();
            process.wait().ok();
            panic!("node-oidc-provider did not get ready:\n{}", self.log());
        };
        let port = Url::parse(&issuer).expect("an issuer is a URL").port();
        self.config["port"] = port.into();
        self.issuer = issuer;
        self.process = Some(process);
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("SIGKILL can be sent");
            process.wait().expect("the process can be reaped");
        }
    }

    /// Starts it again on its port, with what it knew. Who its backend is has to be said again.
    pub fn restart(&mut self) {
        self.kill();
        self.spawn();
    }

    /// Where the backend tells it results.
    #[must_use]
    pub fn callback_url(&self) -> String {
        format!("{}/countersign/callback", self.issuer)
    }

    /// Where it hands over requests at `backend`.
    #[must_use]
    pub fn intake_url(&self, backend: &Backend) -> String {
        format!("{}/connectors/{}/requests", backend.origin, self.name)
    }

    /// What stands in a backend's configuration for it.
    #[must_use]
    pub fn entry(&self) -> String {
        let Self { name, issuer, .. } = self;
        let secret_file = self.folder.path().join("whsec.txt").display().to_string();
        let callback_url = self.callback_url();
        format!(
            "[[connectors.generic]]\nname = {name:?}\nissuer = {issuer:?}\ntitle = \"The {name} people\"\napp_client_id = \"countersign-app\"\n\
             app_scope = \"openid profile\"\nsecret_file = {secret_file:?}\ncallback_url = {callback_url:?}\n\
             scopes = {{ profile = \"See your name\" }}\n"
        )
    }

    /// Starts a backend that serves `ops`, and has them talk to it.
    pub async fn backend(ops: &[&Self], mut options: BackendOptions) -> Backend {
        for op in ops {
            options.config += &op.entry();
        }
        let backend = Backend::start(&options);
        for op in ops {
            op.hand_to(&backend).await;
        }
        backend
    }

    /// Hands requests to `backend` from now on.
    pub async fn hand_to(&self, backend: &Backend) {
        let url = format!("{}/story/backend", self.issuer);
        let answer = http().post(url).body(backend.origin.clone()).send().await;
        assert_eq!(
            answer.expect("the provider answers").status(),
            StatusCode::NO_CONTENT,
            "it knows its backend"
        );
    }

    /// Everything that went over the wire since it started.
    pub async fn calls(&self) -> Calls {
        let answer = http().get(format!("{}/story/calls", self.issuer)).send().await;
        answer
            .expect("the provider answers")
            .json()
            .await
            .expect("calls are JSON")
    }

    /// Its client `id`, `shop` or `shop-ping`.
    pub async fn client(&self, id: &str) -> RelyingParty {
        RelyingParty::discover(&self.issuer, id, Credentials::Basic(CLIENT_SECRET.to_owned())).await
    }

    /// Starts other people's `program` as the client `shop`.
    #[must_use]
    pub fn stranger(&self, program: &str, story: &Value) -> Stranger {
        Stranger::start_at(program, &self.issuer, "shop", CLIENT_SECRET, story)
    }

    /// A new device of `username`, who signs in here.
    pub async fn phone(&self, backend: &Backend, username: &str, name: &str) -> Device {
        let browse = async |url: &Url| self.sign_in(username, url).await;
        let issuer = Some(self.issuer.as_str());
        Device::pair_as(&backend.origin, issuer, name, Timing::default(), browse).await
    }

    /// What `username` does in a browser that was sent to `authorize`, until it has come back to the app.
    pub async fn sign_in(&self, username: &str, authorize: &Url) {
        let browser = browser();
        let mut at = authorize.clone();
        let mut answer = browser.get(at.clone()).send().await.expect("the provider answers");
        for _ in 0..10 {
            let next = answer.headers().get(header::LOCATION);
            if let Some(next) = next.and_then(|next| next.to_str().ok()) {
                at = at.join(next).expect("a location is a URL");
                let back = at.origin() != authorize.origin();
                answer = browser.get(at.clone()).send().await.expect("the browser is answered");
                if back {
                    assert!(answer.status().is_success(), "the app takes its redirect");
                    return;
                }
            } else {
                let page = answer.text().await.expect("a page is text");
                let (action, mut fields) = form(&at, &page);
                fields.push(("login".to_owned(), username.to_owned()));
                fields.push(("password".to_owned(), "any".to_owned()));
                at = action;
                answer = browser
                    .post(at.clone())
                    .form(&fields)
                    .send()
                    .await
                    .expect("the form is taken");
            }
        }
        panic!("signing in has an end: {at}");
    }

    /// What it has written to its log.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("op.log")).unwrap_or_default()
    }
}

impl Drop for NodeOp {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- log of node-oidc-provider {}\n{}", self.name, self.log());
        }
    }
}
