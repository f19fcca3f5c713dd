//! The real backend as a process.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    time::Duration,
};

use tempfile::TempDir;

use crate::{program, raw_device::random_text};

/// How a test wants its backend.
#[derive(Default)]
pub struct BackendOptions {
    /// TOML in place of the test defaults; `[storage]` is there already.
    pub config: String,
    /// Environment variables of the server.
    pub environment: Vec<(&'static str, String)>,
    /// The PostgreSQL database, in place of a SQLite file.
    pub database_url: Option<String>,
    /// The key-encryption key that goes with the database, where others have it, too.
    pub secret: Option<String>,
    /// Whether the server is the build that fails where it is told to, see [`Backend::fail_at`].
    pub failpoints: bool,
}

impl BackendOptions {
    /// Options with this configuration.
    #[must_use]
    pub fn with(config: &str) -> Self {
        Self {
            config: config.to_owned(),
            ..Self::default()
        }
    }
}

/// A backend with a database of its own. It is killed when dropped.
pub struct Backend {
    folder: TempDir,
    process: Option<Child>,
    environment: Vec<(&'static str, String)>,
    failpoints: bool,
    fails_at: Option<String>,
    listen: String,
    /// Issuer and origin.
    pub origin: String,
}

impl Backend {
    /// Starts a backend on a free port with an empty database.
    #[must_use]
    pub fn start(options: &BackendOptions) -> Self {
        let mut backend = Self::prepare(options);
        backend.spawn();
        backend
    }

    /// A backend that does not run yet: a configuration and a folder for its database.
    #[must_use]
    pub fn prepare(options: &BackendOptions) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let database = folder.path().join("countersign.db");
        let mut head = format!("[storage]\npath = {:?}\n", database.display().to_string());
        if let Some(url) = &options.database_url {
            let secret = folder.path().join("secret.key");
            let kept = options.secret.clone().unwrap_or_else(random_text);
            fs::write(&secret, kept).expect("the key-encryption key can be written");
            fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("it is its owner's alone");
            let secret = secret.display().to_string();
            write!(head, "url = {url:?}\nsecret_file = {secret:?}\n").expect("text can be written");
        }
        let config = if options.config.is_empty() {
            DEFAULTS
        } else {
            &options.config
        };
        fs::write(folder.path().join("config.toml"), format!("{head}{config}"))
            .expect("the configuration can be written");
        Self {
            folder,
            process: None,
            environment: options.environment.clone(),
            failpoints: options.failpoints,
            fails_at: None,
            listen: "127.0.0.1:0".to_owned(),
            origin: String::new(),
        }
    }

    /// Starts the server where it must refuse to start; returns what it says.
    ///
    /// # Panics
    /// When it starts, or does not end within 30 s.
    #[must_use]
    pub fn refused(&self, listen: &str) -> String {
        let log = tempfile::NamedTempFile::new().expect("a temporary file can be made");
        let mut process = self
            .server(listen)
            .stdout(Stdio::piped())
            .stderr(log.reopen().expect("the file is there"))
            .spawn()
            .expect("the backend can be started");
        // A server that starts says so on its standard output; one that refuses closes it in silence.
        let (told, said) = mpsc::channel();
        let stdout = process.stdout.take().expect("its output is piped");
        std::thread::spawn(move || told.send(BufReader::new(stdout).lines().next().is_some()));
        let started = said.recv_timeout(Duration::from_secs(30));
        if started != Ok(false) {
            process.kill().ok();
        }
        let status = process.wait().expect("the process can be reaped");
        let text = fs::read_to_string(log.path()).unwrap_or_default();
        assert_eq!(started, Ok(false), "the server refuses to start: {text}");
        assert_eq!(status.code(), Some(1), "a refusal to start is an error: {text}");
        text
    }

    fn server(&self, listen: &str) -> Command {
        let server = if self.failpoints {
            program::build("countersign", "countersign-failpoints", &["failpoints"])
        } else {
            program::build("countersign", "countersign", &[])
        };
        let mut command = Command::new(server);
        command
            .args(["serve", "--config"])
            .arg(self.config_path())
            .env("COUNTERSIGN_SERVER__LISTEN", listen)
            .envs(self.fails_at.iter().map(|point| (FAILPOINT, point)))
            .envs(self.environment.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::null());
        command
    }

