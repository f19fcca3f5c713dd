//! Authenticated encryption of small values at rest: AES-256-GCM (NIST SP 800-38D).
//!
//! A sealed value is a version byte, a random nonce of 12 bytes, the ciphertext and its tag. Random nonces allow about four
//! thousand million values per key.

use std::fmt;

use zeroize::Zeroizing;

use crate::JoseError;
use crate::provider::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use crate::provider::rand::{SecureRandom, SystemRandom};

const VERSION: u8 = 1;

/// A key that seals values and opens them again.
pub struct SealingKey(Zeroizing<[u8; 32]>);

impl SealingKey {
    /// Takes the key, which must come from a generator or from [`crate::digest::derive_key`].
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self(Zeroizing::new(key))
    }

    /// Seals `plain` for one place: only [`SealingKey::open`] with the same `context` gives it back, so that a value copied to
    /// another row or column does not open there.
    ///
    /// # Errors
    /// [`JoseError::Seal`] when the provider's generator fails.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, JoseError> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| JoseError::Seal)?;
        let mut cipher = plain.to_vec();
        self.key()?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context.as_bytes()),
                &mut cipher,
            )
            .map_err(|_| JoseError::Seal)?;
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + cipher.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.append(&mut cipher);
        Ok(sealed)
    }

    /// Opens what [`SealingKey::seal`] sealed for the same `context`.
    ///
    /// # Errors
    /// [`JoseError::Seal`], without saying which of key, context, version or bytes is wrong.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, JoseError> {
        let (&version, rest) = sealed.split_first().ok_or(JoseError::Seal)?;
        let (&nonce, cipher) = rest.split_first_chunk::<NONCE_LEN>().ok_or(JoseError::Seal)?;
        if version != VERSION {
            return Err(JoseError::Seal);
        }
        let mut plain = Zeroizing::new(cipher.to_vec());
        let len = self
            .key()?
            .open_in_place(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context.as_bytes()),
                &mut plain,
            )
            .map_err(|_| JoseError::Seal)?
            .len();
        plain.truncate(len);
        Ok(plain)
    }

    /// Derives a key for another purpose: who shares this key shares that one, and gets from it to neither this one nor others.
    #[must_use]
    pub fn derive(&self, label: &str) -> [u8; 32] {
        crate::digest::derive_key(self.0.as_slice(), label)
    }

    fn key(&self) -> Result<LessSafeKey, JoseError> {
        UnboundKey::new(&AES_256_GCM, self.0.as_slice())
            .map(LessSafeKey::new)
            .map_err(|_| JoseError::Seal)
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_in_its_context_only() {
        let key = SealingKey::new([7; 32]);
        let sealed = key.seal("client.secret:web", b"s3cret").unwrap();
        assert_eq!(key.open("client.secret:web", &sealed).unwrap().as_slice(), b"s3cret");
        assert_eq!(key.open("client.secret:other", &sealed), Err(JoseError::Seal));
        assert_eq!(
            SealingKey::new([8; 32]).open("client.secret:web", &sealed),
            Err(JoseError::Seal)
        );
        assert_ne!(
            key.seal("client.secret:web", b"s3cret").unwrap(),
            sealed,
            "each sealing takes a fresh nonce"
        );
        assert_eq!(
            key.open("", &key.seal("", b"").unwrap()).unwrap().len(),
            0,
            "nothing is a value too"
        );
        assert_eq!(format!("{key:?}"), "SealingKey(..)");
    }

    #[test]
    fn what_is_derived_depends_on_key_and_label() {
        let key = SealingKey::new([7; 32]);
        assert_eq!(key.derive("nonce"), SealingKey::new([7; 32]).derive("nonce"));
        assert_ne!(key.derive("nonce"), key.derive("cookie"));
        assert_ne!(key.derive("nonce"), SealingKey::new([8; 32]).derive("nonce"));
    }

    #[test]
    fn any_altered_bit_or_lost_byte_closes_it() {
        let key = SealingKey::new([7; 32]);
        let sealed = key.seal("c", b"s3cret").unwrap();
        for at in 0..sealed.len() * 8 {
            let mut altered = sealed.clone();
            altered[at / 8] ^= 1 << (at % 8);
            assert_eq!(key.open("c", &altered), Err(JoseError::Seal), "bit {at} was flipped");
        }
        for len in 0..sealed.len() {
            assert_eq!(
                key.open("c", &sealed[..len]),
                Err(JoseError::Seal),
                "only {len} bytes are left"
            );
        }
    }
}
