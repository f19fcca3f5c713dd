use std::path::{Path, PathBuf};

use countersign_clock::Millis;

use super::{Verdict, chain, ill, ok, skipped};
use crate::{
    config::Config,
    storage::{Inspection, StorageError, StoreKind, inspect_file, inspect_server},
};

const MIB: u64 = 1024 * 1024;
/// Less free space than this may be gone before somebody looks again.
const LEAST_FREE: u64 = 256 * MIB;
/// The server merges its log at about 32 MiB; ten times as much means that something keeps it from doing so.
const LARGEST_LOG: u64 = 320 * MIB;
/// Nothing was decided before this program was written: 2026-01-01.
const EARLIEST: Millis = 1_767_225_600_000;
/// Clocks of machines that follow one source differ by less.
const SKEW: Millis = 5 * 60 * 1000;
/// Between a node and its database, the way included. More would blur deadlines.
const APART: Millis = 5_000;
const NO_DATABASE: &str = "there is no database to look at";

/// Looks at the file, or at the database on its server.
pub(super) async fn look(config: &Config) -> Result<Inspection, StorageError> {
    match config.storage.database_url() {
        Ok(Some(url)) => inspect_server(url.expose()).await,
        Ok(None) => inspect_file(&config.storage.path),
        Err(error) => Err(StorageError::Unavailable(Box::new(error))),
    }
}

/// Whether the database opens, is of a version that we know, and is nobody else's to read.
pub(super) fn database(config: &Config, look: Result<&Inspection, &StorageError>) -> Verdict {
    let (name, remedy) = if config.storage.is_postgres() {
        let remedy = "look at [storage] url, the server, and the rights of its user";
        ("the PostgreSQL database".to_owned(), remedy)
    } else {
        let path = &config.storage.path;
        if let Some(verdict) = missing_or_open(path) {
            return verdict;
        }
        let remedy = "look whether the user may read and write it; if it is damaged, `countersign restore` a backup";
        (path.display().to_string(), remedy)
    };
    match look {
        Err(error) => ill(format!("{name} cannot be opened: {}", chain(error)), remedy),
        Ok(found) if found.schema > found.known => ill(
            format!(
                "{name} has schema version {}, this program knows up to {}",
                found.schema, found.known
            ),
            "install the newer program, or restore an older backup",
        ),
        Ok(found) => {
            let version = if found.schema < found.known {
                format!(
                    "schema version {} of {}: the next start updates it",
                    found.schema, found.known
                )
            } else {
                format!("schema version {}", found.schema)
            };
            let used = match found.kind {
                StoreKind::File { in_use: true, .. } => ", a server has it",
                StoreKind::File { in_use: false, .. } => ", no server has it",
                StoreKind::Server { .. } => "",
            };
            ok(format!("{name}, {version}{used}"))
        }
    }
}

fn missing_or_open(path: &Path) -> Option<Verdict> {
    let name = path.display();
    if !path.exists() {
        let folder = folder_of(path);
        return Some(if folder.is_dir() {
            ok(format!("there is no {name} yet; the first start makes it"))
        } else {
            ill(
                format!("there is no {name}, nor a folder {} to make it in", folder.display()),
                "make the folder, or correct [storage] path",
            )
        });
    }
    let mode = open_to_others(path, 0o077)?;
    Some(ill(
        format!("{name} can be read by others (mode {mode:o})"),
        format!("chmod 600 {name}; if strangers could read it, rotate keys and client secrets"),
    ))
}

/// Whether the pages of the file are whole.
pub(super) fn integrity(look: Option<&Inspection>) -> Verdict {
    match look.map(|look| &look.kind) {
        None => skipped(NO_DATABASE),
        Some(StoreKind::Server { .. }) => skipped("PostgreSQL looks after its pages"),
        Some(StoreKind::File { fault: None, bytes, .. }) => {
            ok(format!("all of its {} MiB are whole", bytes.div_ceil(MIB)))
        }
        Some(StoreKind::File { fault: Some(fault), .. }) => ill(
            format!("the database is damaged: {fault}"),
            "stop the server and `countersign restore` the latest backup",
        ),
    }
}

/// Whether there is room to write.
pub(super) fn disk(config: &Config, look: Option<&Inspection>) -> Verdict {
    let bytes = match look.map(|look| &look.kind) {
        Some(StoreKind::Server { .. }) => return skipped("the database is on its own server"),
        Some(StoreKind::File { bytes, .. }) => *bytes,
        None => 0,
    };
    let folder = folder_of(&config.storage.path);
    let Some(free) = free_bytes(&folder) else {
        return skipped("this system does not say how much room there is");
    };
    // A copy of the database is made beside it when a backup is restored.
    let least = LEAST_FREE.max(bytes);
    let (free_mib, least_mib) = (free / MIB, least / MIB);
    if free < least {
        return ill(
            format!("{} has {free_mib} MiB left, less than {least_mib}", folder.display()),
            "make room: without it nothing is stored, and every request fails",
        );
    }
    ok(format!("{free_mib} MiB left"))
}

