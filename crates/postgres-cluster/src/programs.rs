use std::{
    fs,
    os::unix::fs::{MetadataExt as _, chown},
    path::{Path, PathBuf},
    process::Command,
};

/// Whom a server runs as when the tests run as root, which PostgreSQL refuses: nobody.
const NOBODY: u32 = 65534;

/// PostgreSQL's server programs, and whom they run as.
pub(crate) struct Programs {
    folder: PathBuf,
    as_nobody: bool,
}

impl Programs {
    pub(crate) fn find() -> Self {
        let folder = candidates()
            .into_iter()
            .find(|folder| ["initdb", "postgres", "psql", "pg_isready"].iter().all(|name| folder.join(name).exists()))
            .expect(
                "PostgreSQL's server programs are missing: install them (Debian: apt-get install postgresql) or put the folder of `initdb` on the PATH",
            );
        Self {
            folder,
            as_nobody: is_root(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn command(&self, name: &str) -> Command {
        self.as_server_user(self.path(name))
    }

    pub(crate) fn as_server_user(&self, program: impl AsRef<Path>) -> Command {
        let mut command = if self.as_nobody {
            let mut command = Command::new("setpriv");
            let id = NOBODY.to_string();
            command
                .args(["--reuid", &id, "--regid", &id, "--clear-groups"])
                .arg(program.as_ref());
            command
        } else {
            Command::new(program.as_ref())
        };
        // What the surroundings say about another server is none of this one's business.
        for name in [
            "PGHOST",
            "PGPORT",
            "PGUSER",
            "PGDATABASE",
            "PGPASSWORD",
            "PGDATA",
            "PGOPTIONS",
        ] {
            command.env_remove(name);
        }
        command.current_dir("/");
        command
    }

    /// Gives the folder to whom the server runs as.
    pub(crate) fn hand_over(&self, folder: &Path) {
        if self.as_nobody {
            chown(folder, Some(NOBODY), Some(NOBODY)).expect("the cluster's folder can be given away");
        }
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Where the programs may be: what `pg_config` says, the PATH, and Debian's folders, newest first.
fn candidates() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        folders.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    debian.sort();
    folders.extend(debian.into_iter().rev());
    folders
}
