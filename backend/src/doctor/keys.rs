use countersign_clock::OsRandom;

use super::{Verdict, chain, ill, ok, skipped, store::open_to_others};
use crate::{
    app,
    config::Config,
    domain::{KeyPurpose, KeyState, StoredKey},
    keys::{KeyRing, key_encryption_key},
    storage::{Inspection, Role},
};

/// What was found of the keys that sign.
pub(super) struct Found {
    pub(super) verdict: Verdict,
    /// Ids of the keys that sign ID tokens, if they could be read.
    pub(super) signing: Vec<String>,
}

/// Whether the key-encryption key opens every signing key, and each purpose has one that signs.
pub(super) async fn open(config: &Config, look: Option<&Inspection>) -> Found {
    let nothing = |verdict| Found {
        verdict,
        signing: Vec::new(),
    };
    let current = look.is_some_and(|look| look.schema == look.known);
    if !current {
        return nothing(skipped("there is no database of this version to read them from"));
    }
    let stored = match read(config).await {
        Ok(stored) => stored,
        Err(error) => return nothing(ill(format!("they cannot be read: {error:#}"), "see `database`")),
    };
    let signing = stored
        .iter()
        .filter(|key| key.state == KeyState::Active && key.purpose != KeyPurpose::RequestObject)
        .map(|key| key.kid.clone())
        .collect();
    Found {
        verdict: judge(config, &stored),
        signing,
    }
}

async fn read(config: &Config) -> anyhow::Result<Vec<StoredKey>> {
    // The schema is of this version, so opening changes nothing.
    Ok(app::open_storage(&config.storage, Role::Command)
        .await?
        .list_keys()
        .await?)
}

fn judge(config: &Config, stored: &[StoredKey]) -> Verdict {
    if stored.is_empty() {
        return ok("there are none yet; the first start makes them");
    }
    let path = config.storage.secret_file();
    let name = path.display();
    let sealing = match key_encryption_key(&path, true, &OsRandom) {
        Ok(sealing) => sealing,
        Err(error) => {
            return ill(
                chain(&error),
                "put the file back that was there when the keys were made: see docs/operations.md",
            );
        }
    };
    // Secrets that an orchestrator mounts are often for a group.
    if let Some(mode) = open_to_others(&path, 0o007) {
        return ill(
            format!("{name} can be read by others (mode {mode:o})"),
            format!("chmod 600 {name}; if strangers could read it, rotate keys"),
        );
    }
    if let Err(error) = KeyRing::check(stored, &sealing) {
        return ill(
            format!("{name} does not open every signing key: {}", chain(&error)),
            "put the file back that was there when the keys were made",
        );
    }
    for purpose in KeyPurpose::FIRST {
        let signs = |key: &&StoredKey| key.purpose == purpose && key.state == KeyState::Active;
        if !stored.iter().any(|key| signs(&key)) {
            return ill(
                format!("no key signs for {}", purpose.word()),
                "run `countersign keys rotate` twice for this purpose",
            );
        }
    }
    ok(format!(
        "{name} opens all {} of them, and each purpose has one that signs",
        opened(stored)
    ))
}

fn opened(stored: &[StoredKey]) -> usize {
    stored.iter().filter(|key| key.state != KeyState::Dropped).count()
}
