use countersign_protocol::{ClientId, DeviceId, Handle, Subject};
use rusqlite::{Row, types::FromSql};
use serde::{Serialize, de::DeserializeOwned};

use super::{StorageError, error::unavailable};
use crate::domain::{AccountKey, TokenHash};

/// Reads columns by name into domain values.
pub(super) trait Columns {
    /// A plain value, or none where the column is null and `T` an option.
    fn value<T: FromSql>(&self, column: &str) -> Result<T, StorageError>;

    fn text(&self, column: &str) -> Result<String, StorageError> {
        self.value(column)
    }

    /// JSON, or none where the column is null.
    fn json<T: DeserializeOwned>(&self, column: &str, what: &'static str) -> Result<Option<T>, StorageError> {
        let text: Option<String> = self.value(column)?;
        text.map(|text| serde_json::from_str(&text).map_err(|_| StorageError::Corrupt { what }))
            .transpose()
    }

    /// JSON that is never null.
    fn some_json<T: DeserializeOwned>(&self, column: &str, what: &'static str) -> Result<T, StorageError> {
        self.json(column, what)?.ok_or(StorageError::Corrupt { what })
    }

    /// A value whose JSON is a string, stored without quotes, or none where the column is null.
    fn word<T: DeserializeOwned>(&self, column: &str, what: &'static str) -> Result<Option<T>, StorageError> {
        let word: Option<String> = self.value(column)?;
        word.map(|word| {
            serde_json::from_value(serde_json::Value::String(word)).map_err(|_| StorageError::Corrupt { what })
        })
        .transpose()
    }

    /// A word that is never null.
    fn some_word<T: DeserializeOwned>(&self, column: &str, what: &'static str) -> Result<T, StorageError> {
        self.word(column, what)?.ok_or(StorageError::Corrupt { what })
    }

    fn account(&self) -> Result<AccountKey, StorageError> {
        Ok(AccountKey {
            iss: self.text("iss")?,
            sub: self.subject()?,
        })
    }

    fn subject(&self) -> Result<Subject, StorageError> {
        Ok(Subject::new(self.text("sub")?))
    }

    fn client_id(&self) -> Result<ClientId, StorageError> {
        Ok(ClientId::new(self.text("client_id")?))
    }

    fn handle(&self) -> Result<Handle, StorageError> {
        Ok(Handle::new(self.text("handle")?))
    }

    fn device_id(&self, column: &str) -> Result<Option<DeviceId>, StorageError> {
        Ok(self.value::<Option<String>>(column)?.map(DeviceId::new))
    }

    fn token_hash(&self, column: &str) -> Result<Option<TokenHash>, StorageError> {
        Ok(self.value::<Option<[u8; 32]>>(column)?.map(TokenHash))
    }
}

impl Columns for Row<'_> {
    fn value<T: FromSql>(&self, column: &str) -> Result<T, StorageError> {
        Ok(self.get(column)?)
    }
}

pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String, StorageError> {
    serde_json::to_string(value).map_err(unavailable)
}

/// The string that a value is in JSON, without quotes.
pub(super) fn to_word<T: Serialize>(value: &T) -> Result<String, StorageError> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        Ok(_) => Err(unavailable("the value is not a word")),
        Err(error) => Err(unavailable(error)),
    }
}

pub(super) fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
