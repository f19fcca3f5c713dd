//! What can be wrong with a token, a key, a sealed value or a password.

use thiserror::Error;

/// Why something was refused. It carries no text of the refused input, so it may be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum JoseError {
    /// Not the expected syntax: wrong number of parts, not base64url, not JSON, a member of the wrong type.
    #[error("the input is not well-formed")]
    Malformed,
    /// Longer than the caller allows, or a `kid` over 256 characters.
    #[error("the input is too long")]
    TooLong,
    /// An unknown algorithm, one the caller did not name, or one this provider cannot do.
    #[error("the algorithm is not allowed here")]
    Algorithm,
    /// The `typ` header is missing or is not the expected one (RFC 8725 section 3.11).
    #[error("the token is of another type than expected")]
    Typ,
    /// The header has `crit` or `b64`: there is no extension we understand (RFC 7515 section 4.1.11).
    #[error("the token asks for an extension that is not understood")]
    Critical,
    /// The header has a member that would choose the key or transform the payload (`jwk`, `jku`, `x5u`, `x5c`, `zip`, `cty: JWT`).
    #[error("the token header has a forbidden member")]
    ForbiddenHeader,
    /// A JSON object has the same member twice (RFC 8725 section 2.4).
    #[error("a JSON object repeats a member")]
    DuplicateMember,
    /// Not a public key that we use: unknown type or curve, wrong size, weak, contradictory members.
    #[error("the key is not a usable public key")]
    Key,
    /// Private or symmetric key material where a public key belongs.
    #[error("secret key material stands where a public key belongs")]
    SecretKey,
    /// There is no key for this token, or the key is for another algorithm, use or `kid`.
    #[error("no key fits the token")]
    KeyMismatch,
    /// The signature is not this key's signature over this token.
    #[error("the signature does not verify")]
    Signature,
    /// The claims are not a JSON object or not of the expected shape.
    #[error("the claims are not of the expected shape")]
    Claims,
    /// A private key could not be made, read or used.
    #[error("the private key cannot be used")]
    SigningKey,
    /// The value cannot be sealed, or was sealed with another key or context, or was altered.
    #[error("the value cannot be sealed or opened")]
    Seal,
    /// The password cannot be hashed, or the stored hash is not one of ours.
    #[error("the password or its hash cannot be processed")]
    Password,
}
