//! What people know: passwords and PINs, through Argon2id (RFC 9106). Machine secrets are random and need only a digest.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use crate::JoseError;
use crate::provider::rand::{SecureRandom, SystemRandom};

/// Longer passwords are refused: hashing them would be free work for whoever sends them.
const MAX_PASSWORD_LEN: usize = 1024;
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// Hashes a password of at most 1024 bytes with a fresh salt, as a PHC string (Argon2id, 19 MiB, two passes). Takes tens of
/// milliseconds: not for the async workers.
///
/// # Errors
/// [`JoseError::Password`] when it is too long or the provider's generator fails.
pub fn hash(password: &str) -> Result<String, JoseError> {
    if password.len() > MAX_PASSWORD_LEN {
        return Err(JoseError::Password);
    }
    let mut salt = [0; 16];
    SystemRandom::new().fill(&mut salt).map_err(|_| JoseError::Password)?;
    let salt = SaltString::encode_b64(&salt).map_err(|_| JoseError::Password)?;
    let argon2 = argon2(MEMORY_KIB, PASSES)?;
    let phc = argon2
        .hash_password(password.as_bytes(), &salt)
        .map_err(|_| JoseError::Password)?;
    Ok(phc.to_string())
}

/// Whether `password` is the one that `phc` was made from, at the cost written in `phc`.
///
/// # Errors
/// [`JoseError::Password`] when `phc` is not an Argon2id PHC string.
pub fn verify(password: &str, phc: &str) -> Result<bool, JoseError> {
    let stored = PasswordHash::new(phc).map_err(|_| JoseError::Password)?;
    if stored.algorithm != Algorithm::Argon2id.ident() {
        return Err(JoseError::Password);
    }
    if password.len() > MAX_PASSWORD_LEN {
        return Ok(false);
    }
    match argon2(MEMORY_KIB, PASSES)?.verify_password(password.as_bytes(), &stored) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::Password) => Ok(false),
        Err(_) => Err(JoseError::Password),
    }
}

/// A PHC string that no password matches. Verifying against it costs what a real one costs, so that an unknown name is not
/// told apart by time.
#[must_use]
pub const fn decoy() -> &'static str {
    // The hash is all zeros: finding a password for it is finding a preimage.
    "$argon2id$v=19$m=19456,t=2,p=1$Y291bnRlcnNpZ24uZGVjb3k$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
}

/// The price of one guess at a PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub passes: u32,
}

impl Default for PinCost {
    /// 64 MiB and three passes, the second choice of RFC 9106 section 4 with one lane.
    fn default() -> Self {
        Self {
            memory_kib: 64 * 1024,
            passes: 3,
        }
    }
}

/// Derives a key from a PIN: the same PIN, salt (at least 8 bytes) and cost give the same key.
///
/// # Errors
/// [`JoseError::Password`] when the PIN is longer than 1024 bytes, or Argon2 does not allow the salt or the cost.
pub fn key_from_pin(pin: &str, salt: &[u8], cost: PinCost) -> Result<Zeroizing<[u8; 32]>, JoseError> {
    if pin.len() > MAX_PASSWORD_LEN {
        return Err(JoseError::Password);
    }
    let mut key = Zeroizing::new([0; 32]);
    argon2(cost.memory_kib, cost.passes)?
        .hash_password_into(pin.as_bytes(), salt, key.as_mut_slice())
        .map_err(|_| JoseError::Password)?;
    Ok(key)
}

fn argon2(memory_kib: u32, passes: u32) -> Result<Argon2<'static>, JoseError> {
    let params = Params::new(memory_kib, passes, 1, Some(32)).map_err(|_| JoseError::Password)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_opens_its_own_hash_only() {
        let phc = hash("correct horse").unwrap();
        assert!(
            phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "the agreed cost is in the hash: {phc}"
        );
        assert_eq!(verify("correct horse", &phc), Ok(true));
        assert_eq!(verify("correct horse ", &phc), Ok(false));
        assert_ne!(hash("correct horse").unwrap(), phc, "each hash has a salt of its own");
    }

    #[test]
    fn the_decoy_costs_the_same_and_matches_nothing() {
        let cost = |phc: &str| phc.split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(cost(decoy()), cost(&hash("x").unwrap()));
        assert_eq!(verify("", decoy()), Ok(false));
        assert_eq!(verify("x", decoy()), Ok(false));
    }

    #[test]
    fn foreign_hashes_and_endless_passwords_are_refused() {
        let argon2d = decoy().replace("argon2id", "argon2d");
        for phc in [
            "",
            "plain",
            "$2b$10$abcdefghijklmnopqrstuv",
            "$argon2id$v=19$m=1,t=0,p=0$AAAA$AAAA",
            &argon2d,
        ] {
            assert_eq!(verify("x", phc), Err(JoseError::Password), "{phc:?} is not ours");
        }
        let endless = "x".repeat(1025);
        assert_eq!(hash(&endless), Err(JoseError::Password));
        assert_eq!(verify(&endless, decoy()), Ok(false));
    }

    #[test]
    fn a_pin_and_its_salt_decide_the_key() {
        let cost = PinCost {
            memory_kib: 64,
            passes: 1,
        };
        let key = key_from_pin("493817", b"saltsalt", cost).unwrap();
        assert_eq!(key_from_pin("493817", b"saltsalt", cost).unwrap(), key);
        assert_ne!(key_from_pin("493818", b"saltsalt", cost).unwrap(), key);
        assert_ne!(key_from_pin("493817", b"saltsalu", cost).unwrap(), key);
        assert_ne!(
            key_from_pin("493817", b"saltsalt", PinCost { passes: 2, ..cost }).unwrap(),
            key
        );
        assert_eq!(key_from_pin("493817", b"short", cost), Err(JoseError::Password));
        assert_eq!(
            PinCost::default(),
            PinCost {
                memory_kib: 65_536,
                passes: 3
            }
        );
    }
}
