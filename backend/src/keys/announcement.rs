use countersign_jose::{JoseError, Jwk, SigningKey};
use countersign_protocol::{KEY_ANNOUNCEMENT_TYP, KeyAnnouncementClaims, PublicJwk};

/// Signs the set of request keys with a key that devices already know, so that they can follow a rotation without trusting the transport.
pub fn sign(announcer: &SigningKey, origin: &str, keys: &[Jwk], now_seconds: i64) -> Result<String, JoseError> {
    let keys = keys
        .iter()
        .map(|key| serde_json::to_value(key).map(PublicJwk))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| JoseError::Key)?;
    announcer.sign(
        KEY_ANNOUNCEMENT_TYP,
        &KeyAnnouncementClaims {
            iss: origin.to_owned(),
            iat: now_seconds,
            keys,
        },
    )
}
