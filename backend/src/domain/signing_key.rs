use countersign_clock::Millis;
use countersign_jose::Algorithm;

/// What a key signs. A key has one purpose for life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyPurpose {
    /// ID tokens, access tokens and answers of userinfo, with one algorithm; in the provider's JWKS.
    IdToken(Algorithm),
    /// Request objects, ES256; pinned by devices, never in the provider's JWKS.
    RequestObject,
}

impl KeyPurpose {
    /// All purposes. Those of [`KeyPurpose::FIRST`] have a key from the first start, the others from the first client that needs one.
    pub const ALL: [Self; 11] = [
        Self::IdToken(Algorithm::Es256),
        Self::IdToken(Algorithm::Rs256),
        Self::RequestObject,
        Self::IdToken(Algorithm::Es384),
        Self::IdToken(Algorithm::Es512),
        Self::IdToken(Algorithm::Ps256),
        Self::IdToken(Algorithm::Ps384),
        Self::IdToken(Algorithm::Ps512),
        Self::IdToken(Algorithm::Rs384),
        Self::IdToken(Algorithm::Rs512),
        Self::IdToken(Algorithm::EdDsa),
    ];

    /// Purposes that have a key from the first start, in the order in which the keys are made.
    pub const FIRST: [Self; 3] = [
        Self::IdToken(Algorithm::Es256),
        Self::IdToken(Algorithm::Rs256),
        Self::RequestObject,
    ];

    /// The algorithm of its keys.
    #[must_use]
    pub fn algorithm(self) -> Algorithm {
        match self {
            Self::IdToken(algorithm) => algorithm,
            Self::RequestObject => Algorithm::Es256,
        }
    }

    /// How operators call it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::IdToken(Algorithm::Es256) => "id-token-es256",
            Self::IdToken(Algorithm::Es384) => "id-token-es384",
            Self::IdToken(Algorithm::Es512) => "id-token-es512",
            Self::IdToken(Algorithm::Ps256) => "id-token-ps256",
            Self::IdToken(Algorithm::Ps384) => "id-token-ps384",
            Self::IdToken(Algorithm::Ps512) => "id-token-ps512",
            Self::IdToken(Algorithm::Rs256) => "id-token-rs256",
            Self::IdToken(Algorithm::Rs384) => "id-token-rs384",
            Self::IdToken(Algorithm::Rs512) => "id-token-rs512",
            Self::IdToken(Algorithm::EdDsa) => "id-token-eddsa",
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
