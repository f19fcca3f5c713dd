//! The one façade over the crypto libraries: JWS, JWK, digests, sealing, passwords.
//!
//! It owns the strict reading and writing of compact JWS (RFC 7515), public keys (RFC 7517, RFC 7518, RFC 8037), their
//! thumbprints (RFC 7638) and the little symmetric cryptography the product needs. It follows RFC 8725: the caller names the
//! algorithms and the `typ` it expects, and everything the caller did not name is refused. It knows no claim beyond the shape
//! of times and audiences, no clock, and nobody's keys.
//!
//! Two providers do the arithmetic, chosen by feature: `aws-lc` (wins when both are on) and `ring`. With `ring` alone there
//! is no P-521 signature and no RSA key generation; asking for either is [`JoseError::Algorithm`].
//!
//! ```
//! use countersign_jose::{Algorithm, Expect, IntegerSeconds, SigningKey, Typ, verify};
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Claims {
//!     exp: IntegerSeconds,
//! }
//!
//! let key = SigningKey::generate(Algorithm::Es256)?;
//! let token = key.sign("countersign-decision+jwt", &Claims { exp: IntegerSeconds(1_700_000_000) })?;
//!
//! let expect = Expect { typ: Typ::Exactly("countersign-decision+jwt"), algs: &[Algorithm::Es256], max_len: 4096 };
//! let claims: Claims = verify(&token, &expect, &key.public_jwk())?.claims()?;
//! assert_eq!(claims.exp, IntegerSeconds(1_700_000_000));
//! # Ok::<(), countersign_jose::JoseError>(())
//! ```

#[cfg(not(any(feature = "aws-lc", feature = "ring")))]
compile_error!("countersign-jose needs a crypto provider: switch on its feature `aws-lc` or `ring`");

mod algorithm;
pub mod b64;
mod claims;
mod compact;
pub mod digest;
mod error;
mod jwk;
mod jwk_members;
mod jwk_set;
mod mac;
pub mod password;
mod provider;
pub mod seal;
mod signing_key;
pub mod siv;
pub mod unique;
mod verify;

#[cfg(test)]
mod tests;

pub use algorithm::Algorithm;
pub use claims::{Audience, IntegerSeconds};
pub use compact::{Expect, Header, Typ};
pub use error::JoseError;
pub use jwk::Jwk;
pub use jwk_set::JwkSet;
pub use mac::{ExpectMac, MacAlgorithm, MacKey, peek_mac_claims_unverified};
pub use signing_key::SigningKey;
pub use verify::{Verified, peek_claims_unverified, peek_header, verify, verify_embedded, verify_with_set};
