//! A PostgreSQL server of one's own, for tests: a fresh cluster in a temporary folder, reached by a Unix socket in that folder.
//!
//! It needs PostgreSQL's server programs and nothing else: no service, no free port, no account. It ends when its [`Cluster`] is dropped, and also
//! when the process that started it ends in any other way, because a shell between the two reads from a pipe that only that process holds open.
//! Whatever goes wrong panics with a sentence that says what to do, because a test that cannot run has failed.

mod programs;

use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use self::programs::Programs;

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_mins(2);

/// Whether commits survive that the machine loses power. A server that is killed keeps what it committed either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerLoss {
    /// Commits wait for the disk, as in production.
    Survived,
    /// Nobody waits for the disk. For tests that ask what is right, not what is durable: they make hundreds of databases.
    Ignored,
}

/// A running server.
pub struct Cluster {
    folder: TempDir,
    programs: Programs,
    power_loss: PowerLoss,
    keeper: Option<Child>,
    databases: AtomicU32,
}

/// Runs the server `$1` in the folder `$2` until standard input ends, then ends it at once and, unless told to keep them, deletes its files.
const KEEPER: &str = r#"
folder=$2 keep=
{ "$1" -D "$folder/data" >>"$folder/log" 2>&1 </dev/null; echo $? >"$folder/ended"; } &
while read -r line; do keep=$line; done
while ! [ -e "$folder/ended" ]; do
  [ -s "$folder/data/postmaster.pid" ] && kill -QUIT "$(head -n 1 "$folder/data/postmaster.pid")" 2>/dev/null
  sleep 0.05
done
[ -n "$keep" ] || rm -rf -- "$folder"
"#;

impl Cluster {
    /// Makes a cluster and starts its server.
    #[must_use]
    pub fn start(power_loss: PowerLoss) -> Self {
        let programs = Programs::find();
        let folder = tempfile::Builder::new()
            .prefix("pg")
            .tempdir()
            .expect("a temporary folder for PostgreSQL");
        programs.hand_over(folder.path());
        let mut cluster = Self {
            folder,
            programs,
            power_loss,
            keeper: None,
            databases: AtomicU32::new(0),
        };
        let data = cluster.data();
        let initdb = [
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ];
        let mut command = cluster.programs.command("initdb");
        run(command.args(initdb).arg("--pgdata").arg(&data));
        let mut settings = fs::OpenOptions::new()
            .append(true)
            .open(data.join("postgresql.conf"))
            .expect("the cluster's configuration");
        settings
            .write_all(cluster.settings().as_bytes())
            .expect("the cluster's configuration");
        cluster.restart();
        cluster
    }

    fn settings(&self) -> String {
        let fsync = match self.power_loss {
            PowerLoss::Survived => "on",
            PowerLoss::Ignored => "off",
        };
        format!(
            "listen_addresses = ''\nunix_socket_directories = '{}'\nfsync = {fsync}\nmax_connections = 200\nshared_buffers = 32MB\n",
            self.folder.path().display()
        )
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where a database of this name is.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let folder = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://postgres@{folder}/{database}")
    }

    /// Makes a new, empty database and says where it is.
    #[must_use]
    pub fn database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("create database {name}"));
        self.url(&name)
    }

    /// Removes a database that [`Cluster::database`] made and that nobody uses any more.
    pub fn remove(&self, database: &str) {
        let name = database.rsplit('/').next().unwrap_or(database);
        self.sql("postgres", &format!("drop database {name}"));
    }

    /// Runs statements as the superuser and returns what they print, columns separated by `|`. `database` is a name or what [`Cluster::database`] returned.
    #[must_use]
    pub fn query(&self, database: &str, sql: &str) -> String {
        let name = database.rsplit('/').next().unwrap_or(database);
        let mut command = self.programs.command("psql");
        command
            .args([
                "--no-psqlrc",
                "--quiet",
                "--tuples-only",
                "--no-align",
                "--set=ON_ERROR_STOP=1",
            ])
            .arg("--host")
            .arg(self.folder.path())
            .args(["--username=postgres", "--dbname", name, "--command", sql]);
        run(&mut command)
    }

    /// As [`Cluster::query`], for statements that print nothing.
    pub fn sql(&self, database: &str, sql: &str) {
        let _ = self.query(database, sql);
    }

    /// Kills the server as a power failure would end it, without a chance to write anything.
    pub fn kill(&mut self) {
        let pid_file = fs::read_to_string(self.data().join("postmaster.pid")).expect("the server's process id");
        let pid = pid_file.lines().next().expect("the server's process id");
        run(Command::new("kill").args(["-KILL", pid]));
        let killed = Instant::now();
        while !self.has_ended() {
            assert!(killed.elapsed() < PATIENCE, "PostgreSQL outlives a kill");
            pause();
        }
        self.keep_files();
        self.reap();
    }

    fn keep_files(&mut self) {
        if let Some(keeper) = &mut self.keeper
            && let Some(input) = &mut keeper.stdin
        {
            input.write_all(b"keep\n").expect("the server's keeper listens");
        }
    }

    /// Starts the server again.
    pub fn restart(&mut self) {
        let started = Instant::now();
        while !self.boot() {
            // The processes of a server that was killed need a moment to notice.
            let waiting = self
                .log()
                .lines()
                .rev()
                .take(3)
                .any(|line| line.contains("shared memory block"));
            assert!(
                waiting && started.elapsed() < PATIENCE,
                "PostgreSQL does not start:\n{}",
                self.log()
            );
            pause();
        }
    }

    /// Starts the server and waits until it accepts connections. False when it has ended instead.
    fn boot(&mut self) -> bool {
        let _ = fs::remove_file(self.folder.path().join("ended"));
        let mut command = self.programs.as_server_user("/bin/sh");
        let keeper = command
            .args(["-c", KEEPER, "keeper"])
            .arg(self.programs.path("postgres"))
            .arg(self.folder.path())
            .stdin(Stdio::piped())
            .spawn()
            .expect("a shell that runs PostgreSQL");
        self.keeper = Some(keeper);
        let started = Instant::now();
        loop {
            if self.accepts() {
                return true;
            }
            if self.has_ended() {
                self.keep_files();
                self.reap();
                return false;
            }
            assert!(
                started.elapsed() < PATIENCE,
                "PostgreSQL does not accept connections:\n{}",
                self.log()
            );
            pause();
        }
    }

    fn has_ended(&self) -> bool {
        self.folder.path().join("ended").exists()
    }

    fn accepts(&self) -> bool {
        let mut command = self.programs.command("pg_isready");
        let status = command.arg("--quiet").arg("--host").arg(self.folder.path()).status();
        status.is_ok_and(|status| status.success())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn reap(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            let _ = keeper.wait();
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.reap();
    }
}

/// Runs a program to its end and returns what it printed.
fn run(command: &mut Command) -> String {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[expect(
    clippy::disallowed_methods,
    reason = "another process tells nobody when it is ready, so it is asked again and again"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}
