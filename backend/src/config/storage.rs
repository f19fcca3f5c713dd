use std::{fmt, fs, path::PathBuf};

use serde::Deserialize;

use super::{ConfigError, require};

/// `[storage]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageConfig {
    /// The SQLite file, where no PostgreSQL database is named.
    pub path: PathBuf,
    /// The PostgreSQL database, or empty.
    pub url: DatabaseUrl,
    /// A file that holds the URL of the PostgreSQL database, or empty.
    pub url_file: PathBuf,
    /// How many connections to PostgreSQL a node has at most.
    pub connections: u32,
    /// Whether nodes tell each other of changes by `NOTIFY` of PostgreSQL.
    pub notify: bool,
    /// The key-encryption key, or empty.
    pub secret_file: PathBuf,
}

/// Where a PostgreSQL database is. It may hold a password, so it does not show itself.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The URL itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(..)")
    }
}

impl StorageConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let section = "storage";
        require(
            self.url.0.is_empty() || self.url_file.as_os_str().is_empty(),
            section,
            "url_file",
            || "url is there too: one of the two".to_owned(),
        )?;
        require(
            ["", "postgres://", "postgresql://"]
                .iter()
                .any(|scheme| self.url.0 == *scheme || (!scheme.is_empty() && self.url.0.starts_with(scheme))),
            section,
            "url",
            || "is not a postgres:// URL".to_owned(),
        )?;
        require((2..=1000).contains(&self.connections), section, "connections", || {
            format!("{} is not from 2 to 1000", self.connections)
        })?;
        require(
            !self.is_postgres() || !self.secret_file.as_os_str().is_empty(),
            section,
            "secret_file",
            || "has to be named with PostgreSQL: all nodes share one key-encryption key".to_owned(),
        )
    }

    /// Whether the store is a PostgreSQL database.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        !self.url.0.is_empty() || !self.url_file.as_os_str().is_empty()
    }

    /// Where the PostgreSQL database is; none where the store is a SQLite file.
    ///
    /// # Errors
    /// When the file that holds it cannot be read.
    pub fn database_url(&self) -> std::io::Result<Option<DatabaseUrl>> {
        if !self.is_postgres() {
            return Ok(None);
        }
        if self.url_file.as_os_str().is_empty() {
            return Ok(Some(self.url.clone()));
        }
        let url = fs::read_to_string(&self.url_file)?;
        Ok(Some(DatabaseUrl(url.trim().to_owned())))
    }

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

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn a_url_is_never_shown() {
        let toml = "[storage]\nurl = \"postgres://u:hunter2@db/c\"\nsecret_file = \"k\"";
        let config = Config::from_toml(toml).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        assert_eq!(
            config.storage.database_url().unwrap().unwrap().expose(),
            "postgres://u:hunter2@db/c"
        );
        let wrong = Config::from_toml("[storage]\nurl = \"mysql://u:hunter2@db/c\"").unwrap_err();
        assert!(!format!("{wrong:?} {wrong}").contains("hunter2"));
    }

    #[test]
    fn nodes_that_share_a_database_are_told_to_share_the_key_that_seals() {
        let refused = Config::from_toml("[storage]\nurl_file = \"/run/secrets/url\"").unwrap_err();
        assert!(refused.to_string().contains("secret_file"), "{refused}");
    }

    #[test]
    fn a_url_is_read_from_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("url");
        std::fs::write(&file, "postgres://db/c\n").unwrap();
        let toml = format!("[storage]\nurl_file = {file:?}\nsecret_file = \"k\"");
        let storage = Config::from_toml(&toml).unwrap().storage;
        assert_eq!(storage.database_url().unwrap().unwrap().expose(), "postgres://db/c");
        std::fs::remove_file(file).unwrap();
        assert!(storage.database_url().is_err());
    }
}
