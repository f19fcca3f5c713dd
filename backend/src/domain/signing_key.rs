use countersign_clock::Millis;

/// What a key signs. A key has one purpose for life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyPurpose {
    /// ID tokens, ES256; in the provider's JWKS.
    IdTokenEs256,
    /// ID tokens, RS256; in the provider's JWKS.
    IdTokenRs256,
    /// Request objects, ES256; pinned by devices, never in the provider's JWKS.
    RequestObject,
}

impl KeyPurpose {
    /// How operators call it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::IdTokenEs256 => "id-token-es256",
            Self::IdTokenRs256 => "id-token-rs256",
            Self::RequestObject => "request-object",
        }
    }
}

/// The life of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// Published, not yet used, so that everybody knows it before its first signature.
    Next,
    /// Signs.
    Active,
    /// Published until the last thing it signed is over.
    Retiring,
    /// Gone. Only the announcement of a request-object key is left, for devices that were away.
    Dropped,
}

/// A key as it is stored.
#[derive(Clone)]
pub struct StoredKey {
    /// RFC 7638 thumbprint.
    pub kid: String,
    /// What it signs.
    pub purpose: KeyPurpose,
    /// Where it is in its life.
    pub state: KeyState,
    /// PKCS#8, sealed with the key-encryption key; the seal's context is the `kid`. Empty once the key is dropped.
    pub sealed: Vec<u8>,
    /// Public JWK, as JSON.
    pub public_jwk: String,
    /// When it was made.
    pub created_at: Millis,
    /// When it entered its present state.
    pub state_since: Millis,
    /// For request-object keys: the announcement of the set with this key, signed by the key before it (compact JWS).
    pub announcement: Option<String>,
}
