//! The strict reading of a compact JWS (RFC 7515 section 7.1) up to, but not including, its signature.

use serde_json::{Map, Value};

use crate::jwk::MAX_KID_CHARS;
use crate::{Algorithm, JoseError, Jwk, b64, unique};

/// What the caller is prepared to read. Everything else is refused before any cryptography.
#[derive(Debug, Clone, Copy)]
pub struct Expect<'a> {
    /// The type of token.
    pub typ: Typ<'a>,
    /// The algorithms that may have signed it.
    pub algs: &'a [Algorithm],
    /// The longest token, in bytes.
    pub max_len: usize,
}

/// The `typ` that a token must have (RFC 8725 section 3.11). Media types are compared without regard to case, and
/// `application/` in front may be left out (RFC 7515 section 4.1.9).
#[derive(Debug, Clone, Copy)]
pub enum Typ<'a> {
    /// This type and no other: for every token whose specification names one.
    Exactly(&'a str),
    /// One of these types or none at all: for client assertions and ID tokens, whose specifications name no type.
    OneOfOrAbsent(&'a [&'a str]),
}

impl Typ<'_> {
    fn admits(self, found: Option<&str>) -> bool {
        match (self, found) {
            (Self::Exactly(expected), Some(found)) => same_type(expected, found),
            (Self::Exactly(_), None) => false,
            (Self::OneOfOrAbsent(expected), Some(found)) => expected.iter().any(|one| same_type(one, found)),
            (Self::OneOfOrAbsent(_), None) => true,
        }
    }
}

fn same_type(a: &str, b: &str) -> bool {
    short_type(a).eq_ignore_ascii_case(short_type(b))
}

fn short_type(typ: &str) -> &str {
    const PREFIX: &str = "application/";
    match typ.split_at_checked(PREFIX.len()) {
        // The prefix is implied only where no other slash follows.
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) && !rest.contains('/') => rest,
        _ => typ,
    }
}

/// The members of a protected header that we use; all others were refused or, when harmless, ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The algorithm, one of those expected.
    pub alg: Algorithm,
    /// The type of token, as written.
    pub typ: Option<String>,
    /// The name of the key: at most 256 characters, opaque, chosen by whoever made the token.
    pub kid: Option<String>,
    /// The key itself; only [`crate::verify_embedded`] lets it through.
    pub jwk: Option<Jwk>,
}

/// Whether the header may bring its own key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EmbeddedKey {
    Required,
    Forbidden,
}

/// A token that was read but whose signature nobody has looked at.
pub(crate) struct Compact<'t> {
    pub(crate) header: Header,
    pub(crate) signing_input: &'t str,
    pub(crate) payload: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

/// The parts of a token whose header asks for nothing that we never do; payload and signature are still encoded.
pub(crate) struct Parts<'t> {
    pub(crate) members: Map<String, Value>,
    pub(crate) signing_input: &'t str,
    pub(crate) payload: &'t str,
    pub(crate) signature: &'t str,
}

impl<'t> Parts<'t> {
    pub(crate) fn split(token: &'t str, max_len: usize) -> Result<Self, JoseError> {
        if token.len() > max_len {
            return Err(JoseError::TooLong);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(JoseError::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JoseError::Malformed)?;
        // An empty part is `alg: none` or detached content; a further dot is no base64url and fails below.
        if header.is_empty() || payload.is_empty() || signature.is_empty() {
            return Err(JoseError::Malformed);
        }
        let members = unique::object(&b64::decode(header)?)?;
        // Presence is enough: `crit: []` and `crit: null` are no better.
        if members.contains_key("crit") || members.contains_key("b64") {
            return Err(JoseError::Critical);
        }
        if ["jku", "x5u", "x5c", "zip"]
            .iter()
            .any(|name| members.contains_key(*name))
        {
            return Err(JoseError::ForbiddenHeader);
        }
        let parts = Self {
            members,
            signing_input,
            payload,
            signature,
        };
        // `cty: JWT` announces a token inside the token (RFC 7519 section 5.2); we read none.
        if parts.text("cty")?.is_some_and(|cty| same_type(cty, "JWT")) {
            return Err(JoseError::ForbiddenHeader);
        }
        Ok(parts)
    }

    /// A member of the header that is a string where it is there.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, JoseError> {
        match self.members.get(name) {
            None => Ok(None),
            Some(Value::String(value)) => Ok(Some(value)),
            Some(_) => Err(JoseError::Malformed),
        }
    }

    pub(crate) fn kid(&self) -> Result<Option<&str>, JoseError> {
        let kid = self.text("kid")?;
        if kid.is_some_and(|kid| kid.chars().count() > MAX_KID_CHARS) {
            return Err(JoseError::TooLong);
        }
        Ok(kid)
    }

    pub(crate) fn is_typ(&self, expected: Typ<'_>) -> Result<(), JoseError> {
        if expected.admits(self.text("typ")?) {
            Ok(())
        } else {
            Err(JoseError::Typ)
        }
    }
}

impl<'t> Compact<'t> {
    pub(crate) fn parse(token: &'t str, expect: &Expect<'_>, embedded: EmbeddedKey) -> Result<Self, JoseError> {
        let parts = Parts::split(token, expect.max_len)?;
        let header = Header::read(&parts, embedded)?;
        if !expect.algs.contains(&header.alg) {
            return Err(JoseError::Algorithm);
        }
        parts.is_typ(expect.typ)?;
        Ok(Self {
            header,
            signing_input: parts.signing_input,
            payload: b64::decode(parts.payload)?,
            signature: b64::decode(parts.signature)?,
        })
    }
}

impl Header {
    fn read(parts: &Parts<'_>, embedded: EmbeddedKey) -> Result<Self, JoseError> {
        let alg = parts.text("alg")?.ok_or(JoseError::Algorithm)?.parse()?;
        let kid = parts.kid()?.map(str::to_owned);
        let jwk = match (embedded, parts.members.get("jwk")) {
            (EmbeddedKey::Forbidden, None) => None,
            (EmbeddedKey::Forbidden, Some(_)) => return Err(JoseError::ForbiddenHeader),
            (EmbeddedKey::Required, Some(Value::Object(key))) => Some(Jwk::from_members(key)?),
            (EmbeddedKey::Required, Some(_)) => return Err(JoseError::Malformed),
            (EmbeddedKey::Required, None) => return Err(JoseError::KeyMismatch),
        };
        Ok(Self {
            alg,
            typ: parts.text("typ")?.map(str::to_owned),
            kid,
            jwk,
        })
    }
}
