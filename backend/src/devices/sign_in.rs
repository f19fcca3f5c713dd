//! The sign-in that registers a device: at the embedded provider, or at one of those outside.

use countersign_jose::{Algorithm, JwkSet};
use countersign_protocol::Secret;

use super::{DeviceError, DeviceRegistry, MAX_JWT_BYTES, id_token};
use crate::{
    config::ConnectorConfig,
    domain::{APP_CLIENT_ID, AccountKey, KeyPurpose, is_deceptive},
    issuers::IssuerError,
    keys::Snapshot,
};

/// Seconds that the embedded provider's clock may be ahead, which is ours.
const OWN_SKEW_SECONDS: i64 = 5;
/// Seconds that another provider's clock may be ahead.
const OTHER_SKEW_SECONDS: i64 = 60;
/// Longest name that is shown, characters.
const MAX_NAME_CHARS: usize = 128;

/// Who signed in.
pub(super) struct Person {
    pub(super) account: AccountKey,
    /// For people.
    pub(super) name: String,
}

impl DeviceRegistry {
    /// Who the ID token `token` is of. With `nonce` it has to be made for the key behind it.
    pub(super) async fn signed_in(
        &self,
        token: &Secret,
        nonce: Option<&str>,
        keys: &Snapshot,
    ) -> Result<Person, DeviceError> {
        let token = token.expose();
        if token.len() > MAX_JWT_BYTES {
            return Err(DeviceError::TooLong { field: "id_token_hint" });
        }
        let issuer = id_token::issuer_of(token)?;
        if issuer == self.parts.issuer {
            return self.signed_in_here(token, nonce, keys).await;
        }
        let provider = self.parts.issuers.find(&issuer);
        let provider = provider.ok_or(DeviceError::IdToken("another issuer"))?;
        self.signed_in_elsewhere(provider, token, nonce).await
    }

    async fn signed_in_here(&self, token: &str, nonce: Option<&str>, keys: &Snapshot) -> Result<Person, DeviceError> {
        let keys = JwkSet {
            keys: keys.public(&[
                KeyPurpose::IdToken(Algorithm::Es256),
                KeyPurpose::IdToken(Algorithm::Rs256),
            ]),
        };
        let sought = id_token::Sought {
            issuer: &self.parts.issuer,
            client_id: APP_CLIENT_ID,
            algorithms: &[Algorithm::Es256, Algorithm::Rs256],
            nonce,
            max_age: self.parts.config.registration_seconds.into(),
            skew: OWN_SKEW_SECONDS,
            now: self.parts.clock.now(),
        };
        let account = id_token::verify(token, &keys, &sought)?.account;
        let found = self.parts.storage.find_account(&account.sub).await?;
        let found = found.ok_or(DeviceError::IdToken("nobody is known by this name"))?;
        if found.disabled {
            return Err(DeviceError::AccountDisabled);
        }
        Ok(Person {
            account,
            name: found.name,
        })
    }

    async fn signed_in_elsewhere(
        &self,
        provider: &ConnectorConfig,
        token: &str,
        nonce: Option<&str>,
    ) -> Result<Person, DeviceError> {
        let kid = id_token::kid_of(token);
        let keys = self.parts.issuers.keys_of(&provider.issuer, kid.as_deref()).await;
        let keys = keys.map_err(|error| match error {
            IssuerError::Unknown => DeviceError::IdToken("another issuer"),
            error => DeviceError::Issuer(error),
        })?;
        let sought = id_token::Sought {
            issuer: &provider.issuer,
            client_id: &provider.app_client_id,
            algorithms: &Algorithm::ALL,
            nonce,
            max_age: self.parts.config.registration_seconds.into(),
            skew: OTHER_SKEW_SECONDS,
            now: self.parts.clock.now(),
        };
        let signed_in = id_token::verify(token, &keys, &sought)?;
        let name = signed_in.name.filter(|name| is_name(name));
        Ok(Person {
            name: name.unwrap_or_else(|| signed_in.account.sub.as_str().to_owned()),
            account: signed_in.account,
        })
    }
}

/// Another provider's name for a person is shown as long as it hides nothing.
fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.chars().count() <= MAX_NAME_CHARS && !name.chars().any(is_deceptive)
}
