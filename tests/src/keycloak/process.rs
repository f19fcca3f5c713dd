//! The process of Keycloak and its home.

use std::{
    fs,
    io::Write as _,
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::program;

/// How long Keycloak may take to start or to stop on a machine that does much else.
const PATIENCE: Duration = Duration::from_mins(3);

/// What it says when it is ready.
const READY: &str = "Listening on: http://127.0.0.1:";

/// Runs the rest of its arguments with the log `$1/log` until standard input ends, then ends it: gently when it was told `keep` before, which leaves `$1` alone.
const KEEPER: &str = r#"
folder=$1 keep=
shift
# Whoever ends the whole group of processes ends the reading alone; the rest is tidied up.
trap : HUP INT TERM
"$@" >>"$folder/log" 2>&1 </dev/null &
pid=$!
echo "$pid" >"$folder/pid.new"
mv "$folder/pid.new" "$folder/pid"
while read -r line; do keep=$line; done
kill -CONT "$pid" 2>/dev/null
if [ -n "$keep" ]; then kill -TERM "$pid" 2>/dev/null; else kill -KILL "$pid" 2>/dev/null; fi
{ wait "$pid"; } 2>/dev/null
[ -n "$keep" ] || rm -rf -- "$folder"
"#;

/// A Keycloak on a port of 127.0.0.1.
pub(super) struct Process {
    home: TempDir,
    channel: String,
    port: u16,
    keeper: Option<Child>,
}

impl Process {
    /// Starts a server that sends to `channel`.
    pub(super) fn start(channel: &str) -> Self {
        let home = tempfile::Builder::new()
            .prefix("keycloak")
            .tempdir()
            .expect("a temporary folder for Keycloak");
        let fetched = Command::new(script())
            .arg("fetch")
            .arg(home.path())
            .status()
            .expect("bash can be started");
        assert!(
            fetched.success(),
            "Keycloak is not to be had, and no story about it can be told: `scripts/keycloak.sh` says above what is missing"
        );
        let mut process = Self {
            home,
            channel: channel.to_owned(),
            port: 0,
            keeper: None,
        };
        process.boot();
        process
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    fn boot(&mut self) {
        // What the server of before said must not be taken for its successor's word.
        for file in ["log", "pid"] {
            fs::remove_file(self.file(file)).ok();
        }
        let channel = "--spi-ciba-auth-channel--ciba-http-auth-channel--http-authentication-channel-uri";
        let keeper = Command::new("/bin/sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(self.home.path())
            .arg(script())
            .arg("start")
            .arg(self.home.path())
            .args([
                "--http-enabled=true",
                "--http-host=127.0.0.1",
                "--hostname-strict=false",
            ])
            .arg(format!("--http-port={}", self.port))
            .arg(format!("{channel}={}", self.channel))
            .stdin(Stdio::piped())
            .spawn()
            .expect("a shell that runs Keycloak");
        self.keeper = Some(keeper);
        let started = Instant::now();
        loop {
            let log = self.log();
            if let Some(port) = ready(&log) {
                self.port = port;
                return;
            }
            let late = started.elapsed() > PATIENCE || self.pid().is_some_and(|pid| !runs(pid));
            assert!(!late, "Keycloak does not start:\n{log}");
            pause();
        }
    }

    pub(super) fn stop(&mut self) {
        let Some(mut keeper) = self.keeper.take() else { return };
        let mut input = keeper.stdin.take().expect("its input is piped");
        input.write_all(b"keep\n").expect("the keeper listens");
        drop(input);
        keeper.wait().expect("the keeper can be reaped");
    }

    pub(super) fn restart(&mut self) {
        self.stop();
        self.boot();
    }

    /// Undoes what a story that failed may have left behind.
    pub(super) fn tidy_up(&mut self) {
        if self.keeper.is_none() {
            self.boot();
        }
        self.go_on();
    }

    pub(super) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub(super) fn go_on(&self) {
        self.signal(Signal::CONT);
        // Who was stopped takes a moment to be back; the kernel alone would take a connection at once.
        assert!(TcpStream::connect(("127.0.0.1", self.port)).is_ok(), "Keycloak listens");
    }

    fn signal(&self, signal: Signal) {
        let pid = self.pid().expect("Keycloak runs");
        let pid = Pid::from_raw(pid).expect("a process id is positive");
        kill_process(pid, signal).expect("Keycloak takes signals");
    }

    fn pid(&self) -> Option<i32> {
        fs::read_to_string(self.file("pid")).ok()?.trim().parse().ok()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.file("log")).unwrap_or_default()
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.home.path().join(name)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            keeper.wait().ok();
        }
    }
}

fn script() -> std::path::PathBuf {
    program::workspace().join("scripts/keycloak.sh")
}

/// The port of a server that says it is ready.
fn ready(log: &str) -> Option<u16> {
    let (_, rest) = log.split_once(READY)?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Whether the process is there and has not ended.
fn runs(pid: i32) -> bool {
    let state = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).unwrap_or_default();
    state
        .rsplit(") ")
        .next()
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

#[expect(
    clippy::disallowed_methods,
    reason = "another process tells nobody when it is ready, so its log is read again and again"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}
