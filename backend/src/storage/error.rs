/// Why the store could not answer. None of these says anything about the data: "not there" and "too late" are verdicts.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The file or server cannot be used now.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store was written by a newer version.
    #[error(
        "the store has schema version {found}, this program knows up to {known}: install the newer program or restore an older backup"
    )]
    TooNew {
        /// Version in the store.
        found: i64,
        /// Newest version this program knows.
        known: i64,
    },
    /// Another server has the file.
    #[error("another countersign server is using {path}")]
    InUse {
        /// The file.
        path: String,
    },
    /// A row does not read back as what was written.
    #[error("the store holds a {what} that cannot be read")]
    Corrupt {
        /// Which kind of row.
        what: &'static str,
    },
}

pub(super) fn unavailable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StorageError {
    StorageError::Unavailable(error.into())
}
