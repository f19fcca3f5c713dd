//! Request objects and key announcements, verified with the keys that were pinned at registration.

use countersign_jose::{Algorithm, Expect, JoseError, Jwk, Typ};
use countersign_protocol::{
    DetailShown, DeviceId, ExactError, Handle, KEY_ANNOUNCEMENT_TYP, KeyAnnouncementClaims, KeyAnnouncements, Match,
    PublicJwk, REQUEST_TYP, RequestClaims, Subject, lay_out,
};
use thiserror::Error;

use crate::signer::from_wire;

/// One JWT (protocol page, section 9).
pub(crate) const MAX_JWT: usize = 16 * 1024;
/// Request keys remembered; the newest stay.
const MAX_PINNED: usize = 16;

/// Why a request object is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// Signed by a key that is not pinned: announcements may help.
    #[error("find the key of a request object among the pinned ones")]
    UnknownKey,
    /// Signature, type or form do not hold.
    #[error("verify the signature of a request object")]
    Signature(#[from] JoseError),
    /// Its authorization details cannot be shown line by line.
    #[error("lay out the authorization details of a request object")]
    Details(#[from] ExactError),
    /// It is for another device, person or request, or from another backend.
    #[error("match a request object with this account")]
    NotForUs,
    /// It is over.
    #[error("show a request object after its time")]
    Expired,
}

/// What a request object has to agree with.
pub(crate) struct Pinned<'a> {
    pub(crate) backend: &'a str,
    pub(crate) issuer: &'a str,
    pub(crate) subject: &'a Subject,
    pub(crate) device: &'a DeviceId,
    pub(crate) keys: &'a [PublicJwk],
}

/// A request object that may be shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VerifiedRequest {
    pub(crate) claims: RequestClaims,
    /// Its authorization details, line by line.
    pub(crate) details: Option<Vec<DetailShown>>,
}

/// Verifies a request object (section 5) at `now` (backend's clock, seconds).
pub(crate) fn request_object(
    object: &str,
    handle: &Handle,
    pinned: &Pinned<'_>,
    now: i64,
) -> Result<VerifiedRequest, VerifyError> {
    let claims: RequestClaims = by_pinned(object, REQUEST_TYP, pinned.keys)?;
    let ours = claims.iss == pinned.backend
        && claims.aud == *pinned.device
        && claims.op == pinned.issuer
        && claims.sub == *pinned.subject
        && claims.req == *handle;
    if !ours {
        return Err(VerifyError::NotForUs);
    }
    if claims.exp <= now || claims.exp < claims.iat {
        return Err(VerifyError::Expired);
    }
    // A request of which one line cannot be shown is not shown at all.
    let words = &claims.authorization_details_words;
    let details = claims.authorization_details.as_ref();
    let details = details.map(|details| lay_out(details, words)).transpose()?;
    Ok(VerifiedRequest { claims, details })
}

/// The pinned keys with those that pinned keys announce (section 4, `GET /ad/v1/keys`). `None` when nothing is new.
pub(crate) fn announced(
    announcements: &KeyAnnouncements,
    backend: &str,
    pinned: &[PublicJwk],
) -> Option<Vec<PublicJwk>> {
    let mut keys = pinned.to_vec();
    for statement in &announcements.statements {
        let Ok(claims) = by_pinned::<KeyAnnouncementClaims>(statement, KEY_ANNOUNCEMENT_TYP, &keys) else {
            continue;
        };
        if claims.iss != backend {
            continue;
        }
        for key in claims.keys {
            let Ok(new) = from_wire(&key) else { continue };
            if !keys
                .iter()
                .any(|known| thumbprint(known).as_deref() == Some(&new.thumbprint()))
            {
                keys.push(key);
            }
        }
    }
    let over = keys.len().saturating_sub(MAX_PINNED);
    keys.drain(..over);
    (keys != pinned).then_some(keys)
}

/// Whether `key` is one of the pinned ones.
pub(crate) fn is_pinned(key: &PublicJwk, pinned: &[PublicJwk]) -> bool {
    let wanted = thumbprint(key);
    wanted.is_some() && pinned.iter().any(|known| thumbprint(known) == wanted)
}

/// RFC 7638 thumbprint, when it is a key at all.
pub(crate) fn thumbprint(key: &PublicJwk) -> Option<String> {
    from_wire(key).ok().map(|jwk| jwk.thumbprint())
}

/// How a token of this `typ` has to look.
pub(crate) fn expect(typ: &str) -> Expect<'_> {
    Expect {
        typ: Typ::Exactly(typ),
        algs: &[Algorithm::Es256],
        max_len: MAX_JWT,
    }
}

fn by_pinned<C: serde::de::DeserializeOwned>(token: &str, typ: &str, keys: &[PublicJwk]) -> Result<C, VerifyError> {
    let header = countersign_jose::peek_header(token, &expect(typ))?;
    let kid = header.kid.ok_or(VerifyError::UnknownKey)?;
    let find = |key: &PublicJwk| from_wire(key).ok().filter(|jwk: &Jwk| jwk.thumbprint() == kid);
    let key = keys.iter().find_map(find).ok_or(VerifyError::UnknownKey)?;
    Ok(countersign_jose::verify(token, &expect(typ), &key)?.claims()?)
}

/// Whether what the person typed can be the number of the other screen.
pub(crate) fn is_number(text: &str) -> bool {
    (2..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether the person has to type a number.
pub(crate) fn wants_number(claims: &RequestClaims) -> bool {
    claims.matching == Match::Type
}
