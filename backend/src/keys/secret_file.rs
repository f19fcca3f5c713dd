use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use countersign_clock::Random;
use countersign_jose::{b64, seal::SealingKey};

/// Why the key-encryption key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// It is gone, and what it sealed cannot be opened without it.
    #[error("{path} is missing, but the database holds keys that were sealed with it: restore it from your backup")]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// It is not 32 bytes in base64url.
    #[error("{path} does not hold a key-encryption key (32 bytes in base64url)")]
    Malformed {
        /// Where it is.
        path: PathBuf,
    },
    /// It cannot be read or written.
    #[error("{path} cannot be read or written")]
    Unreadable {
        /// Where it is.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Reads the key-encryption key, or makes it (mode 0600) unless something was already `sealed` with it.
///
/// # Errors
/// When it is missing although something is sealed, malformed, or the file cannot be used.
pub fn key_encryption_key(path: &Path, sealed: bool, random: &dyn Random) -> Result<SealingKey, SecretFileError> {
    let unreadable = |source| SecretFileError::Unreadable {
        path: path.to_owned(),
        source,
    };
    match fs::read_to_string(path) {
        Ok(text) => {
            let bytes = b64::decode(text.trim())
                .ok()
                .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
            bytes
                .map(SealingKey::new)
                .ok_or_else(|| SecretFileError::Malformed { path: path.to_owned() })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && sealed => {
            Err(SecretFileError::Missing { path: path.to_owned() })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut key = [0; 32];
            random.fill(&mut key);
            write_private(path, b64::encode(key).as_bytes()).map_err(unreadable)?;
            Ok(SealingKey::new(key))
        }
        Err(error) => Err(unreadable(error)),
    }
}

/// Writes a new file that its owner alone can read, and waits until it is on disk.
///
/// # Errors
/// When the file exists or cannot be written.
pub fn write_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(contents)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use countersign_clock::OsRandom;

    use super::*;

    #[test]
    fn it_is_made_once_and_opens_what_it_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db.key");
        let sealed = key_encryption_key(&path, false, &OsRandom)
            .unwrap()
            .seal("kid", b"private")
            .unwrap();
        let again = key_encryption_key(&path, true, &OsRandom).unwrap();
        assert_eq!(again.open("kid", &sealed).unwrap().as_slice(), b"private");
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
            assert_eq!(mode & 0o777, 0o600, "only its owner reads it");
        }
    }

    #[test]
    fn a_lost_key_is_not_replaced_while_something_is_sealed_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db.key");
        let error = key_encryption_key(&path, true, &OsRandom).unwrap_err();
        assert!(matches!(error, SecretFileError::Missing { .. }), "{error}");
        assert!(!path.exists(), "a refusal changes nothing");
    }
}
