use countersign_protocol::{ClientId, DeviceId, Handle, Subject};
use serde::{Serialize, de::DeserializeOwned};

use super::{StorageError, error::unavailable};
use crate::domain::{AccountKey, TokenHash};

/// The columns of a row as a database has them, by name; none where a column is null.
pub trait Columns {
    /// A number, a time or a flag.
    fn int(&self, column: &str) -> Result<Option<i64>, StorageError>;
    /// Text.
    fn text(&self, column: &str) -> Result<Option<String>, StorageError>;
    /// Bytes.
    fn bytes(&self, column: &str) -> Result<Option<Vec<u8>>, StorageError>;
}

/// Reads columns by name into domain values.
pub struct Row<'r>(pub &'r dyn Columns);

impl Row<'_> {
    /// A plain value, or none where the column is null and `T` an option.
    pub(super) fn value<T: FromColumn>(&self, column: &str) -> Result<T, StorageError> {
        T::from_column(self.0, column)
    }

    pub(super) fn text(&self, column: &str) -> Result<String, StorageError> {
        self.value(column)
    }

    /// JSON, or none where the column is null.
    pub(super) fn json<T: DeserializeOwned>(
        &self,
        column: &str,
        what: &'static str,
    ) -> Result<Option<T>, StorageError> {
        let text: Option<String> = self.value(column)?;
        text.map(|text| serde_json::from_str(&text).map_err(|_| StorageError::Corrupt { what }))
            .transpose()
    }

    /// JSON that is never null.
    pub(super) fn some_json<T: DeserializeOwned>(&self, column: &str, what: &'static str) -> Result<T, StorageError> {
        self.json(column, what)?.ok_or(StorageError::Corrupt { what })
    }

    /// A value whose JSON is a string, stored without quotes, or none where the column is null.
    pub(super) fn word<T: DeserializeOwned>(
        &self,
        column: &str,
        what: &'static str,
    ) -> Result<Option<T>, StorageError> {
        let word: Option<String> = self.value(column)?;
        word.map(|word| {
            serde_json::from_value(serde_json::Value::String(word)).map_err(|_| StorageError::Corrupt { what })
        })
        .transpose()
    }

    /// A word that is never null.
    pub(super) fn some_word<T: DeserializeOwned>(&self, column: &str, what: &'static str) -> Result<T, StorageError> {
        self.word(column, what)?.ok_or(StorageError::Corrupt { what })
    }

    pub(super) fn account(&self) -> Result<AccountKey, StorageError> {
        Ok(AccountKey {
            iss: self.text("iss")?,
            sub: self.subject()?,
        })
    }

    pub(super) fn subject(&self) -> Result<Subject, StorageError> {
        Ok(Subject::new(self.text("sub")?))
    }

    pub(super) fn client_id(&self) -> Result<ClientId, StorageError> {
        Ok(ClientId::new(self.text("client_id")?))
    }

    pub(super) fn handle(&self) -> Result<Handle, StorageError> {
        Ok(Handle::new(self.text("handle")?))
    }

    pub(super) fn device_id(&self, column: &str) -> Result<Option<DeviceId>, StorageError> {
        Ok(self.value::<Option<String>>(column)?.map(DeviceId::new))
    }

    pub(super) fn token_hash(&self, column: &str) -> Result<Option<TokenHash>, StorageError> {
        Ok(self.value::<Option<[u8; 32]>>(column)?.map(TokenHash))
    }
}

/// What a column that is not null holds.
pub(super) trait Plain: Sized {
    fn find(columns: &dyn Columns, column: &str) -> Result<Option<Self>, StorageError>;
}

/// What can be read from a column: something plain, or an option of it.
pub(super) trait FromColumn: Sized {
    fn from_column(columns: &dyn Columns, column: &str) -> Result<Self, StorageError>;
}

const VALUE: StorageError = StorageError::Corrupt { what: "value" };

impl<T: Plain> FromColumn for T {
    fn from_column(columns: &dyn Columns, column: &str) -> Result<Self, StorageError> {
        T::find(columns, column)?.ok_or(VALUE)
    }
}

impl<T: Plain> FromColumn for Option<T> {
    fn from_column(columns: &dyn Columns, column: &str) -> Result<Self, StorageError> {
        T::find(columns, column)
    }
}

impl Plain for i64 {
    fn find(columns: &dyn Columns, column: &str) -> Result<Option<Self>, StorageError> {
        columns.int(column)
    }
}

impl Plain for u32 {
    fn find(columns: &dyn Columns, column: &str) -> Result<Option<Self>, StorageError> {
        let found = columns.int(column)?;
        found.map(|found| Self::try_from(found).map_err(|_| VALUE)).transpose()
    }
}

impl Plain for bool {
    fn find(columns: &dyn Columns, column: &str) -> Result<Option<Self>, StorageError> {
        Ok(columns.int(column)?.map(|flag| flag != 0))
    }
}

impl Plain for String {
    fn find(columns: &dyn Columns, column: &str) -> Result<Option<Self>, StorageError> {
        columns.text(column)
    }
}

impl Plain for Vec<u8> {
    fn find(columns: &dyn Columns, column: &str) -> Result<Option<Self>, StorageError> {
        columns.bytes(column)
    }
}

impl Plain for [u8; 32] {
    fn find(columns: &dyn Columns, column: &str) -> Result<Option<Self>, StorageError> {
        let found = columns.bytes(column)?;
        found.map(|found| Self::try_from(found).map_err(|_| VALUE)).transpose()
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
