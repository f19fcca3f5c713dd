//! Which key store is in use, and how that comes about.
//!
//! The key store of the operating system, when it really keeps what it is given. Otherwise nothing, until the person chooses the
//! encrypted file; that choice is written down and never made for them.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use async_trait::async_trait;
use countersign_authenticator::{
    PinCost, SecretStore, SecretStoreError, Vault, VaultError,
    view::{KeyStoreKind, KeyStoreState, KeyStoreView},
};
use countersign_clock::Random;
use countersign_protocol::{KeyLevel, Secret};
use keyring_core::CredentialStore;
use thiserror::Error;

use super::{
    blocking,
    keychain::{Keychain, failure},
    platform,
};
use crate::log::Chain;
use crate::settings::{KeyStoreChoice, Settings, SettingsError, SettingsFile};

/// A shorter passphrase is guessed from a stolen file.
const SHORTEST_PASSPHRASE: usize = 12;

/// How the key store of the operating system is opened; tests bring their own.
pub(crate) type OpenStore = dyn Fn() -> keyring_core::Result<Arc<CredentialStore>> + Send + Sync;

/// Why a key store could not be chosen or opened.
#[derive(Debug, Error)]
pub(crate) enum KeyStoreError {
    /// The passphrase is too short.
    #[error("take a passphrase of less than {SHORTEST_PASSPHRASE} characters")]
    PassphraseTooShort,
    /// There is a working key store, or a file already: choosing another would leave its keys behind.
    #[error("choose another key store while there is one")]
    AlreadyChosen,
    /// The encrypted file did not open.
    #[error("open the encrypted file")]
    Vault(#[from] VaultError),
    /// The store did not open.
    #[error("open the key store")]
    Store(#[from] SecretStoreError),
    /// The choice could not be written down.
    #[error("keep the choice of the key store")]
    Choice(#[from] SettingsError),
    /// The work broke off.
    #[error("finish opening the key store")]
    BrokeOff(#[from] tauri::Error),
}

/// The key store in use.
pub(crate) struct KeyStores {
    open: Arc<OpenStore>,
    settings: SettingsFile,
    vault: PathBuf,
    vault_cost: PinCost,
    random: Arc<dyn Random>,
    in_use: RwLock<InUse>,
}

#[derive(Clone)]
enum InUse {
    /// The store of the operating system.
    System(Arc<dyn SecretStore>),
    /// It is there, but locked.
    SystemLocked,
    /// The encrypted file, open.
    File(Arc<dyn SecretStore>),
    /// The encrypted file, before its passphrase was entered.
    FileLocked,
    /// None.
    Missing,
}

impl KeyStores {
    /// The key stores of an app whose settings and data lie in these folders. Nothing is opened yet.
    /// `vault_cost` is the price of one guess at a passphrase.
    pub(crate) fn new(
        open: Arc<OpenStore>,
        vault_cost: PinCost,
        random: Arc<dyn Random>,
        config_folder: &Path,
        data_folder: &Path,
    ) -> Self {
        Self {
            open,
            settings: SettingsFile::within(config_folder),
            vault: data_folder.join("keys.vault"),
            vault_cost,
            random,
            in_use: RwLock::new(InUse::Missing),
        }
    }

    /// Finds the key store to use: the one that was chosen, else that of the operating system. May wait for the person to unlock it.
    pub(crate) async fn find(&self) {
        let found = match self.settings.load() {
            Ok(Settings {
                key_store: KeyStoreChoice::EncryptedFile,
            }) => self.find_file(),
            Ok(Settings {
                key_store: KeyStoreChoice::System,
            }) => self.find_system().await,
            Err(error) => {
                // Guessing could start an empty store beside a full one.
                tracing::error!(error = %Chain(&error), "could not read which key store was chosen");
                InUse::Missing
            }
        };
        tracing::info!(store = found.name(), "key store");
        self.use_now(found);
    }

    /// Makes the encrypted file, sealed by `passphrase`, and keeps to it from now on.
    ///
    /// # Errors
    /// [`KeyStoreError::AlreadyChosen`] while another store works or holds keys; the others when the file cannot be made.
    pub(crate) async fn choose_encrypted_file(&self, passphrase: Secret) -> Result<(), KeyStoreError> {
        match self.in_use() {
            InUse::System(_) | InUse::File(_) | InUse::FileLocked => return Err(KeyStoreError::AlreadyChosen),
            InUse::Missing | InUse::SystemLocked => {}
        }
        if passphrase.expose().chars().count() < SHORTEST_PASSPHRASE {
            return Err(KeyStoreError::PassphraseTooShort);
        }
        let (path, cost, random) = (self.vault.clone(), self.vault_cost, Arc::clone(&self.random));
        let vault = blocking(move || {
            std::fs::create_dir_all(path.parent().unwrap_or(&path)).map_err(VaultError::File)?;
            match Vault::create(&path, passphrase.expose(), cost, &*random) {
                // Made before, and the choice was not written down: it is opened, never replaced.
                Err(VaultError::Exists) => Vault::open(&path, passphrase.expose()),
                made => made,
            }
        });
        let vault = vault.await??;
        self.settings.save(&Settings {
            key_store: KeyStoreChoice::EncryptedFile,
        })?;
        self.use_now(InUse::File(Arc::new(vault)));
        tracing::info!("the person chose the encrypted file");
        Ok(())
    }

    /// Opens the encrypted file with `passphrase`; where the operating system's store was locked, looks at it again.
    ///
    /// # Errors
    /// [`KeyStoreError::Vault`] when the passphrase is wrong, [`KeyStoreError::Store`] when the store is still locked or not there.
    pub(crate) async fn unlock(&self, passphrase: Secret) -> Result<(), KeyStoreError> {
        let found = match self.in_use() {
            InUse::System(_) | InUse::File(_) => return Ok(()),
            InUse::FileLocked => {
                let path = self.vault.clone();
                let vault = blocking(move || Vault::open(&path, passphrase.expose())).await??;
                InUse::File(Arc::new(vault))
            }
            InUse::SystemLocked | InUse::Missing => self.find_system().await,
        };
        let still = match found {
            InUse::SystemLocked => Err(SecretStoreError::Locked.into()),
            InUse::Missing => Err(SecretStoreError::Missing.into()),
            InUse::System(_) | InUse::File(_) | InUse::FileLocked => Ok(()),
        };
        self.use_now(found);
        still
    }

    /// The secrets in the store in use; a locked or missing store says so at each call.
    pub(crate) fn secrets(&self) -> Arc<dyn SecretStore> {
        match self.in_use() {
            InUse::System(store) | InUse::File(store) => store,
            InUse::SystemLocked | InUse::FileLocked => Arc::new(Closed::Locked),
            InUse::Missing => Arc::new(Closed::Missing),
        }
    }

    /// The store in use, for the window.
    pub(crate) fn view(&self) -> KeyStoreView {
        let (kind, state) = match self.in_use() {
            InUse::System(_) => (platform::kind(), KeyStoreState::Ready),
            InUse::SystemLocked => (platform::kind(), KeyStoreState::Locked),
            InUse::File(_) => (KeyStoreKind::EncryptedFile, KeyStoreState::Ready),
            InUse::FileLocked => (KeyStoreKind::EncryptedFile, KeyStoreState::Locked),
            InUse::Missing => (KeyStoreKind::None, KeyStoreState::Missing),
        };
        // Keys in a key store are kept well, but they are software keys: they are read to be used.
        KeyStoreView {
            kind,
            state,
            level: KeyLevel::Software,
        }
    }

    fn find_file(&self) -> InUse {
        if self.vault.is_file() {
            InUse::FileLocked
        } else {
            tracing::warn!("the encrypted file that was chosen is not there");
            InUse::Missing
        }
    }

    async fn find_system(&self) -> InUse {
        let open = Arc::clone(&self.open);
        let store = match blocking(move || open()).await {
            Ok(Ok(store)) => store,
            Ok(Err(error)) => return not_usable(&failure(&error)),
            Err(error) => {
                tracing::error!(%error, "looking for the key store broke off");
                return InUse::Missing;
            }
        };
        let keychain = Keychain::new(store, platform::piece_len(platform::platform()));
        match keychain.probe().await {
            Ok(()) => InUse::System(Arc::new(keychain)),
            Err(error) => not_usable(&error),
        }
    }

    fn in_use(&self) -> InUse {
        self.in_use.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn use_now(&self, found: InUse) {
        *self.in_use.write().unwrap_or_else(PoisonError::into_inner) = found;
    }
}

fn not_usable(error: &SecretStoreError) -> InUse {
    match error {
        SecretStoreError::Locked => InUse::SystemLocked,
        SecretStoreError::Missing => InUse::Missing,
        SecretStoreError::Failed(cause) => {
            tracing::info!(%cause, "the operating system offers no key store that works");
            InUse::Missing
        }
    }
}

impl InUse {
    const fn name(&self) -> &'static str {
        match self {
            Self::System(_) => "operating system",
            Self::SystemLocked => "operating system, locked",
            Self::File(_) => "encrypted file",
            Self::FileLocked => "encrypted file, locked",
            Self::Missing => "none",
        }
    }
}

/// A store that cannot be used now.
#[derive(Debug, Clone, Copy)]
enum Closed {
    Locked,
    Missing,
}

impl Closed {
    fn why(self) -> SecretStoreError {
        match self {
            Self::Locked => SecretStoreError::Locked,
            Self::Missing => SecretStoreError::Missing,
        }
    }
}

#[async_trait]
impl SecretStore for Closed {
    async fn get(&self, _name: &str) -> Result<Option<Secret>, SecretStoreError> {
        Err(self.why())
    }

    async fn set(&self, _name: &str, _value: &Secret) -> Result<(), SecretStoreError> {
        Err(self.why())
    }

    async fn delete(&self, _name: &str) -> Result<(), SecretStoreError> {
        Err(self.why())
    }
}
