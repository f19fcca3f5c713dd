use std::sync::Arc;

use countersign_jose::password;
use countersign_protocol::{Secret, USER_CODE_TYP, UserCodeClaims, UserCodeState};

use super::{
    DeviceError, DeviceRegistry,
    statement::{self, Said},
};
use crate::domain::{Account, Device, UserCode};

/// Under which used statements are remembered.
const KIND: &str = "user-code";

impl DeviceRegistry {
    /// Whether clients may ask the person of this device for a code, and whether the person has one.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn user_code(&self, current: &Device) -> Result<UserCodeState, DeviceError> {
        let offered = self.offers_user_codes(current);
        let set = offered && self.parts.storage.has_user_code(&current.account.sub).await?;
        Ok(UserCodeState { offered, set })
    }

    /// Sets the code that the person gives to clients, or takes it away, as a statement by the user-verification key asks.
    ///
    /// # Errors
    /// When there are no codes for this person, the statement does not verify, the code follows no rule or is the password, or the store does not
    /// answer.
    pub async fn set_user_code(&self, current: &Device, statement: &Secret) -> Result<(), DeviceError> {
        if !self.offers_user_codes(current) {
            return Err(DeviceError::NotFound);
        }
        let keys = current.keys.as_ref().ok_or(DeviceError::Removed)?;
        let claims: UserCodeClaims = statement::read(statement.expose(), USER_CODE_TYP, &keys.uv)?;
        let said = Said {
            iss: &claims.iss,
            aud: &claims.aud,
            iat: claims.iat,
            exp: claims.exp,
            jti: &claims.jti,
        };
        self.check_statement(current, &said)?;
        let code = claims.user_code.as_ref().map(|code| UserCode::parse(code.expose()));
        let code = code.transpose()?;
        self.use_statement(KIND, current, &said).await?;
        let storage = &self.parts.storage;
        let sub = &current.account.sub;
        let hash = match code {
            Some(code) => {
                let account = storage.find_account(sub).await?;
                Some(self.hash(code, account.ok_or(DeviceError::AccountDisabled)?).await?)
            }
            None => None,
        };
        let (id, what) = (&current.id, if hash.is_some() { "set" } else { "taken away" });
        if !storage.set_user_code(sub, hash).await? {
            return Err(DeviceError::AccountDisabled);
        }
        tracing::info!(device.id = %id, "a user code was {what} by device {id}");
        Ok(())
    }

    /// People of other providers have their codes there.
    fn offers_user_codes(&self, device: &Device) -> bool {
        self.parts.user_codes && device.account.iss == self.parts.issuer
    }

    /// Hashes a code that is not the password. One at a time: each takes 19 MiB and a core.
    async fn hash(&self, code: UserCode, account: Account) -> Result<String, DeviceError> {
        let Ok(permit) = Arc::clone(&self.hashing).acquire_owned().await else {
            return Err(DeviceError::Stopped);
        };
        let hashed = tokio::task::spawn_blocking(move || {
            let _held = permit;
            let code = code.secret().expose();
            if password::verify(code, &account.password_hash).map_err(DeviceError::Hash)? {
                return Err(DeviceError::UserCodeIsPassword);
            }
            password::hash(code).map_err(DeviceError::Hash)
        });
        hashed.await.map_err(|_| DeviceError::Stopped)?
    }
}