/// Whether the log of the database is merged from time to time.
pub(super) fn log(look: Option<&Inspection>) -> Verdict {
    match look.map(|look| &look.kind) {
        None => skipped(NO_DATABASE),
        Some(StoreKind::Server { .. }) => skipped("PostgreSQL looks after its log"),
        Some(StoreKind::File { log_bytes, .. }) if *log_bytes > LARGEST_LOG => ill(
            format!("the log of the database has grown to {} MiB", log_bytes / MIB),
            "some program keeps the database open for reading: end it, or restart the server",
        ),
        Some(StoreKind::File { log_bytes, .. }) => ok(format!("{} MiB to be merged", log_bytes.div_ceil(MIB))),
    }
}

/// Whether the clock can be right.
pub(super) fn clock(look: Option<&Inspection>, now: Millis) -> Verdict {
    let remedy = "set the clock, and let it follow a time server: deadlines and signatures depend on it";
    if now < EARLIEST {
        return ill("the clock stands before this program was written", remedy);
    }
    if let Some(StoreKind::Server { now: theirs }) = look.map(|look| &look.kind) {
        let apart = (now - theirs).abs();
        if apart > APART {
            return ill(
                format!(
                    "the clock is {} seconds apart from that of the PostgreSQL server",
                    apart / 1000
                ),
                remedy,
            );
        }
    }
    match look.and_then(|look| look.latest) {
        Some(latest) if latest > now + SKEW => ill(
            format!(
                "the clock stands {} seconds before the latest entry of the database",
                (latest - now) / 1000
            ),
            remedy,
        ),
        _ => ok("it is not behind anything that is known"),
    }
}

/// The permission bits, when they give something to those that `mask` means.
#[cfg(unix)]
pub(super) fn open_to_others(path: &Path, mask: u32) -> Option<u32> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).ok()?.permissions()) & 0o777;
    (mode & mask != 0).then_some(mode)
}

#[cfg(not(unix))]
pub(super) fn open_to_others(_: &Path, _: u32) -> Option<u32> {
    None
}

#[cfg(unix)]
fn free_bytes(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

#[cfg(not(unix))]
fn free_bytes(_: &Path) -> Option<u64> {
    None
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> Inspection {
        with(MIB, 0)
    }

    fn with(bytes: u64, log_bytes: u64) -> Inspection {
        Inspection {
            schema: 1,
            known: 1,
            latest: Some(EARLIEST + 1_000_000),
            kind: StoreKind::File {
                fault: None,
                bytes,
                log_bytes,
                in_use: false,
            },
        }
    }

    fn is_ill(verdict: &Verdict) -> bool {
        matches!(verdict, Verdict::Ill { .. })
    }

    #[test]
    fn a_clock_that_went_back_is_noticed() {
        let latest = EARLIEST + 1_000_000;
        for (now, expected) in [
            (0, true),
            (latest - SKEW - 1, true),
            (latest - SKEW, false),
            (latest + 1, false),
        ] {
            assert_eq!(is_ill(&clock(Some(&whole()), now)), expected, "{now}");
        }
        assert!(!is_ill(&clock(None, EARLIEST)));
    }

    #[test]
    fn clocks_that_are_apart_are_noticed() {
        let now = EARLIEST + 2_000_000;
        for (theirs, expected) in [
            (now, false),
            (now + APART, false),
            (now + APART + 1, true),
            (now - APART - 1, true),
        ] {
            let look = Inspection {
                kind: StoreKind::Server { now: theirs },
                ..whole()
            };
            assert_eq!(is_ill(&clock(Some(&look), now)), expected, "{theirs}");
        }
    }

    #[test]
    fn a_log_that_is_never_merged_is_noticed() {
        assert!(is_ill(&log(Some(&with(MIB, LARGEST_LOG + 1)))));
        assert!(!is_ill(&log(Some(&whole()))));
    }

    #[test]
    fn a_disk_without_room_for_a_copy_is_noticed() {
        let config = Config::from_toml("").unwrap();
        if free_bytes(Path::new(".")).is_some() {
            assert!(is_ill(&disk(&config, Some(&with(u64::MAX, 0)))));
        }
    }
}
