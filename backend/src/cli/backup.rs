//! `countersign backup`, `restore` and `after-restore`.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use countersign_clock::{Clock as _, OsRandom, SystemClock};

use super::{ConfigFile, verify::utc};
use crate::{
    config::Config,
    keys::{KeyRing, key_encryption_key},
    storage::{AfterRestore, Ended, PostgresStorage, Recovery, Restoration, Role, SigningKeys, SqliteStorage, back_up},
};

/// How long a client assertion can be good, milliseconds: what was presented after the backup was made is not known to be used.
const ASSERTION_MILLIS: i64 = 630_000;

/// Where the backup goes.
#[derive(Debug, clap::Args)]
pub struct BackupArgs {
    /// New file
    file: PathBuf,
    #[command(flatten)]
    config: ConfigFile,
}

/// What is restored.
#[derive(Debug, clap::Args)]
pub struct RestoreArgs {
    /// A file that `countersign backup` made
    file: PathBuf,
    /// Take the place of the database that is there; it is kept beside the new one, as `<path>.replaced`
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    devices: DeviceArgs,
    #[command(flatten)]
    config: ConfigFile,
}

/// What is ended after a restore by other means.
#[derive(Debug, clap::Args)]
pub struct AfterRestoreArgs {
    #[command(flatten)]
    devices: DeviceArgs,
    #[command(flatten)]
    config: ConfigFile,
}

#[derive(Debug, clap::Args)]
struct DeviceArgs {
    /// Revoke every device, so that everybody pairs again: when devices were lost or stolen since the backup was made
    #[arg(long)]
    revoke_devices: bool,
}

/// `countersign backup`
///
/// # Errors
/// With a sentence for the operator.
pub fn back_up_to(args: &BackupArgs) -> anyhow::Result<()> {
    let config = args.config.load()?;
    ensure!(
        !config.storage.is_postgres(),
        "the store is a PostgreSQL database: back it up with pg_dump or point-in-time recovery"
    );
    let bytes = back_up(&config.storage.path, &args.file)?;
    let out = &mut io::stdout();
    writeln!(out, "{}: {bytes} bytes", args.file.display())?;
    writeln!(
        out,
        "Keep {} too, in another place: without it nobody can open the signing keys in the backup.",
        config.storage.secret_file().display()
    )?;
    Ok(())
}

/// `countersign restore`
///
/// # Errors
/// With a sentence for the operator.
pub async fn restore(args: RestoreArgs) -> anyhow::Result<()> {
    let config = args.config.load()?;
    ensure!(
        !config.storage.is_postgres(),
        "the store is a PostgreSQL database: restore it with pg_restore or to a point in time, then run `countersign after-restore`"
    );
    let database = &config.storage.path;
    let restoration = Restoration::stage(&args.file, database, args.replace)
        .with_context(|| format!("{} is not restored", args.file.display()))?;
    let storage = SqliteStorage::open(restoration.staged(), Role::Command)?;
    check_keys(&config, &storage).await?;
    let ended = end(&storage, &args.devices).await?;
    // Closed before it is moved.
    drop(storage);
    let replaced = restoration.install()?;
    let out = &mut io::stdout();
    writeln!(out, "{} is restored from {}.", database.display(), args.file.display())?;
    if let Some(replaced) = replaced {
        writeln!(
            out,
            "The database before it is kept as {}; remove it when you need it no more.",
            replaced.display()
        )?;
    }
    tell(out, ended)
}

/// `countersign after-restore`
///
/// # Errors
/// With a sentence for the operator.
pub async fn after_restore(args: AfterRestoreArgs) -> anyhow::Result<()> {
    let config = args.config.load()?;
    let url = config.storage.database_url()?;
    let ended = if let Some(url) = url {
        let storage = PostgresStorage::open(url.expose(), config.storage.connections, Arc::new(OsRandom)).await?;
        check_keys(&config, &storage).await?;
        let ended = end(&storage, &args.devices).await?;
        storage.close().await?;
        ended
    } else {
        // As a server, so that none runs meanwhile.
        let path: &Path = &config.storage.path;
        let storage = SqliteStorage::open(path, Role::Server)
            .with_context(|| format!("the database {} cannot be opened", path.display()))?;
        check_keys(&config, &storage).await?;
        end(&storage, &args.devices).await?
    };
    tell(&mut io::stdout(), ended)
}

/// A database without the key that sealed its signing keys would be of no use; better to know before it is the database.
async fn check_keys(config: &Config, storage: &impl SigningKeys) -> anyhow::Result<()> {
    let keys = storage.list_keys().await?;
    let path = config.storage.secret_file();
    let sealing = key_encryption_key(&path, !keys.is_empty(), &OsRandom)?;
    KeyRing::check(&keys, &sealing)
        .with_context(|| format!("{} does not open the signing keys in the backup", path.display()))
}

async fn end(storage: &impl Recovery, devices: &DeviceArgs) -> anyhow::Result<Ended> {
    let after = AfterRestore {
        revoke_devices: devices.revoke_devices,
        now: SystemClock.now(),
    };
    Ok(storage.after_restore(after).await?)
}

/// What happened, and what the operator has to do that no program can know.
fn tell(out: &mut impl Write, ended: Ended) -> anyhow::Result<()> {
    let Ended {
        requests,
        prompts,
        grants,
        debts,
        devices,
        active_devices,
    } = ended;
    let until = utc((SystemClock.now() + ASSERTION_MILLIS) / 1000);
    writeln!(
        out,
        "Ended, because what became of it since the backup is not known:\n  \
        {requests} requests that were not redeemed (their clients are told access_denied), {prompts} questions that waited for people,\n  \
        {grants} grants with their codes, access tokens and refresh tokens (clients ask again), {debts} notifications of clients, {devices} devices."
    )?;
    writeln!(
        out,
        "Back, if they went after the backup was made; look through them:\n  \
        removed clients (countersign client list), disabled people (countersign user list),\n  \
        revoked devices ({active_devices} are active; --revoke-devices makes everybody pair again)."
    )?;
    writeln!(
        out,
        "Gone, if they came after the backup was made: people, clients, devices, decisions and their receipts, signing keys.\n  \
        Devices that know only a signing key that is gone pair again."
    )?;
    writeln!(
        out,
        "A client assertion that was used after the backup could be presented again until {until}: start the server after that, unless you know \
        that none was intercepted."
    )?;
    Ok(())
}
