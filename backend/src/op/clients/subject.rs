//! What a client knows a person by (OpenID Connect Core section 8): everybody's name, or one that no other sector knows.
//!
//! A pairwise name is the person's own subject, sealed deterministically for the sector: the same on every node and for ever, without a
//! table, and back to the person for nobody else.

use countersign_jose::{JoseError, b64, siv::SivKey};
use countersign_protocol::Subject;

use super::sector::sector;
use crate::{
    domain::Client,
    keys::KeyRing,
    op::{OpError, Provider},
};

/// The key of pairwise names. It comes from the key-encryption key, never from a key that is rotated.
pub(in crate::op) fn pairwise_key(keys: &KeyRing) -> SivKey {
    SivKey::new(keys.sealing().derive("op.pairwise"))
}

impl Provider {
    /// What `client` knows the person `sub` by. Whatever a client learns of a person by name goes through here.
    pub(in crate::op) fn subject_for(&self, client: &Client, sub: &Subject) -> Subject {
        if client.tokens.pairwise {
            let sealed = self.pairwise.seal(&context(client), sub.as_str().as_bytes());
            Subject::new(b64::encode(sealed))
        } else {
            sub.clone()
        }
    }

    /// Whom `client` means by `sub`; none when that is nobody's name to this client. Whether there is such a person is not looked at.
    ///
    /// # Errors
    /// When a name that we made does not hold a subject.
    pub(in crate::op) fn person_of(&self, client: &Client, sub: &str) -> Result<Option<Subject>, OpError> {
        if !client.tokens.pairwise {
            return Ok(Some(Subject::new(sub)));
        }
        let sealed = b64::decode(sub).ok();
        let Some(plain) = sealed.and_then(|sealed| self.pairwise.open(&context(client), &sealed).ok()) else {
            return Ok(None);
        };
        let sub = String::from_utf8(plain).map_err(|_| JoseError::Malformed)?;
        Ok(Some(Subject::new(sub)))
    }
}

/// A client that registered no sector is one of its own: no host has a colon before its brackets.
fn context(client: &Client) -> String {
    sector(client).unwrap_or_else(|| format!("client:{}", client.id))
}
