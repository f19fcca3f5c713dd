//! The few choices that belong to this machine and not to an account, in one small file that only its owner can read.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::private_file;

/// The choices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// Where secrets are kept.
    #[serde(default)]
    pub(crate) key_store: KeyStoreChoice,
}

/// Where secrets are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyStoreChoice {
    /// In the key store of the operating system.
    #[default]
    System,
    /// In the encrypted file, because the person chose it.
    EncryptedFile,
}

/// Why the settings could not be read or written.
#[derive(Debug, Error)]
pub(crate) enum SettingsError {
    /// The file is there and cannot be read.
    #[error("read the settings")]
    Read(#[source] io::Error),
    /// The file says something else than settings.
    #[error("understand the settings")]
    Malformed(#[source] serde_json::Error),
    /// The file cannot be written.
    #[error("write the settings")]
    Write(#[source] io::Error),
}

/// The file.
#[derive(Debug, Clone)]
pub(crate) struct SettingsFile(PathBuf);

impl SettingsFile {
    /// The settings of the app whose configuration lies in `folder`.
    pub(crate) fn within(folder: &Path) -> Self {
        Self(folder.join("settings.json"))
    }

    /// Reads the settings; no file means the defaults.
    ///
    /// # Errors
    /// [`SettingsError::Read`] and [`SettingsError::Malformed`]: what was chosen is then unknown, and must not be guessed.
    pub(crate) fn load(&self) -> Result<Settings, SettingsError> {
        match fs::read(&self.0) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(SettingsError::Malformed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Settings::default()),
            Err(error) => Err(SettingsError::Read(error)),
        }
    }

    /// Replaces the settings as a whole.
    ///
    /// # Errors
    /// [`SettingsError::Write`]; the old settings then still stand.
    pub(crate) fn save(&self, settings: &Settings) -> Result<(), SettingsError> {
        let text = serde_json::to_vec_pretty(settings).map_err(|error| SettingsError::Write(error.into()))?;
        private_file::replace(&self.0, &text).map_err(SettingsError::Write)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_survives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = SettingsFile::within(&folder.path().join("not-yet-there"));
        assert_eq!(
            file.load().unwrap().key_store,
            KeyStoreChoice::System,
            "nothing was chosen yet"
        );
        let chosen = Settings {
            key_store: KeyStoreChoice::EncryptedFile,
        };
        file.save(&chosen).unwrap();
        assert_eq!(file.load().unwrap(), chosen);
    }

    #[test]
    fn unreadable_settings_are_an_error_not_a_default() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("settings.json"), b"{\"key_store\":\"cloud\"}").unwrap();
        let error = SettingsFile::within(folder.path()).load().unwrap_err();
        assert!(matches!(error, SettingsError::Malformed(_)), "{error}");
    }
}
