use countersign_clock::Millis;
use countersign_jose::{Algorithm, Expect, IntegerSeconds, Typ, digest, verify_embedded};
use countersign_protocol::DPOP_TYP;
use serde::Deserialize;
use url::Url;

use super::{DeviceError, MAX_ID_CHARS, MAX_JWT_BYTES, nonce::Nonces};

/// How far the clocks of device and backend may differ, seconds.
pub const SKEW_SECONDS: i64 = 120;

/// What a proof is made for.
pub struct ProofFor<'a> {
    /// HTTP method.
    pub method: &'a str,
    /// The backend's origin followed by the path.
    pub url: &'a str,
    /// The access token beside it, where there is one.
    pub access_token: Option<&'a str>,
    /// Now.
    pub now: Millis,
}

/// A proof that verified. Whether its `jti` is new is asked once its sender is known.
#[derive(Debug)]
pub struct Proven {
    /// Thumbprint of the key that made it.
    pub thumbprint: String,
    /// Its id.
    pub jti: String,
    /// Until when it could be accepted.
    pub until: Millis,
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: IntegerSeconds,
    nonce: Option<String>,
    ath: Option<String>,
}

/// Checks a proof as RFC 9449 section 4.3 asks, except for the replay of its `jti`.
pub fn check(proof: &str, made_for: &ProofFor<'_>, nonces: &Nonces) -> Result<Proven, DeviceError> {
    let expect = Expect {
        typ: Typ::Exactly(DPOP_TYP),
        algs: &[Algorithm::Es256],
        max_len: MAX_JWT_BYTES,
    };
    let verified = verify_embedded(proof, &expect).map_err(|_| DeviceError::Proof("it does not verify"))?;
    let claims: Claims = verified
        .claims()
        .map_err(|_| DeviceError::Proof("a claim is missing or of the wrong kind"))?;
    let key = verified.header().jwk.as_ref();
    let thumbprint = key.ok_or(DeviceError::Proof("it has no key"))?.thumbprint();
    if claims.htm != made_for.method {
        return Err(DeviceError::Proof("`htm` is another method"));
    }
    if !same_target(&claims.htu, made_for.url) {
        return Err(DeviceError::Proof("`htu` is another address"));
    }
    if claims.jti.is_empty() || claims.jti.chars().count() > MAX_ID_CHARS {
        return Err(DeviceError::Proof("`jti` is empty or too long"));
    }
    if claims.ath != made_for.access_token.map(digest::sha256_b64) {
        return Err(DeviceError::Proof("`ath` is not the digest of the access token"));
    }
    // The nonce comes before the time: who has a wrong clock learns the right one from the answer to a fresh nonce, not the other way round.
    if !claims.nonce.is_some_and(|nonce| nonces.accepts(&nonce, made_for.now)) {
        return Err(DeviceError::Nonce);
    }
    let iat = claims.iat.0;
    if (made_for.now.div_euclid(1000) - iat).abs() > SKEW_SECONDS {
        return Err(DeviceError::Proof("`iat` is too far from the time of the backend"));
    }
    Ok(Proven {
        thumbprint,
        jti: claims.jti,
        until: (iat + SKEW_SECONDS + 1) * 1000,
    })
}

/// Compares scheme, host, port and path after the normalization that RFC 3986 section 6.2 describes; query and fragment do not count.
fn same_target(claimed: &str, actual: &str) -> bool {
    let plain = |text| {
        let mut url = Url::parse(text).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    };
    plain(claimed).is_some_and(|claimed| plain(actual) == Some(claimed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_compared_as_addresses() {
        let url = "https://id.example/ad/v1/requests";
        for same in [
            url,
            "https://id.example:443/ad/v1/requests",
            "HTTPS://ID.example/ad/v1/requests?x=1#y",
        ] {
            assert!(same_target(same, url), "{same} is the same address");
        }
        for other in [
            "http://id.example/ad/v1/requests",
            "https://id.example:8443/ad/v1/requests",
            "https://id.example/ad/v1/requests/",
            "https://user@id.example/ad/v1/requests",
            "/ad/v1/requests",
            "",
        ] {
            assert!(!same_target(other, url), "S-027: {other} is another address");
        }
    }
}
