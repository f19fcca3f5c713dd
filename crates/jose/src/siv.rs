//! Deterministic authenticated encryption of short values: a value has one sealed form in each context, and whoever lacks the key learns
//! nothing from it but its length and whether two values of one context are the same.
//!
//! The composition is that of SIV (RFC 5297, Rogaway and Shrimpton 2006): a pseudo-random function of context and value is both the
//! tag and the start of the keystream. Both halves are HMAC-SHA-256 here, under keys of their own.

use std::fmt;

use zeroize::Zeroizing;

use crate::{JoseError, digest};

const TAG_LEN: usize = 16;
const BLOCK_LEN: usize = 32;

/// A key that seals values deterministically and opens them again.
pub struct SivKey {
    tag: Zeroizing<[u8; 32]>,
    stream: Zeroizing<[u8; 32]>,
}

impl SivKey {
    /// Takes the key, which must come from a generator or from [`digest::derive_key`].
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        let key = Zeroizing::new(key);
        Self {
            tag: Zeroizing::new(digest::derive_key(key.as_slice(), "siv.tag")),
            stream: Zeroizing::new(digest::derive_key(key.as_slice(), "siv.stream")),
        }
    }

    /// The one sealed form of `plain` in `context`: 16 bytes longer.
    #[must_use]
    pub fn seal(&self, context: &str, plain: &[u8]) -> Vec<u8> {
        let tag = self.tag(context, plain);
        let mut sealed = tag.to_vec();
        sealed.extend(self.streamed(&tag, plain));
        sealed
    }

    /// Opens what [`SivKey::seal`] sealed for the same `context`.
    ///
    /// # Errors
    /// [`JoseError::Seal`], without saying which of key, context or bytes is wrong.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Vec<u8>, JoseError> {
        let (tag, cipher) = sealed.split_first_chunk::<TAG_LEN>().ok_or(JoseError::Seal)?;
        let plain = self.streamed(tag, cipher);
        if digest::equal(&self.tag(context, &plain), tag) {
            Ok(plain)
        } else {
            Err(JoseError::Seal)
        }
    }

    fn tag(&self, context: &str, plain: &[u8]) -> [u8; TAG_LEN] {
        // The length keeps a context that ends as the value begins apart from another one.
        let mut input = (context.len() as u64).to_be_bytes().to_vec();
        input.extend_from_slice(context.as_bytes());
        input.extend_from_slice(plain);
        let whole = digest::hmac_sha256(self.tag.as_slice(), &input);
        let mut tag = [0; TAG_LEN];
        for (to, from) in tag.iter_mut().zip(whole) {
            *to = from;
        }
        tag
    }

    fn streamed(&self, tag: &[u8; TAG_LEN], input: &[u8]) -> Vec<u8> {
        let mut output = Vec::with_capacity(input.len());
        for (number, block) in (0_u64..).zip(input.chunks(BLOCK_LEN)) {
            let mut position = tag.to_vec();
            position.extend_from_slice(&number.to_be_bytes());
            let stream = digest::hmac_sha256(self.stream.as_slice(), &position);
            output.extend(block.iter().zip(stream).map(|(byte, mask)| byte ^ mask));
        }
        output
    }
}

impl fmt::Debug for SivKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SivKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_one_sealed_form_in_each_context() {
        let key = SivKey::new([7; 32]);
        for len in [0, 1, 22, 31, 32, 33, 200] {
            let plain: Vec<u8> = (0..len).collect();
            let sealed = key.seal("a.example", &plain);
            assert_eq!(sealed.len(), plain.len() + TAG_LEN);
            assert_eq!(sealed, key.seal("a.example", &plain), "the same again");
            assert_eq!(key.open("a.example", &sealed), Ok(plain.clone()));
            assert_ne!(sealed, key.seal("b.example", &plain), "another context");
            assert_eq!(key.open("b.example", &sealed), Err(JoseError::Seal), "another context");
            let other = SivKey::new([8; 32]);
            assert_ne!(sealed, other.seal("a.example", &plain), "another key");
            assert_eq!(other.open("a.example", &sealed), Err(JoseError::Seal), "another key");
        }
        assert_ne!(
            key.seal("ab", b"c"),
            key.seal("a", b"bc"),
            "contexts end where they end"
        );
    }

    #[test]
    fn no_bit_can_be_changed_and_no_byte_lost() {
        let key = SivKey::new([7; 32]);
        let sealed = key.seal("c", b"a subject of twenty-two");
        for at in 0..sealed.len() * 8 {
            let mut altered = sealed.clone();
            altered[at / 8] ^= 1 << (at % 8);
            assert_eq!(key.open("c", &altered), Err(JoseError::Seal), "bit {at} was flipped");
        }
        for len in 0..sealed.len() {
            assert_eq!(key.open("c", &sealed[..len]), Err(JoseError::Seal), "only {len} bytes");
        }
    }

    /// What was sealed once opens for ever: a change of this form would give every person a new name. Computed by another program.
    #[test]
    fn the_form_does_not_change() {
        let sealed = SivKey::new([7; 32]).seal("shop.example", b"sub-anna");
        assert_eq!(crate::b64::encode(sealed), "vHC6yW8hNNFKityl-ji68SGsnN5xyGtY");
    }
}
