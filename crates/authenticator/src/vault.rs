//! The encrypted file: secrets under a passphrase, for machines without a key store, when the person chose it.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use countersign_clock::Random;
use countersign_jose::{
    JoseError, b64,
    password::{self, PinCost},
    seal::SealingKey,
};
use countersign_protocol::Secret;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    host::{SecretStore, SecretStoreError},
    sync::held,
};

const CONTEXT: &str = "countersign-vault 1";
/// Shorter passphrases would make the file a formality.
const SHORTEST: usize = 8;

/// Why the file cannot be used.
#[derive(Debug, Error)]
pub enum VaultError {
    /// The passphrase has fewer than 8 characters.
    #[error("take such a short passphrase")]
    TooShort,
    /// Another passphrase, or a file that was altered.
    #[error("open the encrypted file with this passphrase")]
    WrongPassphrase,
    /// A file is there already; it is opened, never overwritten.
    #[error("make an encrypted file where one is")]
    Exists,
    /// The file cannot be read or written.
    #[error("read or write the encrypted file")]
    File(#[from] std::io::Error),
    /// The file is none of ours.
    #[error("understand the encrypted file")]
    Malformed,
    /// The key cannot be derived or used.
    #[error("derive the key of the encrypted file")]
    Key(#[from] JoseError),
}

#[derive(Serialize, Deserialize)]
struct Envelope {
    version: u32,
    salt: String,
    memory_kib: u32,
    passes: u32,
    sealed: String,
}

/// An encrypted file that is open.
pub struct Vault(Arc<Opened>);

struct Opened {
    path: PathBuf,
    key: SealingKey,
    salt: String,
    cost: PinCost,
    secrets: Mutex<BTreeMap<String, Secret>>,
}

impl Vault {
    /// Makes the file. Slow on purpose: call it where blocking is allowed.
    ///
    /// # Errors
    /// `TooShort`, `Exists`, or what the file system says.
    pub fn create(path: &Path, passphrase: &str, cost: PinCost, random: &dyn Random) -> Result<Self, VaultError> {
        if passphrase.chars().count() < SHORTEST {
            return Err(VaultError::TooShort);
        }
        if path.try_exists()? {
            return Err(VaultError::Exists);
        }
        let mut salt = [0; 16];
        random.fill(&mut salt);
        let key = password::key_from_pin(passphrase, &salt, cost)?;
        let opened = Opened {
            path: path.to_owned(),
            key: SealingKey::new(*key),
            salt: b64::encode(salt),
            cost,
            secrets: Mutex::default(),
        };
        opened.write(&BTreeMap::new())?;
        Ok(Self(Arc::new(opened)))
    }

    /// Opens the file. Slow on purpose: call it where blocking is allowed.
    ///
    /// # Errors
    /// `WrongPassphrase`, `Malformed`, or what the file system says.
    pub fn open(path: &Path, passphrase: &str) -> Result<Self, VaultError> {
        let text = std::fs::read(path)?;
        let envelope: Envelope = serde_json::from_slice(&text).map_err(|_| VaultError::Malformed)?;
        if envelope.version != 1 {
            return Err(VaultError::Malformed);
        }
        let cost = PinCost {
            memory_kib: envelope.memory_kib,
            passes: envelope.passes,
        };
        let key = password::key_from_pin(passphrase, &b64::decode(&envelope.salt)?, cost)?;
        let key = SealingKey::new(*key);
        let plain = key
            .open(CONTEXT, &b64::decode(&envelope.sealed)?)
            .map_err(|_| VaultError::WrongPassphrase)?;
        let secrets = serde_json::from_slice(&plain).map_err(|_| VaultError::Malformed)?;
        let path = path.to_owned();
        Ok(Self(Arc::new(Opened {
            path,
            key,
            salt: envelope.salt,
            cost,
            secrets: Mutex::new(secrets),
        })))
    }
}

impl Opened {
    /// Changes the secrets in file and memory, or in neither.
    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Secret>)) -> Result<(), VaultError> {
        let mut secrets = held(&self.secrets);
        let mut changed = secrets.clone();
        change(&mut changed);
        self.write(&changed)?;
        *secrets = changed;
        Ok(())
    }

