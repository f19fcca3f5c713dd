use std::path::PathBuf;

use serde::Deserialize;

/// `[storage]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageConfig {
    /// The SQLite file.
    pub path: PathBuf,
    /// The key-encryption key, or empty.
    pub secret_file: PathBuf,
}

impl StorageConfig {
    /// Where the key-encryption key is.
    #[must_use]
    pub fn secret_file(&self) -> PathBuf {
        if self.secret_file.as_os_str().is_empty() {
            let mut beside = self.path.clone().into_os_string();
            beside.push(".key");
            return beside.into();
        }
        self.secret_file.clone()
    }
}
