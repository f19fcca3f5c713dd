//! A desktop of its own for a test: display, window manager, session bus, unlocked keyring, each a process that ends with the test.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// A process that is killed when dropped.
pub struct Helper(Child);

impl Helper {
    /// Starts `command`.
    ///
    /// # Panics
    /// When the program is not installed.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let program = command.get_program().to_string_lossy().into_owned();
        Self(
            command
                .spawn()
                .unwrap_or_else(|error| panic!("{program} cannot be started, is it installed? {error}")),
        )
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Its standard output.
    ///
    /// # Panics
    /// When it is not piped or taken already.
    pub fn stdout(&mut self) -> BufReader<std::process::ChildStdout> {
        BufReader::new(self.0.stdout.take().expect("its output is piped"))
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // It may have ended already.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Whether the desktop has a Secret Service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyring {
    /// An unlocked GNOME keyring.
    Unlocked,
    /// None at all.
    None,
}

/// A desktop without a screen.
pub struct Desktop {
    folder: TempDir,
    environment: Vec<(String, String)>,
    // Ended in this order: clients before the servers they talk to.
    _keyring: Option<Helper>,
    _manager: Helper,
    _bus: Helper,
    _display: Helper,
}

impl Desktop {
    /// Starts a desktop of `size`, such as `1024x768`.
    ///
    /// # Panics
    /// When a program is missing or does not get ready within 20 s.
    #[must_use]
    pub fn start(size: &str, keyring: Keyring) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let runtime = folder.path().join("run");
        let home = folder.path().join("home");
        for path in [&runtime, &home] {
            fs::create_dir(path).expect("a folder can be made");
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).expect("it can be made private");
        }
        let mut display = Helper::start(
            Command::new("Xvfb")
                .args([
                    "-displayfd",
                    "1",
                    "-screen",
                    "0",
                    &format!("{size}x24"),
                    "-nolisten",
                    "tcp",
                ])
                .stdout(Stdio::piped())
                .stderr(Stdio::null()),
        );
        let mut number = String::new();
        display.stdout().read_line(&mut number).expect("Xvfb tells its display");
        let mut environment = vec![
            ("DISPLAY".to_owned(), format!(":{}", number.trim())),
            ("HOME".to_owned(), home.display().to_string()),
            ("XDG_RUNTIME_DIR".to_owned(), runtime.display().to_string()),
            ("LIBGL_ALWAYS_SOFTWARE".to_owned(), "1".to_owned()),
            ("NO_AT_BRIDGE".to_owned(), "1".to_owned()),
        ];
        let mut bus = Helper::start(
            Command::new("dbus-daemon")
                .args(["--session", "--nofork", "--print-address=1"])
                .envs(environment.iter().cloned())
                .stdout(Stdio::piped())
                .stderr(Stdio::null()),
        );
        let mut address = String::new();
        bus.stdout().read_line(&mut address).expect("the bus tells its address");
        environment.push(("DBUS_SESSION_BUS_ADDRESS".to_owned(), address.trim().to_owned()));
        let quiet = |program: &str| {
            let mut command = Command::new(program);
            command
                .envs(environment.iter().cloned())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command
        };
        let manager = Helper::start(&mut quiet("openbox"));
        let unlocked = keyring == Keyring::Unlocked;
        let keyring = unlocked.then(|| {
            let mut command = quiet("gnome-keyring-daemon");
            command
                .args(["--unlock", "--components=secrets", "--foreground"])
                .stdin(Stdio::piped());
            let mut helper = Helper::start(&mut command);
            let mut stdin = helper.0.stdin.take().expect("its input is piped");
            stdin.write_all(b"test").expect("the keyring takes its password");
            drop(stdin);
            helper
        });
        let desktop = Self {
            folder,
            environment,
            _keyring: keyring,
            _manager: manager,
            _bus: bus,
            _display: display,
        };
        if unlocked {
            desktop.wait_for_keyring();
        }
        desktop
    }

    fn wait_for_keyring(&self) {
        let started = Instant::now();
        loop {
            let mut store = self.command("timeout");
            // A keyring that is not open yet may ask, and nobody would answer.
            store
                .args(["5", "secret-tool", "store", "--label=probe", "probe", "probe"])
                .stdin(Stdio::piped())
                .stderr(Stdio::null());
            let mut child = store.spawn().expect("secret-tool is installed");
            child.stdin.take().expect("its input is piped").write_all(b"x").ok();
            if child.wait().expect("secret-tool ends").success() {
                return;
            }
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "the keyring did not get ready"
            );
        }
    }

    /// A command with this desktop's environment.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.envs(self.environment.iter().cloned());
        command
    }

    /// A folder that goes with the desktop.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A program that stands in for the system browser: it writes down the address it is given. Returns its path and the file it writes.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn browser_shim(&self) -> (PathBuf, PathBuf) {
        let (shim, opened) = (self.folder.path().join("browser"), self.folder.path().join("opened"));
        let script = format!(
            "#!/bin/sh\nprintf '%s' \"$1\" > '{0}.part' && mv '{0}.part' '{0}'\n",
            opened.display()
        );
        fs::write(&shim, script).expect("the shim can be written");
        fs::set_permissions(&shim, fs::Permissions::from_mode(0o755)).expect("the shim can be made executable");
        (shim, opened)
    }

    /// Writes what is on the screen to `path`, as PNG.
    ///
    /// # Panics
    /// When no picture can be taken.
    pub fn picture(&self, path: &Path) {
        let taken = self
            .command("import")
            .args(["-window", "root"])
            .arg(path)
            .status()
            .expect("import is installed");
        assert!(taken.success(), "the screen can be pictured");
    }
}

/// The port of 127.0.0.1 on which process `pid` listens, once it does.
///
/// # Panics
/// When it does not within 20 s.
#[must_use]
pub fn listening_port(pid: u32) -> u16 {
    let started = Instant::now();
    loop {
        if let Some(port) = find_port(pid) {
            return port;
        }
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "process {pid} does not listen"
        );
        std::thread::yield_now();
    }
}

/// Listening sockets are state 0A in `/proc/net/tcp`; a process's sockets are links in its `fd` folder (proc(5)).
fn find_port(pid: u32) -> Option<u16> {
    let mut table = String::new();
    fs::File::open("/proc/net/tcp").ok()?.read_to_string(&mut table).ok()?;
    let links: Vec<String> = fs::read_dir(format!("/proc/{pid}/fd"))
        .ok()?
        .filter_map(|entry| Some(fs::read_link(entry.ok()?.path()).ok()?.display().to_string()))
        .collect();
    table.lines().skip(1).find_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (local, state, inode) = (columns.get(1)?, columns.get(3)?, columns.get(9)?);
        let ours = *state == "0A" && links.contains(&format!("socket:[{inode}]"));
        ours.then(|| u16::from_str_radix(local.split(':').nth(1)?, 16).ok())
            .flatten()
    })
}