    /// Replaces the file as a whole: after a crash it is the old one or the new one.
    fn write(&self, secrets: &BTreeMap<String, Secret>) -> Result<(), VaultError> {
        let plain = zeroize::Zeroizing::new(serde_json::to_vec(secrets).map_err(|_| VaultError::Malformed)?);
        let envelope = Envelope {
            version: 1,
            salt: self.salt.clone(),
            memory_kib: self.cost.memory_kib,
            passes: self.cost.passes,
            sealed: b64::encode(self.key.seal(CONTEXT, &plain)?),
        };
        let text = serde_json::to_vec(&envelope).map_err(|_| VaultError::Malformed)?;
        let mut beside = self.path.clone().into_os_string();
        beside.push(".new");
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside)?;
        file.write_all(&text)?;
        file.sync_all()?;
        std::fs::rename(&beside, &self.path)?;
        #[cfg(unix)]
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}

#[async_trait]
impl SecretStore for Vault {
    async fn get(&self, name: &str) -> Result<Option<Secret>, SecretStoreError> {
        Ok(held(&self.0.secrets).get(name).cloned())
    }

    async fn set(&self, name: &str, value: &Secret) -> Result<(), SecretStoreError> {
        let (name, value) = (name.to_owned(), value.clone());
        self.write_in_background(move |secrets| drop(secrets.insert(name, value)))
            .await
    }

    async fn delete(&self, name: &str) -> Result<(), SecretStoreError> {
        let name = name.to_owned();
        self.write_in_background(move |secrets| drop(secrets.remove(&name)))
            .await
    }
}

impl Vault {
    async fn write_in_background(
        &self,
        change: impl FnOnce(&mut BTreeMap<String, Secret>) + Send + 'static,
    ) -> Result<(), SecretStoreError> {
        let opened = Arc::clone(&self.0);
        let written = tokio::task::spawn_blocking(move || opened.change(change)).await;
        written
            .map_err(|error| SecretStoreError::Failed(Box::new(error)))?
            .map_err(|error| SecretStoreError::Failed(Box::new(error)))
    }
}

#[cfg(test)]
mod tests {
    use countersign_clock::SeededRandom;

    use super::*;

    const CHEAP: PinCost = PinCost {
        memory_kib: 64,
        passes: 1,
    };

    #[tokio::test]
    async fn secrets_survive_under_their_passphrase_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault");
        let random = SeededRandom::new(1);
        assert!(matches!(
            Vault::create(&path, "short", CHEAP, &random),
            Err(VaultError::TooShort)
        ));
        let vault = Vault::create(&path, "correct horse", CHEAP, &random).unwrap();
        vault.set("one", &Secret::new("hunter2")).await.unwrap();
        vault.set("two", &Secret::new("gone")).await.unwrap();
        vault.delete("two").await.unwrap();
        assert!(matches!(
            Vault::create(&path, "correct horse", CHEAP, &random),
            Err(VaultError::Exists)
        ));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            !text.contains("hunter2") && !text.contains("one\""),
            "S-052: names and values are sealed"
        );
        assert!(
            matches!(Vault::open(&path, "correct house"), Err(VaultError::WrongPassphrase)),
            "S-052"
        );
        let again = Vault::open(&path, "correct horse").unwrap();
        assert_eq!(again.get("one").await.unwrap().unwrap().expose(), "hunter2");
        assert!(again.get("two").await.unwrap().is_none());
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing is left beside it"
        );
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
            assert_eq!(mode & 0o777, 0o600, "S-052: nobody else reads the file");
        }
    }

    #[tokio::test]
    async fn an_altered_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault");
        let vault = Vault::create(&path, "correct horse", CHEAP, &SeededRandom::new(1)).unwrap();
        vault.set("one", &Secret::new("x")).await.unwrap();
        let mut envelope: Envelope = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let mut sealed = b64::decode(&envelope.sealed).unwrap();
        *sealed.last_mut().unwrap() ^= 1;
        envelope.sealed = b64::encode(sealed);
        std::fs::write(&path, serde_json::to_vec(&envelope).unwrap()).unwrap();
        assert!(matches!(
            Vault::open(&path, "correct horse"),
            Err(VaultError::WrongPassphrase)
        ));
    }
}