    fn spawn(&mut self) {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_path())
            .expect("the log can be written");
        let mut process = self
            .server(&self.listen)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the backend can be started");
        let stdout = process.stdout.take().expect("its output is piped");
        let (told, ready) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(origin) = line.strip_prefix("listening on ") {
                    // Nobody waits any more when the test has failed already.
                    told.send(origin.to_owned()).ok();
                }
            }
        });
        let Ok(origin) = ready.recv_timeout(Duration::from_secs(30)) else {
            process.kill().ok();
            process.wait().ok();
            panic!("the backend did not get ready:\n{}", self.log());
        };
        self.origin = origin;
        self.process = Some(process);
        self.listen = self.bound();
    }

    /// Ends the backend as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("SIGKILL can be sent");
            process.wait().expect("the process can be reaped");
        }
    }

    /// Has the server fail at `point` (`POINT:HIT:abort` or `POINT:HIT:stall`) from its next start on, or nowhere.
    pub fn fail_at(&mut self, point: Option<&str>) {
        assert!(self.failpoints, "the server is a build with failpoints");
        self.fails_at = point.map(str::to_owned);
    }

    /// Whether the server has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        let process = self.process.as_mut().expect("the backend was started");
        process.try_wait().expect("the process can be asked for").is_some()
    }

    /// Starts the server on its port and ends it as a power cut would, after `moment`, ready or not.
    pub fn start_and_kill(&mut self, moment: Duration) {
        let log = fs::OpenOptions::new().append(true).open(self.log_path());
        let mut command = self.server(&self.listen);
        command
            .stdout(Stdio::null())
            .stderr(log.expect("the log can be written"));
        let mut process = command.spawn().expect("the backend can be started");
        let (_never, elapsed) = mpsc::channel::<()>();
        elapsed.recv_timeout(moment).ok();
        process.kill().expect("SIGKILL can be sent");
        process.wait().expect("the process can be reaped");
    }

    /// Leaves the folder with database and log where it is; returns it.
    pub fn keep(&mut self) -> PathBuf {
        self.folder.disable_cleanup(true);
        self.folder.path().to_owned()
    }

    /// Asks the backend to end, as an operator would, and waits for it.
    pub fn stop(&mut self) -> std::process::ExitStatus {
        let mut process = self.process.take().expect("the backend runs");
        let pid = rustix::process::Pid::from_child(&process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("SIGTERM can be sent");
        process.wait().expect("the process can be reaped")
    }

    /// Starts the backend again on the same port and database.
    pub fn restart(&mut self) {
        let origin = self.origin.clone();
        self.spawn();
        assert_eq!(self.origin, origin, "issuer and origin survive a restart");
    }

    /// Address and port that the server has bound, as its log says.
    fn bound(&self) -> String {
        let log = self.log();
        let ready = log.lines().rfind(|line| line.contains("\"bound\""));
        let ready = ready.and_then(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let bound = ready.and_then(|line| line["fields"]["bound"].as_str().map(str::to_owned));
        bound.expect("the server logs the address it has bound")
    }

    /// The certificate that a backend over https made for itself.
    #[must_use]
    pub fn certificate(&self) -> Option<PathBuf> {
        let made = self.folder.path().join("countersign.db.crt");
        made.exists().then_some(made)
    }

    /// Address and port.
    #[must_use]
    pub fn listen(&self) -> &str {
        &self.listen
    }

    /// As if it were told to listen there, for the commands that follow.
    #[must_use]
    pub fn at(mut self, listen: &str) -> Self {
        listen.clone_into(&mut self.listen);
        self
    }

    /// Runs an operator's command on the same database.
    #[must_use]
    pub fn command(&self, arguments: &[&str], stdin: &str) -> Output {
        let (words, options): (Vec<&str>, Vec<&str>) = {
            let split = arguments
                .iter()
                .position(|word| word.starts_with("--"))
                .unwrap_or(arguments.len());
            (arguments[..split].to_vec(), arguments[split..].to_vec())
        };
        let mut child = Command::new(program::build("countersign", "countersign", &[]))
            .args(words)
            .arg("--config")
            .arg(self.config_path())
            .args(options)
            .env("COUNTERSIGN_SERVER__LISTEN", self.listen())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command can be started");
        child
            .stdin
            .take()
            .expect("its input is piped")
            .write_all(stdin.as_bytes())
            .ok();
        child.wait_with_output().expect("the command ends")
    }

    /// Runs an operator's command that has to succeed; returns what it printed.
    #[must_use]
    pub fn succeed(&self, arguments: &[&str], stdin: &str) -> String {
        let output = self.command(arguments, stdin);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "countersign {arguments:?}: {error}");
        String::from_utf8(output.stdout)
            .expect("commands print UTF-8")
            .trim()
            .to_owned()
    }

    /// Everything the server has written to standard error so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The database file.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.folder.path().join("countersign.db")
    }

    /// The server's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("the backend runs").id()
    }

    /// A folder that goes with the backend; its database is there.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration file.
    #[must_use]
    pub fn config_path(&self) -> PathBuf {
        self.folder.path().join("config.toml")
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }
}

/// What a build with failpoints reads.
pub const FAILPOINT: &str = "FAILPOINT_OF_COUNTERSIGN";

/// Polls may come every second, so that stories take seconds.
const DEFAULTS: &str = "[op]\ninterval = 1\n";

impl Drop for Backend {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- log of the backend\n{}", self.log());
        }
    }
}
